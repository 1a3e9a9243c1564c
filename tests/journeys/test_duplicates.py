"""One human being under two releases: both are received as always, and a registrar says that they are one."""

from typing import Any
from uuid import uuid4

from tests.journeys.cases import Case, a_release
from tests.journeys.house import House, eventually

REGISTRAR = "REG-HQ-01"
SAME_PAPERS = {"reason": "Same identity card, same face."}


async def test_two_releases_of_one_person_are_linked_by_a_registrar_and_stay_two_clients(house: House) -> None:
    nik = f"1671{uuid4().int % 10**12:012d}"
    one = Case(house, a_release(name="Wiryo Dikromo", nik=nik, birth_on="1987-04-03")).published()
    other = Case(house, a_release(name="Wirjo Dikromo", nik=nik, facility="LP-SKY")).published()
    for case in (one, other):
        assert (await case.reaches("released"))["also_known_as"] == []
    pair = await eventually(lambda: pair_of(house, one, other), "the two are suspected")
    assert pair is not None
    assert (pair["same_nik"], pair["level"]) == (True, "suspected")

    linked = await house.officer(REGISTRAR).post(
        "registration", f"/v1/suspected-duplicates/{pair['duplicate_id']}/link", SAME_PAPERS
    )

    assert linked.status_code == 200, linked.text
    for case, twin in ((one, other), (other, one)):
        seen = await case.reaches("released")
        assert seen["also_known_as"] == [str(twin.id)]
        assert seen["client_id"] == str(case.client_id)
        assert "first-contact" in seen["due"]
    await house.quiet()
    [told] = house.topics.of(pair["duplicate_id"], "registration.events")
    assert told.type == "registration.clients-linked.v1"
    assert {told.data["client_id"], told.data["other_client_id"]} == {str(one.client_id), str(other.client_id)}
    assert not [word for word in ("Dikromo", nik) if word in str(told)]


async def pair_of(house: House, one: Case, other: Case) -> dict[str, Any] | None:
    """The open suspicion about these two, if there is one yet."""
    wanted = {str(one.id), str(other.id)}
    lines = await house.officer(REGISTRAR).pages("registration", "/v1/suspected-duplicates", level="suspected")
    return next((line for line in lines if {each["registration_id"] for each in line["registrations"]} == wanted), None)
