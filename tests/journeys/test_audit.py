"""Who did and read what, in the running house: looked up over HTTP, sealed soon, and verified from outside."""

import asyncio
import subprocess
import sys
from datetime import timedelta
from typing import Any

import asyncpg

from contracts.roles import Role
from deploy.local.settings import REPOSITORY
from tests.journeys.cases import Case, a_release
from tests.journeys.house import House, eventually

NAME = "Melati Rahasia"
MOVE = """
    UPDATE audit_entry AS entry SET at = at + $1::interval
      FROM audit_link AS link WHERE link.entry_id = entry.entry_id AND link.position = 1
    RETURNING link.position
"""


async def test_who_read_and_who_was_refused_is_found_by_the_case_and_nothing_of_the_person(house: House) -> None:
    case = Case(house, a_release(name=NAME))
    await case.posted()
    await house.officer("REG-HQ-01").get("registration", case.path)
    await house.prison("LP-KAG").get("registration", case.path)
    auditor = house.somebody(Role.DIRECTORATE, subject="auditor-1")
    subject = case.path.rpartition("/")[2]

    async def sealed() -> list[dict[str, Any]]:
        answer = await auditor.get("registration", "/v1/audit", subject=subject)
        assert answer.status_code == 200, answer.text
        assert NAME not in answer.text
        lines: list[dict[str, Any]] = answer.json()["items"]
        return lines if all(line["position"] is not None for line in lines) else []

    lines = await eventually(sealed, "every entry of the case in the chain")
    own = (await auditor.get("registration", "/v1/audit", actor="auditor-1")).json()["items"]
    by_hand = await house.officer("REG-HQ-01").get("registration", "/v1/audit")

    assert [(line["action"], line["outcome"]) for line in lines] == [
        ("read_registration", "refused"),
        ("read_registration", "shown"),
        ("report_release", "done"),
    ]
    assert [line["actor"]["id"] for line in lines] == ["system-LP-KAG", "REG-HQ-01", lines[2]["actor"]["id"]]
    assert "name" in lines[1]["fields"]
    assert {line["action"] for line in own} == {"list_audit_entries"}, "whoever looks is on record too"
    assert by_hand.status_code == 403


async def test_the_command_holds_the_trail_of_the_house_against_what_kafka_keeps(house: House) -> None:
    """One entry moved by an hour is enough; its owner can do that, and put it back."""
    case = Case(house)
    await case.posted()
    await house.officer("REG-HQ-01").get("registration", case.path)

    async def anchored() -> bool:
        rows = await house.rows("registration", "SELECT position FROM audit_anchor")
        return bool(rows)

    await eventually(anchored, "a head that was told outside")
    await house.quiet()
    sound = await verified(house)
    position = await moved_by(house, timedelta(hours=-1))
    moved = await verified(house)
    await moved_by(house, timedelta(hours=1))
    put_back = await verified(house)

    assert sound.returncode == 0, sound.stdout + sound.stderr
    assert moved.returncode == 1, moved.stdout + moved.stderr
    assert f"edited    the entry at position {position} is not what was entered" in moved.stdout
    assert put_back.returncode == 0, put_back.stdout + put_back.stderr


async def moved_by(house: House, interval: timedelta) -> int:
    """Let the first entry have happened at another time, as the owner of the database can; its position."""
    connection = await asyncpg.connect(house.endpoints["databases"]["registration"])
    try:
        async with connection.transaction():
            await connection.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
            position: int = await connection.fetchval(MOVE, interval)
            await connection.execute("ALTER TABLE audit_entry ENABLE TRIGGER USER")
    finally:
        await connection.close()
    return position


async def verified(house: House) -> "subprocess.CompletedProcess[str]":
    """What the command says of registration."""
    command = [sys.executable, "-m", "deploy.audit_verify", "--state", str(house.stack.state)]
    return await asyncio.to_thread(
        subprocess.run,
        [*command, "--service", "registration"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
