"""The sheets of the weekend say what they promise, and fit together."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from contracts.envelope import Malformed, parse
from contracts.reference import load_reference
from contracts.roles import Role
from deploy.demo.doors import is_of_a_child, record_of, sheet_of
from deploy.demo.scenario import (
    NOT_REGISTERED,
    OWN_COLUMNS,
    SAMPLES,
    Do,
    Door,
    Outcome,
    Report,
    Scenario,
    Shows,
    What,
    load,
)
from deploy.local.problem import Problem
from services.registration.intake_csv import read_sheet

FACILITIES = {"LP1-PLG", "LPP-PLG", "RTN-PLG", "LPKA-PLG", "LP-SKY", "LPN-BYA", "LP-TJR", "RTN-PBM", "LP-KAG"}
STATUSES = {
    "registered", "provisionally_registered", "tracing", "cancelled", "closed", "handed_on", NOT_REGISTERED,
}  # fmt: skip
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture(scope="module")
def weekend() -> Scenario:
    return load()


def is_readable(report: Report) -> bool:
    try:
        parse(report.event, json.dumps(report.data))
    except Malformed:
        return False
    return True


def test_all_nine_institutions_release_somebody(weekend: Scenario) -> None:
    released = {report.facility for report in weekend.reports if report.what is What.RELEASED}

    assert released >= FACILITIES
    assert released - FACILITIES == {"LP-JMB"}  # a prison that we do not know


def test_the_releases_lie_between_friday_ten_and_sunday_night(weekend: Scenario) -> None:
    moments = [
        datetime.fromisoformat(report.cells["released_at"])
        for report in weekend.reports
        if report.what is What.RELEASED and is_readable(report)
    ]

    assert min(moments) == datetime.fromisoformat("2026-05-29T10:00:00+07:00")
    assert datetime.fromisoformat("2026-05-31T20:00:00+07:00") < max(moments)
    assert max(moments) < datetime.fromisoformat("2026-06-01T00:00:00+07:00")
    assert len({report.case for report in weekend.reports}) == len(weekend.ends) == 32


def test_the_weekend_ends_with_a_holiday() -> None:
    assert datetime.fromisoformat("2026-06-01T00:00:00").date() in load_reference().holidays


def test_every_door_and_every_outcome_occurs(weekend: Scenario) -> None:
    assert {report.door for report in weekend.reports} == set(Door)
    assert {report.expect for report in weekend.reports} == set(Outcome) - {Outcome.LOST, Outcome.DOUBLED}


def test_only_two_reports_cannot_be_read(weekend: Scenario) -> None:
    unreadable = [(report.door, report.what, report.case) for report in weekend.reports if not is_readable(report)]

    assert unreadable == [(Door.KAFKA, What.RELEASED, "24"), (Door.CSV, What.RELEASED, "27")]


def test_rows_are_numbered_in_the_order_of_time(weekend: Scenario) -> None:
    assert [report.row for report in weekend.reports] == list(range(1, len(weekend.reports) + 1))
    assert [report.at for report in weekend.reports] == sorted(report.at for report in weekend.reports)
    assert [act.at for act in weekend.acts] == sorted(act.at for act in weekend.acts)


def test_every_case_has_one_end_that_can_be(weekend: Scenario) -> None:
    assert [end.case for end in weekend.ends] == sorted({report.case for report in weekend.reports})
    assert {end.ends_as for end in weekend.ends} <= STATUSES
    assert len(set(weekend.release_ids.values())) == len(weekend.ends)


def test_every_registered_client_was_met_submitted_and_approved(weekend: Scenario) -> None:
    done = {case: Counter(act.do for act in weekend.acts if act.case == case) for case in weekend.registrations}

    for end in weekend.ends:
        if end.ends_as == "registered":
            met = done[end.case][Do.CONTACT] + done[end.case][Do.WALK_IN]
            assert met == done[end.case][Do.APPROVE] == 1, end.case
            assert done[end.case][Do.SUBMIT] == 1 + done[end.case][Do.RETURN], end.case
        else:
            assert done[end.case][Do.APPROVE] == 0, end.case


def test_whoever_acts_is_an_officer_in_a_role_that_may(weekend: Scenario) -> None:
    officers = load_reference().officers
    kasi = {Role.SECTION_HEAD_ADULT, Role.SECTION_HEAD_CHILD}

    for act in weekend.acts:
        role = officers[act.officer].role
        if act.do is not Do.ACKNOWLEDGE:
            assert (role in kasi) == (act.do in {Do.APPROVE, Do.RETURN, Do.REFUSE, Do.OFFER}), act
        assert (role is Role.OPS) == (act.do is Do.MEND), act


def test_a_child_is_guided_by_somebody_certified(weekend: Scenario) -> None:
    children = {report.case for report in weekend.reports if is_of_a_child(report)}
    officers = load_reference().officers

    assert children == {"05"}
    for act in weekend.acts:
        if act.case in children and act.do in {Do.CONTACT, Do.APPROVE}:
            assert officers[act.detail or act.officer].child_certified


def test_nobody_acts_before_the_case_is_known(weekend: Scenario) -> None:
    walked_in = {act.case: act.at for act in weekend.acts if act.do is Do.WALK_IN}
    for act in weekend.acts:
        if act.case:
            assert walked_in.get(act.case, weekend.first(act.case).at) <= act.at, act
        assert act.when is None or act.when <= act.at, act


def test_everything_that_is_to_be_seen_is_in_the_sheets(weekend: Scenario) -> None:
    for what in Shows:
        assert len(weekend.shown(what)) == 1, what
    done = {(act.case, act.do) for act in weekend.acts}
    (walk_in,), (offered,) = weekend.shown(Shows.WALK_IN), weekend.shown(Shows.OFFERED)
    (climbs,), (acknowledged,) = weekend.shown(Shows.CLIMBS), weekend.shown(Shows.ACKNOWLEDGED)
    assert {(walk_in, Do.WALK_IN), (offered, Do.OFFER), (acknowledged, Do.ACKNOWLEDGE)} <= done
    assert (climbs, Do.ACKNOWLEDGE) not in done
    assert ("", Do.PLAN) in done


def test_whoever_walks_in_does_so_at_nine_in_the_evening_and_is_reported_on_monday(weekend: Scenario) -> None:
    (case,) = weekend.shown(Shows.WALK_IN)
    (walk_in,) = [act for act in weekend.acts if act.do is Do.WALK_IN]

    assert (walk_in.at.hour, walk_in.biometrics, walk_in.method) == (21, "NOT_AVAILABLE", "AT_OUTPOST")
    assert weekend.first(case).at.strftime("%a") == "Mon"
    assert weekend.release_ids[case] != weekend.first(case).release_id, "the prison names it by an id of its own"
    assert weekend.registrations[case] in weekend.case_of


def test_a_report_that_is_sent_twice_is_the_same_record(weekend: Scenario) -> None:
    duplicate = next(report for report in weekend.reports if report.expect is Outcome.DUPLICATE)
    original = next(r for r in weekend.reports if r.case == duplicate.case and r.what is duplicate.what)

    assert record_of(original, traceparent=TRACE) == record_of(duplicate, traceparent=TRACE)


def test_no_two_different_reports_share_an_id(weekend: Scenario) -> None:
    by_kafka = [report for report in weekend.reports if report.door is Door.KAFKA]
    ids = Counter(record_of(report, traceparent=TRACE)[1] for report in by_kafka)

    assert sorted(ids.values(), reverse=True)[:2] == [2, 1]


def test_a_sheet_for_upload_has_no_column_of_the_demonstration(weekend: Scenario) -> None:
    rows = [report for report in weekend.reports if report.door is Door.CSV][:1]

    header = sheet_of(rows).decode().splitlines()[0].split(",")

    assert {"facility", "name", "released_at"} <= set(header)
    assert not {"row", "door", "expect", "case", "note"} & set(header)


def test_the_sheet_can_be_uploaded_as_it_stands(weekend: Scenario) -> None:
    """A registrar may enter the whole weekend at once: what is the demonstration's own is left aside."""
    sheet = read_sheet((SAMPLES / "weekend.csv").read_bytes(), zone=load_reference().zone)

    assert set(sheet.unknown_columns) == set(OWN_COLUMNS)
    assert [type(row.event) for row in sheet.rows if row.event] == [r.event for r in weekend.reports if is_readable(r)]
    assert {row.column for row in sheet.rows if row.event is None} == {"released_at"}


def test_the_people_are_invented(weekend: Scenario) -> None:
    for report in weekend.reports:
        for column in ("phone", "guarantor_phone"):
            assert report.cells[column].startswith("0812-0000-") or not report.cells[column]


def test_a_line_with_too_many_columns_is_named(tmp_path: Path) -> None:
    (tmp_path / "weekend.csv").write_text("row,at\n1,2,3\n")

    with pytest.raises(Problem, match=r"weekend\.csv, line 2: it has too many or too few columns"):
        load(tmp_path)


def test_a_line_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "weekend.csv").write_text("row,at\nfirst,2026-05-29\n")

    with pytest.raises(Problem, match=r"weekend\.csv, line 2: "):
        load(tmp_path)
