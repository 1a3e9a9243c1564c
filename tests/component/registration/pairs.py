"""Two releases of one name, how they are compared, and what a registrar reads and says of them."""

from typing import Any
from uuid import UUID

from chassis.chores import ChoreLoop
from contracts.lapas import ClientReleased, registration_id_of
from services.registration.domain.duplicates import pair_id_of
from tests.component.house import House
from tests.component.registration.people import a_release, registrar

NIK = "1671061205900003"
BORN = "1990-05-12"
BECAUSE = {"reason": "The same papers and the same face."}
ONE, OTHER = registration_id_of("R-1"), registration_id_of("R-2")
PAIR = pair_id_of(ONE, OTHER)


async def compare(house: House) -> int:
    """Let the chore do rounds until nothing is left; how many changes it compared."""
    (chore,) = house.service.chores(house.context)
    loop = ChoreLoop(chore, house.commands, house.system_clock, lambda: None)
    compared = 0
    while done := await loop.round():
        compared += done
    return compared


def released(number: int, **said: Any) -> ClientReleased:
    """A release of somebody of this name, with papers of its own."""
    papers = {"release_id": f"R-{number}", "prison_register_no": f"BI.{number}/2025", "phone": None}
    return a_release(**papers | {"name": "Budi Santoso"} | said)


async def suspect_both(house: House, **said: Any) -> None:
    """Two releases of one name and birth date are known and compared."""
    await house.hear(released(1, birth_on=BORN, **said), released(2, birth_on=BORN, **said))
    await compare(house)


async def pairs(house: House) -> list[tuple[UUID, str, str]]:
    """All pairs with state and level."""
    rows = await house.pool.fetch("SELECT duplicate_id, state, level FROM suspected_duplicate ORDER BY duplicate_id")
    return [tuple(row) for row in rows]


async def queue(house: House, **asked: str) -> list[dict[str, Any]]:
    """The queue as a registrar reads it."""
    async with registrar(house) as reg:
        answer = await reg.get("/v1/suspected-duplicates", params=asked)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


async def judge(house: House, act: str, *, pair: UUID = PAIR) -> int:
    """A registrar says something of the two; the status of the answer."""
    async with registrar(house) as reg:
        return (await reg.post(f"/v1/suspected-duplicates/{pair}/{act}", json=BECAUSE)).status_code
