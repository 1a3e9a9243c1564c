"""A small night whose facts agree: one walks in, one alert climbs, one is acknowledged, one client is offered."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias
from uuid import UUID, uuid5

from contracts.lapas import client_id_of, registration_id_of
from contracts.reference import load_reference
from contracts.registration import (
    ClientHandedOn,
    ClientTransferOffered,
    FirstContactOverdue,
    RegistrationOpened,
    TransferOfferOverdue,
)
from deploy.demo import night
from deploy.demo.facts import Address, Alert, Case, Facts, Mail, Message, Notice
from deploy.demo.officers import Shift, Slip
from deploy.demo.scenario import Do, End, Scenario, Shows, report_of
from deploy.demo.verdict import Verdict
from tests.unit.demo.builders import NAMESPACE, Topic, a_report, an_act

Check: TypeAlias = Callable[[Facts], Verdict]
Break: TypeAlias = Callable[[Facts], Facts]

WALKED_IN, CLIMBED, ANSWERED, OFFERED, ON_SUNDAY = "01", "02", "03", "04", "05"
SATURDAY: Final = datetime.fromisoformat("2026-05-30T20:00:00+07:00")
SUNDAY: Final = datetime.fromisoformat("2026-05-31T07:00:00+07:00")
MONDAY: Final = datetime.fromisoformat("2026-06-01T09:00:00+07:00")
HOUR: Final = timedelta(hours=1)
BY_TELEPHONE: Final = ("AO-TJR-01", "AO-PBM-01")
TOLD: Final = (
    (WALKED_IN, "walked-in", "AO-TJR-01", SATURDAY + HOUR),
    (CLIMBED, "released", "AO-SRG-01", SATURDAY),
    (CLIMBED, "climbed-to-section-head", "SHA-HQ-01", SATURDAY + 2 * HOUR),
    (CLIMBED, "climbed-to-head", "HEAD-HQ-01", SATURDAY + 4 * HOUR),
    (CLIMBED, "unanswered", "OPS-HQ-01", SATURDAY + 6 * HOUR),
    (ANSWERED, "released", "AO-PBM-01", SATURDAY),
    (OFFERED, "released", "AO-KAG-01", SATURDAY),
    (OFFERED, "offer-overdue", "SHA-HQ-01", MONDAY),
    (ON_SUNDAY, "released", "PO-HQ-03", SUNDAY + 2 * HOUR),
)


def the_scenario() -> Scenario:
    """The sheets of the night."""
    at = SATURDAY.isoformat()
    rows = [
        a_report(number, case, at=at, released_at=at) for number, case in enumerate((CLIMBED, ANSWERED, OFFERED), 1)
    ]
    papers = {"facility": "LP-TJR", "prison_register_no": "BI.1", "decree_no": "PAS-1"}
    rows.append(a_report(4, ON_SUNDAY, at=SUNDAY.isoformat(), released_at=(SUNDAY + 2 * HOUR).isoformat()))
    rows.append(a_report(5, WALKED_IN, at=MONDAY.isoformat(), released_at=at, **papers))
    shows = {WALKED_IN: Shows.WALK_IN, CLIMBED: Shows.CLIMBS, ANSWERED: Shows.ACKNOWLEDGED, OFFERED: Shows.OFFERED}
    return Scenario(
        reports=[report_of(cells) for cells in rows],
        acts=[
            an_act(WALKED_IN, Do.WALK_IN, at=SATURDAY + HOUR, officer="AO-TJR-01"),
            an_act(ANSWERED, Do.ACKNOWLEDGE, at=SATURDAY + HOUR / 2, officer="AO-PBM-01"),
            an_act(OFFERED, Do.OFFER, at=SATURDAY - HOUR, officer="SHA-HQ-01"),
        ],
        ends=[
            End(case=case, ends_as="provisionally_registered", note="", shows=shows.get(case))
            for case in (WALKED_IN, CLIMBED, ANSWERED, OFFERED, ON_SUNDAY)
        ],
    )


def a_notice(about: UUID, occasion: str, recipient: str, at: datetime) -> list[Notice]:
    """What somebody was told, in the application and by the way out that they prefer."""
    found = []
    for channel in ("IN_APP", "GATEWAY" if recipient in BY_TELEPHONE else "EMAIL"):
        identity = uuid5(NAMESPACE, f"{about}|{occasion}|{recipient}|{channel}")
        found.append(
            Notice(
                notification_id=identity,
                about=about,
                occasion=occasion,
                recipient=recipient,
                channel=channel,
                state="delivered",
                maybe_doubled=False,
                message_id=f"<{identity}@bapas.example>" if channel != "IN_APP" else None,
                parcel=identity if channel != "IN_APP" else None,
                created_at=at,
                settled_at=at,
            )
        )
    return found


def _records(scenario: Scenario) -> Topic:
    topic = Topic()
    for one in scenario.registrations.values():
        topic.put(RegistrationOpened, str(one), 1)
    offered, due = str(scenario.registrations[OFFERED]), MONDAY.isoformat()
    said = {"to_office": "BAPAS-LAHAT", "answer_due_at": due}
    topic.put(ClientTransferOffered, offered, 2, offered_at=(SATURDAY - HOUR).isoformat(), **said)
    topic.put(FirstContactOverdue, offered, 3, hours=24, due_at=(SATURDAY + 24 * HOUR).isoformat())
    topic.put(TransferOfferOverdue, offered, 4, to_office="BAPAS-LAHAT", due_at=due)
    return topic


def _cases(scenario: Scenario) -> list[Case]:
    more = {
        WALKED_IN: {"met_at": SATURDAY + HOUR, "slip_code": "K3F9", "fingerprint": "NOT_AVAILABLE"},
        OFFERED: {"offered_to": "BAPAS-LAHAT"},
        ON_SUNDAY: {"unit": "PLG-TJR", "released_at": SUNDAY + 2 * HOUR},
    }
    found = [
        Case(
            registration_id=one,
            release_id=scenario.release_ids[case],
            client_id=client_id_of(one),
            status="provisionally_registered",
            clocks=("submission",),
            **more.get(case, {}),  # type: ignore[arg-type]  # each field has a type of its own
        )
        for case, one in scenario.registrations.items()
    ]
    named = scenario.first(WALKED_IN).release_id
    itself = scenario.registrations[WALKED_IN]
    pointer = registration_id_of(named)
    return [
        *found,
        Case(
            registration_id=pointer,
            release_id=named,
            client_id=client_id_of(pointer),
            status="closed",
            bound_to=itself,
        ),
    ]


def the_night() -> Facts:
    """What there is to see after a night in which all went well."""
    scenario = the_scenario()
    ids = scenario.registrations
    gap = uuid5(NAMESPACE, "gap")
    notices = [each for case, what, who, at in TOLD for each in a_notice(ids[case], what, who, at)]
    notices += a_notice(gap, "roster-gap", "SHA-HQ-01", SUNDAY - 72 * HOUR)
    addresses = {
        notice.recipient: Address(email=f"{notice.recipient}@bapas.example", phone=f"+62{number}")
        for number, notice in enumerate(notices)
    }
    return Facts(
        scenario=scenario,
        reference=load_reference(),
        ended_at=MONDAY + HOUR,
        sent=[],
        records=_records(scenario).records,
        cases=_cases(scenario),
        entries=[],
        counters={},
        stores={},
        supervisions=[],
        check_ins=[],
        notices=notices,
        mails=[
            Mail(message_id=(each.message_id or "").strip("<>"), recipients=(addresses[each.recipient].email,), text="")
            for each in notices
            if each.channel == "EMAIL"
        ],
        messages=[
            Message(key=str(each.parcel), text="", to=addresses[each.recipient].phone or "")
            for each in notices
            if each.channel == "GATEWAY"
        ],
        alerts=_alerts(ids, gap),
        slips=[Slip(case=WALKED_IN, code="K3F9", phone="0711", visit_at=MONDAY, visit_unit="PLG-TJR")],
        shifts=[
            Shift(unit="PLG-TJR", starts_at=SATURDAY - 24 * HOUR, ends_at=SUNDAY),
            Shift(unit="PLG-TJR", starts_at=MONDAY, ends_at=MONDAY + 24 * HOUR),
        ],
        addresses=addresses,
    )


def _alerts(ids: Mapping[str, UUID], gap: UUID) -> list[Alert]:
    answered = {"acknowledged_by": "AO-PBM-01", "acknowledged_at": SATURDAY + HOUR / 2}
    return [
        Alert(about=ids[CLIMBED], occasion="released", unit="PLG-SRG", state="withdrawn", raised_at=SATURDAY),
        Alert(
            about=ids[ANSWERED],
            occasion="released",
            unit="PLG-PBM",
            state="acknowledged",
            raised_at=SATURDAY,
            **answered,  # type: ignore[arg-type]  # each field has a type of its own
        ),
        Alert(about=gap, occasion="roster-gap", unit="PLG-TJR", state="open", raised_at=SUNDAY - 72 * HOUR),
    ]


def with_notice(case: str, occasion: str, recipient: str, at: datetime) -> Break:
    """Somebody was told something more."""

    def broken(facts: Facts) -> Facts:
        more = a_notice(facts.scenario.registrations[case], occasion, recipient, at)
        return replace(facts, notices=[*facts.notices, *more])

    return broken


def without_notices(occasion: str) -> Break:
    """Nobody was told of something."""
    return lambda facts: replace(facts, notices=[each for each in facts.notices if each.occasion != occasion])


def with_notices(occasion: str, **changes: object) -> Break:
    """What was told on one occasion was told otherwise."""

    def changed(notices: Iterable[Notice]) -> list[Notice]:
        return [replace(each, **changes) if each.occasion == occasion else each for each in notices]  # type: ignore[arg-type]  # whatever the test changes

    return lambda facts: replace(facts, notices=changed(facts.notices))


def with_case(case: str, **changes: object) -> Break:
    """A case stands otherwise."""

    def broken(facts: Facts) -> Facts:
        one = facts.scenario.registrations[case]
        changed = [replace(c, **changes) if c.registration_id == one else c for c in facts.cases]  # type: ignore[arg-type]  # whatever the test changes
        return replace(facts, cases=changed)

    return broken


def with_alert(occasion: str, nth: int, **changes: object) -> Break:
    """An alert went otherwise."""

    def broken(facts: Facts) -> Facts:
        alert = [each for each in facts.alerts if each.occasion == occasion][nth]
        other = replace(alert, **changes)  # type: ignore[arg-type]  # whatever the test changes
        return replace(facts, alerts=[other if each is alert else each for each in facts.alerts])

    return broken


def without(event_type: str) -> Break:
    """Nothing of a type lies on a topic."""
    return lambda facts: replace(facts, records=[each for each in facts.records if each.type != event_type])


def opened_once_more(facts: Facts) -> Facts:
    """The prison's report opened a registration of its own beside the walk-in."""
    pointer = next(case.registration_id for case in facts.cases if case.bound_to is not None)
    topic = Topic()
    topic.put(RegistrationOpened, str(pointer), 1)
    return replace(facts, records=[*facts.records, *topic.records])


