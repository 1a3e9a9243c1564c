"""Operations at the desk: what could not be handled is listed, read, revealed, corrected, retried and discarded."""

from typing import Any

import httpx
import pytest

from chassis.database import Pool
from chassis.dead_letters_api import dead_letter_routes
from chassis.engine import Engine
from contracts.roles import Role
from tests.component.chassis.edges.desk import NAME, NIK, RELEASE, House
from tests.component.chassis.edges.door import Door, Token

OPERATION = "/v1/dead-letters"


@pytest.fixture
def house(engine: Engine) -> House:
    """Nothing was told yet."""
    return House(engine)


class Operator:
    """Somebody of operations with a client."""

    def __init__(self, client: httpx.AsyncClient, token: str) -> None:
        self.client = client
        self.headers = {"Authorization": token}

    async def get(self, path: str, **params: Any) -> httpx.Response:
        """Look."""
        return await self.client.get(path, params=params, headers=self.headers)

    async def send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Act."""
        return await self.client.request(method, path, json=body, headers=self.headers)

    async def first(self) -> str:
        """The address of the first dead letter."""
        return f"{OPERATION}/{(await self.get(OPERATION)).json()['items'][0]['id']}"


async def test_dead_letters_are_listed_oldest_first_page_by_page(door: Door, house: House, token: Token) -> None:
    await house.set_aside_a_broken_release()

    async with door.client(dead_letter_routes(house.desk)) as client:
        operator = Operator(client, token(Role.OPS))
        first = (await operator.get(OPERATION, limit=2)).json()
        second = (await operator.get(OPERATION, limit=2, cursor=first["next_cursor"])).json()
        malformed = (await operator.get(OPERATION, kind="malformed", state="parked")).json()

    assert [item["kind"] for item in first["items"] + second["items"]] == ["malformed", "held", "held"]
    assert [item["state"] for item in first["items"] + second["items"]] == ["parked", "waiting", "waiting"]
    assert second["next_cursor"] is None
    assert [item["reason"] for item in malformed["items"]] == ["field released_at: datetime_parsing"]


async def test_a_dead_letter_is_read_without_the_person_in_it(door: Door, house: House, token: Token) -> None:
    await house.set_aside_a_broken_release()

    async with door.client(dead_letter_routes(house.desk)) as client:
        operator = Operator(client, token(Role.OPS))
        answer = await operator.get(await operator.first())

    record = answer.json()["record"]
    assert record["masked"]
    assert record["data"]["facility"] == "LP1-PLG"
    assert record["data"]["released_at"] == "***", "what does not fit its field could be anything"
    assert record["data"]["name"] == record["data"]["nik"] == "***"
    assert ["ce_type", "lapas.client-released.v1"] in record["headers"]
    assert NAME not in answer.text
    assert NIK not in answer.text


async def test_revealing_is_recorded_before_anything_is_shown(
    door: Door, house: House, token: Token, pool: Pool
) -> None:
    await house.set_aside_a_broken_release()

    async with door.client(dead_letter_routes(house.desk)) as client:
        operator = Operator(client, token(Role.OPS, subject="siti"))
        letter = await operator.first()
        unexplained = await operator.send("POST", f"{letter}/reveal", {})
        revealed = await operator.send("POST", f"{letter}/reveal", {"reason": "the prison asked which one"})

    assert unexplained.status_code == 422
    assert revealed.json()["record"]["data"]["name"] == NAME
    acts = await pool.fetch("SELECT actor, act, reason FROM operator_act")
    assert [tuple(act) for act in acts] == [("siti", "reveal", "the prison asked which one")]


async def test_a_field_is_corrected_without_seeing_the_others_and_the_rest_follows_in_order(
    door: Door, house: House, token: Token
) -> None:
    await house.set_aside_a_broken_release()

    async with door.client(dead_letter_routes(house.desk)) as client:
        operator = Operator(client, token(Role.OPS))
        letter = await operator.first()
        corrected = await operator.send(
            "PATCH", letter, {"changes": {"released_at": RELEASE["released_at"]}, "reason": "the prison told us"}
        )
        retried = await operator.send("POST", f"{letter}/retry")
        while await house.desk.follow():
            pass
        held = (await operator.get("/v1/held-keys")).json()

    assert corrected.json()["record"]["data"]["released_at"] == RELEASE["released_at"]
    assert NAME not in corrected.text
    assert retried.json() == {"outcome": "applied", "reason": "", "rule": None}
    assert house.told == ["LP1-PLG"] * 3
    assert held["items"] == []


@pytest.mark.parametrize(
    ("method", "body", "where"),
    [
        pytest.param(
            "PATCH", {"changes": {"released_at": "Saturday"}, "reason": "guess"}, "released_at", id="still no time"
        ),
        pytest.param("PATCH", {"changes": {"name": None}, "reason": "shorter"}, "name", id="a field too few"),
        pytest.param("PUT", {"data": {"name": NAME}, "reason": "all new"}, "facility", id="whole data that do not fit"),
    ],
)
async def test_a_correction_that_does_not_fit_the_schema_is_told_where(
    door: Door, house: House, token: Token, method: str, body: Any, where: str
) -> None:
    await house.set_aside_a_broken_release()

    async with door.client(dead_letter_routes(house.desk)) as client:
        operator = Operator(client, token(Role.OPS))
        answer = await operator.send(method, await operator.first(), body)

    assert answer.status_code == 422
    assert any(where in error["what"] for error in answer.json()["errors"])
    assert NAME not in answer.text


async def test_whole_data_replace_what_was_never_json(door: Door, house: House, token: Token) -> None:
    await house.deliver(b"Budi Santoso;LP1-PLG", event_id="e-1")

    async with door.client(dead_letter_routes(house.desk)) as client:
        operator = Operator(client, token(Role.OPS))
        letter = await operator.first()
        seen = await operator.get(letter)
        changed = await operator.send("PATCH", letter, {"changes": {"name": "x"}, "reason": "a try"})
        replaced = await operator.send("PUT", letter, {"data": RELEASE, "reason": "typed from paper"})
        retried = await operator.send("POST", f"{letter}/retry")

    assert "Budi" not in seen.text
    assert changed.status_code == 409
    assert replaced.status_code == 200
    assert retried.json()["outcome"] == "applied"


async def test_discarding_needs_a_reason_and_lets_the_rest_follow(door: Door, house: House, token: Token) -> None:
    await house.set_aside_a_broken_release()

    async with door.client(dead_letter_routes(house.desk)) as client:
        operator = Operator(client, token(Role.OPS))
        letter = await operator.first()
        unexplained = await operator.send("POST", f"{letter}/discard", {"reason": "  "})
        discarded = await operator.send("POST", f"{letter}/discard", {"reason": "sent twice"})
        while await house.desk.follow():
            pass
        again = await operator.send("POST", f"{letter}/retry")

    assert unexplained.status_code == 422
    assert discarded.status_code == 204
    assert again.status_code == 409
    assert house.told == ["LP1-PLG"] * 2


async def test_a_retry_that_is_refused_again_says_by_which_rule(door: Door, house: House, token: Token) -> None:
    await house.deliver({**RELEASE, "facility": "LP-SKY"}, event_id="e-1")

    async with door.client(dead_letter_routes(house.desk)) as client:
        operator = Operator(client, token(Role.OPS))
        retried = await operator.send("POST", f"{await operator.first()}/retry")
        held = (await operator.get("/v1/held-keys")).json()

    assert retried.json() == {
        "outcome": "dead_lettered", "reason": "The prison of Sekayu is not served.", "rule": "closed-today",
    }  # fmt: skip
    assert held["items"] == []


async def test_held_keys_are_shown_without_the_key_of_a_stranger(door: Door, house: House, token: Token) -> None:
    await house.set_aside_a_broken_release()

    async with door.client(dead_letter_routes(house.desk)) as client:
        held = (await Operator(client, token(Role.OPS)).get("/v1/held-keys")).json()

    [key] = held["items"]
    assert (key["consumer"], key["kind"], key["key"], key["waiting"]) == ("registration", "subject", "***", 2)


async def test_a_bug_is_listed_by_its_kind_and_not_by_its_words(door: Door, house: House, token: Token) -> None:
    await house.deliver({**RELEASE, "facility": "LPP-PLG"}, event_id="e-1")

    async with door.client(dead_letter_routes(house.desk)) as client:
        listed = await Operator(client, token(Role.OPS)).get(OPERATION, kind="bug")

    assert [item["reason"] for item in listed.json()["items"]] == ["ZeroDivisionError"]
    assert NAME not in listed.text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"{OPERATION}/0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3", None),
        ("POST", f"{OPERATION}/0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3/reveal", {"reason": "because"}),
        ("PATCH", f"{OPERATION}/0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3", {"changes": {"a": 1}, "reason": "because"}),
        ("PUT", f"{OPERATION}/0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3", {"data": {}, "reason": "because"}),
        ("POST", f"{OPERATION}/0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3/retry", None),
        ("POST", f"{OPERATION}/0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3/discard", {"reason": "because"}),
    ],
)
async def test_a_letter_that_is_not_here_is_not_found(
    door: Door, house: House, token: Token, method: str, path: str, body: Any
) -> None:
    async with door.client(dead_letter_routes(house.desk)) as client:
        answer = await Operator(client, token(Role.OPS)).send(method, path, body)

    assert answer.status_code == 404


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.OPS}))
async def test_nobody_but_operations_looks_at_dead_letters(door: Door, house: House, token: Token, role: Role) -> None:
    async with door.client(dead_letter_routes(house.desk)) as client:
        answer = await Operator(client, token(role)).get(OPERATION)

    assert answer.status_code == 403


async def test_a_stopped_consumer_is_resumed_on_record(door: Door, house: House, token: Token, pool: Pool) -> None:
    await pool.execute("INSERT INTO consumer_stop VALUES ('registration', 'too many bugs', now())")

    async with door.client(dead_letter_routes(house.desk)) as client:
        operator = Operator(client, token(Role.OPS, subject="siti"))
        resumed = await operator.send("POST", "/v1/consumers/registration/resume")
        unknown = await operator.send("POST", "/v1/consumers/somebody/resume")

    assert resumed.json() == {"consumer": "registration"}
    assert unknown.status_code == 404
    assert await pool.fetchval("SELECT count(*) FROM consumer_stop") == 0
    assert (
        await pool.fetchval("SELECT actor FROM operator_act WHERE act = 'resume' ORDER BY acted_at LIMIT 1") == "siti"
    )
