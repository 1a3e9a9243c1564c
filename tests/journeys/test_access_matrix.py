"""Every route, asked in every role at every place about an adult's and a child's case, answers as the policy says."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid4

import pytest

from contracts.reference.access_policy import AccessPolicy, AccessRow, load_access_policy
from contracts.roles import Role
from tests.journeys.cases import FRIDAY_AFTERNOON, Case, a_release
from tests.journeys.house import House, eventually
from tests.journeys.matrix import (
    IN_CHARGE,
    Answer,
    Answers,
    Asker,
    Cell,
    askers,
    at_home,
    at_the_door,
    changed,
    changed_at_the_door,
    contradictions,
)
from tests.journeys.matrix_plans import OF_NO_CASE, PLANS, Plan, Subject
from tests.journeys.plain_http import Lines, Question

AT_ONCE: Final = 12
POLICY: Final = load_access_policy()
ASKED: Final = [row for row in POLICY.rows if row.path != "/openapi.json"]
DOOR_ONLY: Final = ("litmas ", "tpp ", "registration GET /v1/suspected-", "registration POST /v1/suspected-")
"""Routes about cases that are asked about none: who is let in is seen, and not what becomes of whose case."""
FACILITIES: Final = {False: "LP-SKY", True: "LPKA-PLG"}
SECTION_HEADS: Final = {False: "SHA-HQ-01", True: "SHC-HQ-01"}

pytestmark = pytest.mark.timeout(400)
"""Thousands of questions are answered in half a minute, and not so fast where somebody else is at work."""

Cases = Mapping[tuple[str, bool], Subject]


@dataclass(frozen=True)
class Furnishing:
    """Brings an adult or a child into the states that the questions need."""

    house: House
    juvenile: bool

    @property
    def facility(self) -> str:
        return FACILITIES[self.juvenile]

    @property
    def section_head(self) -> str:
        return SECTION_HEADS[self.juvenile]

    async def subjects(self) -> dict[str, Subject]:
        """A case in each state, as the questions know it."""
        since = await self._since()
        opened, over = await self._released("open"), await self._released("over")
        guided = await self._released("guided")
        for answer in (
            await opened.act(self.section_head, "transfer-offer", {"to_office": "BPS-LHT", "letter_no": "7/2026"}),
            await over.act(self.section_head, "closure", {"reason": "DIED", "evidence": "AKTA"}),
            await guided.meet(),
            await guided.submit(),
            await guided.act(self.section_head, "approval", {"officer": IN_CHARGE}),
        ):
            assert answer.is_success, answer.text
        walked_in = await self._walk_in(opened)
        found = {"open": replace(self._of(opened), since=since), "over": self._of(over)}
        found["walked_in"] = replace(self._of(opened), registration_id=walked_in["registration_id"])
        found["guided"] = await self._guided(guided)
        return found

    async def _since(self) -> str:
        prison, since = self.house.prison(self.facility), ""
        while True:
            answer = (await prison.get("registration", "/v1/releases/changes", since=since, limit=100)).json()
            since = answer["next_since"]
            if not answer["more"]:
                return str(since)

    async def _released(self, state: str) -> Case:
        early = {"released_at": "2026-05-01T09:00:00+07:00"} if state == "open" else {}
        release = a_release(
            facility=self.facility, name=f"AA{state} {uuid4().hex[:12]}", prison_register_no=uuid4().hex[:8], **early
        )
        case = Case(self.house, release)
        assert (await case.posted()).status_code == 201
        return case

    async def _walk_in(self, known: Case) -> dict[str, Any]:
        person = {"facility": self.facility, "name": known.release["name"]}
        contact = {"contact_at": FRIDAY_AFTERNOON, "method": "AT_OFFICE", "identity_level": "L1"}
        officer = self.house.officer("REG-HQ-01")
        answer = await officer.post("registration", "/v1/walk-ins", {"person": person, "contact": contact})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def _guided(self, case: Case) -> Subject:
        async def supervised() -> list[dict[str, Any]]:
            statement = "SELECT unit, officer FROM supervision WHERE client_id = $1"
            return await self.house.rows("supervision", statement, case.client_id)

        [row] = await eventually(supervised, "a supervision")
        await self.house.quiet()
        statement = "SELECT alert_id, told FROM alert WHERE about = $1 ORDER BY raised_at LIMIT 1"
        [alert] = await self.house.rows("notifications", statement, case.id)
        return replace(
            self._of(case),
            unit=row["unit"],
            officer=row["officer"],
            alert=str(alert["alert_id"]),
            addressed_to=frozenset(json.loads(alert["told"])),
        )

    def _of(self, case: Case) -> Subject:
        return Subject(
            unit=self.house.reference.receiving_unit(self.facility),
            facility=self.facility,
            juvenile=self.juvenile,
            release_id=case.release["release_id"],
            registration_id=str(case.id),
            client_id=str(case.client_id),
            name=case.release["name"],
        )


async def noticed(house: House, registration_id: str) -> Subject:
    """What the officer in charge was told of a case: a matter of that officer alone."""
    statement = """
        SELECT notification_id FROM notification
         WHERE about = $1::uuid AND recipient = $2 AND channel = 'IN_APP' AND state = 'delivered' LIMIT 1
    """
    [row] = await house.rows("notifications", statement, registration_id, IN_CHARGE)
    return Subject(addressed_to=frozenset({IN_CHARGE}), notice=str(row["notification_id"]))


@pytest.fixture(scope="module")
async def answers(house: House) -> Answers:
    """Every cell and what was answered in it."""
    cases: dict[tuple[str, bool], Subject] = {}
    for juvenile in (False, True):
        for state, subject in (await Furnishing(house, juvenile).subjects()).items():
            cases[state, juvenile] = subject
    notice = await noticed(house, cases["guided", False].registration_id)
    questions = list(asked(house, cases, notice))
    found: dict[Cell, Answer] = {}
    running = iter(questions)

    async def ask() -> None:
        async with Lines({service: house.url(service) for service in POLICY.services}) as lines:
            for each in running:
                reply = await lines.ask(each.question, token_of(house, each.cell.asker))
                read = each.plan.read(reply, each.subject, hides=each.row.hides)
                blind = at_the_door(each.row, each.subject) and read is Answer.HIDDEN
                found[each.cell] = Answer.LET_IN if blind else read

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(ask())
    return found


@dataclass(frozen=True)
class Asked:
    """A cell, and how it is asked."""

    cell: Cell
    question: Question
    plan: Plan
    subject: Subject
    row: AccessRow


def asked(house: House, cases: Cases, notice: Subject) -> Iterator[Asked]:
    """Every cell of every route, the services in turns."""
    for row in sorted(ASKED, key=lambda row: (row.path, row.service)):
        plan = PLANS.get(row.key) or OF_NO_CASE.get(row.key, Plan(body=lambda _: {}))
        about = [cases[plan.of, juvenile] for juvenile in (False, True)] if row.key in PLANS else [notice]
        for subject in about:
            address = f"{house.url(row.service)}{subject.place(row.path)}"
            question = Question.of(row.service, row.method, address, **plan.request(subject))
            # What is open to everybody looks at nobody: each role is asked for once.
            for asker in askers(subject) if row.open_to is None else at_home(row, subject):
                yield Asked(Cell(row.key, asker, subject.matter()), question, plan, subject, row)


def token_of(house: House, asker: Asker) -> bytes:
    """The token of whoever asks."""
    caller = house.somebody(asker.role, unit=asker.unit, facility=asker.facility, subject=asker.subject)
    return caller.headers["Authorization"].removeprefix("Bearer ").encode()


def test_every_route_that_is_about_a_case_is_asked_about_one() -> None:
    unplanned = {row.key for row in ASKED if row.about_a_case} - PLANS.keys()

    assert [" ".join(key) for key in sorted(unplanned) if not " ".join(key).startswith(DOOR_ONLY)] == []


def test_every_cell_answers_as_the_policy_says(house: House, answers: Answers) -> None:
    assert len(answers) > 10_000
    assert set(answers.values()) == set(Answer)

    assert contradictions(POLICY, answers, house.reference) == []


@pytest.mark.parametrize("row", ASKED, ids=lambda row: "-".join(row.key))
def test_a_policy_that_says_one_word_else_is_contradicted(house: House, answers: Answers, row: AccessRow) -> None:
    """Each role more, each role less, each reach further or nearer, in each column of the row."""
    own = {cell: answer for cell, answer in answers.items() if cell.route == row.key}
    at_the_door_only = row.about_a_case and row.key not in PLANS
    mutations = list(changed_at_the_door(row) if at_the_door_only else changed(row))

    assert len(mutations) >= (len(Role) - 1 if row.open_to is None else 1)
    for words, mutation in mutations:
        assert contradictions(AccessPolicy((mutation,)), own, house.reference), words
