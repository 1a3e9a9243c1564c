"""What is on record of those who look at people: whose case, which fields, by which way; never what they saw."""

import json
from typing import Any

from contracts.lapas import registration_id_of
from tests.component.house import House
from tests.component.registration.people import (
    REGISTRATION,
    a_release,
    childrens_head,
    officer,
    prison,
    registrar,
    release_data,
)

CASE = f"/v1/registrations/{REGISTRATION}"
NAME, PHONE = "Bunga Rahasia", "081200001234"


async def test_whoever_opens_a_case_is_on_record_with_the_fields_that_were_shown(house: House) -> None:
    await house.hear(a_release(name=NAME, phone=PHONE))

    async with officer(house) as client:
        answer = await client.get(CASE)

    entry = (await entries(house, 1))[0]
    assert NAME in answer.text
    assert (entry["action"], entry["outcome"]) == ("read_registration", "shown")
    assert {"id": str(REGISTRATION), "kind": "registration"} in entry["subjects"]
    assert {"name", "phone"} <= set(entry["fields"])
    assert not [word for word in (NAME, PHONE) if word in json.dumps(entry)]


async def test_who_may_not_know_a_child_has_opened_the_case_and_seen_no_field(house: House) -> None:
    await house.hear(a_release(facility="LPKA-PLG", name=NAME))

    async with registrar(house) as client:
        await client.get(CASE)
    async with childrens_head(house) as client:
        await client.get(CASE)

    knowing, unknowing = await entries(house, 2)
    assert unknowing["fields"] == []
    assert "name" in knowing["fields"]


async def test_a_search_by_name_names_whom_it_found_and_not_what_was_sought(house: House) -> None:
    await house.hear(a_release(release_id="R-1", name=NAME), a_release(release_id="R-2", name="Bunga Lain"))

    async with officer(house) as client:
        await client.get("/v1/registrations", params={"q": "Bunga"})
        await client.get("/v1/registrations/board")

    board, search = await entries(house, 2)
    both = {str(registration_id_of(release)) for release in ("R-1", "R-2")}
    assert (search["action"], search["parameters"], search["fields"]) == ("search_registrations", ["q"], ["who"])
    assert {subject["id"] for subject in search["subjects"]} == both
    assert {subject["id"] for subject in board["subjects"]} == both
    assert "Bunga" not in json.dumps([board, search])
    assert b"Bunga" not in house.metrics.text()
    assert not [span for span in house.spans.get_finished_spans() if "Bunga" in span.to_json()]


async def test_a_prison_that_reads_or_reports_for_another_is_on_record_as_refused(house: House) -> None:
    await house.hear(a_release())

    async with prison(house) as client:
        await client.get(CASE)
        await client.post("/v1/releases", json=release_data(release_id="X-1", facility="LP-KAG"))

    reported, read = await entries(house, 2)
    assert (read["action"], read["outcome"], read["status"]) == ("read_registration", "refused", 403)
    assert (reported["action"], reported["outcome"], reported["status"]) == ("report_release", "refused", 403)
    assert reported["actor"]["kind"] == "system"


async def entries(house: House, count: int) -> list[dict[str, Any]]:
    """The latest entries, the newest first."""
    rows = await house.pool.fetch("SELECT body FROM audit_entry ORDER BY seq DESC LIMIT $1", count)
    return [json.loads(row["body"]) for row in rows]
