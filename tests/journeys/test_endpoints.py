"""A foreign program finds everything in endpoints.json, and a service's role finds nothing of another service."""

import json
import smtplib
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import httpx
import jwt
import psutil
import pytest
from confluent_kafka import Producer

from contracts.catalogue import TOPICS
from contracts.lapas import registration_id_of
from tests.journeys.house import House, eventually

SERVICES = ("registration", "litmas", "supervision", "tpp", "notifications")
HAS_MORE_RIGHTS = "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = current_user"


@pytest.fixture
def found(house: House) -> dict[str, Any]:
    """What the file says, and nothing else."""
    return dict(json.loads((house.stack.state / "endpoints.json").read_text()))


async def test_a_program_that_knows_the_file_alone_reports_a_release_and_sees_it(found: dict[str, Any]) -> None:
    release_id = f"F.{uuid4().hex[:10]}"
    release = {"release_id": release_id, "facility": "LP1-PLG", "name": "X", "released_at": "2026-05-29T16:30:00+07:00"}
    attributes = {"id": release_id, "source": "/lapas/LP1-PLG", "type": "lapas.client-released.v1"}
    headers: list[tuple[str, str | bytes | None]] = [("ce_specversion", "1.0")]
    headers += [(f"ce_{name}", text) for name, text in attributes.items()]
    topic = f"{found['kafka']['topic_prefix']}lapas.events"

    producer = Producer({"bootstrap.servers": found["kafka"]["bootstrap_servers"]})
    producer.produce(topic, json.dumps(release), key=release_id, headers=headers)
    producer.flush()

    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {a_token(found['auth'])}"}) as client:

        async def look() -> httpx.Response | None:
            url = f"{found['services']['registration']['url']}/v1/registrations/{registration_id_of(release_id)}"
            answer = await client.get(url)
            return answer if answer.status_code == httpx.codes.OK else None

        answer = await eventually(look, "the registration")
    assert answer is not None
    assert answer.json()["status"] == "released"


def a_token(auth: dict[str, str]) -> str:
    """A token for a registrar, signed with the key of development."""
    claims = {"iss": auth["issuer"], "aud": auth["audience"], "sub": "REG-HQ-01", "roles": ["REGISTRAR"]}
    [key] = json.loads(Path(auth["jwks"]).read_text())["keys"]
    times = {"unit": "PLG-HQ", "iat": 0, "exp": 2**40}
    private_key = Path(auth["private_key"]).read_text()
    return jwt.encode({**claims, **times}, private_key, algorithm="RS256", headers={"kid": key["kid"]})


def test_the_file_names_every_part_that_runs(found: dict[str, Any]) -> None:
    assert set(found["topics"]) == set(TOPICS)
    assert set(found["services"]) == set(found["databases"]) == set(SERVICES)
    assert set(found["processes"]) >= {"kafka", "postgres", "mailbox", *SERVICES}
    for process in found["processes"].values():
        assert psutil.pid_exists(process["pid"])
        assert Path(process["log"]).exists()
    for service in found["services"].values():
        assert service["pid"] in {process["pid"] for process in found["processes"].values()}
        assert httpx.get(f"{service['url']}/readyz").status_code == 200
    assert {"system", "office", "factor"} <= json.loads(Path(found["office_clock_file"]).read_text()).keys()


def test_whoever_issues_papers_watches_the_store_of_files(found: dict[str, Any]) -> None:
    parts = httpx.get(f"{found['services']['litmas']['url']}/readyz").json()["parts"]

    assert {"name": "files", "required": False} in [
        {name: part[name] for name in ("name", "required")} for part in parts if part.get("problem") is None
    ]


def test_mail_goes_to_the_named_server_and_is_read_where_the_file_says(found: dict[str, Any]) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@bapas.example", "b@bapas.example", uuid4().hex

    with smtplib.SMTP(found["smtp"]["host"], found["smtp"]["port"]) as smtp:
        smtp.send_message(message)

    mails = httpx.get(f"{found['mail']['url']}/api/v1/messages").json()["messages"]
    assert message["Subject"] in {mail["Subject"] for mail in mails}


@pytest.mark.parametrize("service", SERVICES)
async def test_the_role_of_a_service_reads_no_other_database(found: dict[str, Any], service: str) -> None:
    own = urlsplit(found["databases"][service])
    names = {urlsplit(url).path for url in found["databases"].values()} | {"/postgres", "/template1"}

    connection = await asyncpg.connect(found["databases"][service])
    assert await connection.fetchval("SELECT count(*) FROM schema_migration") > 0
    assert not await connection.fetchval(HAS_MORE_RIGHTS)
    await connection.close()

    for name in names - {own.path}:
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.InvalidAuthorizationSpecificationError)):
            await asyncpg.connect(urlunsplit(own._replace(path=name)))