def handed_on(facts: Facts) -> Facts:
    """The client went to the other office after all."""
    topic = Topic()
    topic.put(ClientHandedOn, str(facts.scenario.registrations[OFFERED]), 5)
    return replace(facts, records=[*facts.records, *topic.records])


BROKEN: Final[dict[str, tuple[Check, Break, str]]] = {
    "a walk-in whose prison had reported": (
        night.who_walked_in_is_one_case, with_case(WALKED_IN, met_at=MONDAY + HOUR), "had reported before"),
    "a walk-in that was never met": (
        night.who_walked_in_is_one_case, with_case(WALKED_IN, met_at=None), "was never met"),
    "a walk-in with a fingerprint": (
        night.who_walked_in_is_one_case, with_case(WALKED_IN, fingerprint="CAPTURED"), "fingerprint is CAPTURED"),
    "a walk-in without a slip": (
        night.who_walked_in_is_one_case, lambda facts: replace(facts, slips=[]), "slips [] were handed out"),
    "a report that is bound to nothing": (
        night.who_walked_in_is_one_case,
        lambda facts: replace(facts, cases=[case for case in facts.cases if case.bound_to is None]), "are bound to it"),
    "a report that opened a second registration": (
        night.who_walked_in_is_one_case, opened_once_more, "was opened 1 times"),
    "a report that alarmed somebody once more": (
        night.who_walked_in_is_one_case, with_notice(WALKED_IN, "released", "PO-TJR-01", MONDAY),
        "PO-TJR-01 was told released when the prison reported"),
    "a walk-in that was told twice": (
        night.who_walked_in_is_one_case, with_notice(WALKED_IN, "released", "AO-TJR-01", SATURDAY), "was told 2 times"),
    "a walk-in that was told to nobody": (
        night.who_walked_in_is_one_case, without_notices("walked-in"), "nobody was told"),
    "an alert that did not climb": (
        night.alerts_climb_until_somebody_answers, without_notices("climbed-to-head"), "head was told to []"),
    "an alert that climbed too late": (
        night.alerts_climb_until_somebody_answers, with_notices("climbed-to-head", created_at=SATURDAY + 5 * HOUR),
        "climbed-to-head was told Sun 01:00, not Sun 00:00"),
    "an alert that climbed to somebody else": (
        night.alerts_climb_until_somebody_answers, with_notices("climbed-to-head", recipient="PO-HQ-01"), "PO-HQ-01"),
    "no alert at all": (
        night.alerts_climb_until_somebody_answers, lambda facts: replace(facts, alerts=[]), "there was no alert"),
    "an alert that nobody acknowledged": (
        night.alerts_climb_until_somebody_answers,
        with_alert("released", 1, state="unanswered", acknowledged_by=None), "its alert is unanswered"),
    "an alert that climbed although somebody took care": (
        night.alerts_climb_until_somebody_answers,
        with_notice(ANSWERED, "climbed-to-section-head", "SHA-HQ-01", SATURDAY + 2 * HOUR), "all the same"),
    "a client who was not offered": (
        night.offered_clients_stay_ours, without(ClientTransferOffered.type), "offered 0 times"),
    "an offer whose silence nobody noticed": (
        night.offered_clients_stay_ours, without(TransferOfferOverdue.type), "unanswered 0 times"),
    "an offer during which our clocks stood still": (
        night.offered_clients_stay_ours, without(FirstContactOverdue.type), "none of our clocks rang"),
    "an offer without a clock": (
        night.offered_clients_stay_ours, with_case(OFFERED, clocks=()), "with the clocks ()"),
    "an offer that was accepted": (night.offered_clients_stay_ours, handed_on, "offered to BAPAS-LAHAT"),
    "an offer whose silence was told to nobody": (
        night.offered_clients_stay_ours, without_notices("offer-overdue"), "was told to []"),
    "an offer whose silence was told late": (
        night.offered_clients_stay_ours, with_notices("offer-overdue", created_at=MONDAY + HOUR), "told Mon 10:00"),
    "a hole that was found late": (
        night.holes_are_found_in_time, with_alert("roster-gap", 0, raised_at=SUNDAY), "told 0 times Thu 07:00"),
    "a hole that is none": (
        night.holes_are_found_in_time, with_alert("roster-gap", 0, unit="PLG-SRG"), "at PLG-SRG was told 1 times"),
    "a hole in which nobody answers": (
        night.holes_are_found_in_time,
        lambda facts: with_notice(ON_SUNDAY, "released", "PO-TJR-01", SUNDAY)(without_notices("released")(facts)),
        "told to nobody at head office"),
    "a mail that is not in the mailbox": (
        night.who_was_told_has_it, lambda facts: replace(facts, mails=facts.mails[1:]), "did not come to"),
    "a mail that went to somebody else": (
        night.who_was_told_has_it,
        lambda facts: replace(facts, mails=[replace(each, recipients=("another@x.example",)) for each in facts.mails]),
        "did not come to SHA-HQ-01 by EMAIL"),
    "a message that went to another telephone": (
        night.who_was_told_has_it,
        lambda facts: replace(facts, messages=[replace(each, to="+62999") for each in facts.messages]),
        "did not come to AO-PBM-01 by GATEWAY"),
    "a notice that was given up": (
        night.who_was_told_has_it, with_notices("climbed-to-head", state="failed"), "by EMAIL: failed"),
    "a night without messages": (
        night.who_was_told_has_it,
        lambda facts: replace(facts, notices=[each for each in facts.notices if each.channel != "GATEWAY"]),
        "nobody was told by GATEWAY"),
}  # fmt: skip
