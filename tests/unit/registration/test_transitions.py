"""The transition table, whole: what is written down here moves, and everything else is refused."""

import pytest

from chassis.rules.transitions import StepNotAllowed
from services.registration.domain.case import TRANSITIONS, Status, Step

AWAITED = ("RELEASED", "CONTACT_OVERDUE", "TRACING", "ABSCONDED_SUSPECTED")
ANNOUNCED = ("RELEASE_ANNOUNCED", "PRE_REGISTERED")
TRANSFERABLE = (*ANNOUNCED, *AWAITED, "PROVISIONALLY_REGISTERED", "SUBMITTED")
EVERYTHING = tuple(status.name for status in Status)


def same(*names: str) -> dict[str, str]:
    """A step that stays where it is."""
    return {name: name for name in names}


EXPECTED: dict[str, dict[str, str]] = {
    "ANNOUNCE": {
        **dict.fromkeys(("-", "CANCELLED", "CLOSED"), "RELEASE_ANNOUNCED"),
        "CONFLICT": "PROVISIONALLY_REGISTERED",
    },
    "PREPARE": {"RELEASE_ANNOUNCED": "PRE_REGISTERED"},
    "RELEASE": {
        **dict.fromkeys(("-", *ANNOUNCED, "CANCELLED", "CLOSED"), "RELEASED"),
        **same("PROVISIONALLY_REGISTERED", "SUBMITTED", "REGISTERED"),
        "CONFLICT": "PROVISIONALLY_REGISTERED",
    },
    "RELEASE_UNSEEN": {"PROVISIONALLY_REGISTERED": "RELEASED"},
    "WALK_IN": {"-": "PROVISIONALLY_REGISTERED"},
    "BIND": dict.fromkeys(("-", *ANNOUNCED, *AWAITED, "CANCELLED", "CLOSED"), "CLOSED"),
    "CORRECT": same(*(name for name in EVERYTHING if name != "HANDED_ON")),
    "REVOKE": same(*AWAITED, "PROVISIONALLY_REGISTERED", "SUBMITTED", "REGISTERED", "CONFLICT"),
    "CANCEL": dict.fromkeys(("-", *ANNOUNCED, "PROVISIONALLY_REGISTERED"), "CANCELLED"),
    "UNDO": dict.fromkeys((*AWAITED, "PROVISIONALLY_REGISTERED", "CANCELLED"), "CLOSED"),
    "DISPUTE": dict.fromkeys(("PROVISIONALLY_REGISTERED", "SUBMITTED"), "CONFLICT"),
    "FALL_OVERDUE": {"RELEASED": "CONTACT_OVERDUE"},
    "TRACE": {"CONTACT_OVERDUE": "TRACING"},
    "SUSPECT_ABSCONDED": {"TRACING": "ABSCONDED_SUSPECTED"},
    "RESTART_CLOCK": dict.fromkeys(("CONTACT_OVERDUE", "TRACING", "ABSCONDED_SUSPECTED"), "RELEASED"),
    "NOTE_TRACE": same(*ANNOUNCED, *AWAITED, "CONFLICT"),
    "MEET": {
        **dict.fromkeys((*ANNOUNCED, *AWAITED), "PROVISIONALLY_REGISTERED"),
        **dict.fromkeys(("CANCELLED", "CLOSED"), "CONFLICT"),
    },
    "TAKE_BIOMETRICS": same("PROVISIONALLY_REGISTERED", "SUBMITTED", "CONFLICT", "REGISTERED"),
    "SUBMIT": {"PROVISIONALLY_REGISTERED": "SUBMITTED"},
    "APPROVE": {"SUBMITTED": "REGISTERED"},
    "RETURN": dict.fromkeys(("SUBMITTED", "CONFLICT"), "PROVISIONALLY_REGISTERED"),
    "REFUSE_FOR_TRANSFER": {"SUBMITTED": "HANDED_ON"},
    "REFUSE_FOR_CLOSURE": {"SUBMITTED": "CLOSED"},
    "REFUSE_FOR_OFFER": {"SUBMITTED": "PROVISIONALLY_REGISTERED"},
    "OFFER_TRANSFER": same(*TRANSFERABLE),
    "END_OFFER": same(*TRANSFERABLE, "CONFLICT"),
    "HAND_ON": dict.fromkeys(TRANSFERABLE, "HANDED_ON"),
    "RECEIVE_FILES": same("PROVISIONALLY_REGISTERED", "SUBMITTED", "CONFLICT", "REGISTERED"),
    "BREAK_GLASS": {name: name for name in EVERYTHING},
    "CLOSE": dict.fromkeys((name for name in EVERYTHING if name != "CLOSED"), "CLOSED"),
}

PAIRS = [
    pytest.param(before, step, id=f"{step.name}-from-{before.name if before else 'nothing'}")
    for before, step, _ in TRANSITIONS.product()
]


@pytest.mark.parametrize(("before", "step"), PAIRS)
def test_a_listed_step_moves_and_any_other_is_refused(before: Status | None, step: Step) -> None:
    expected = EXPECTED[step.name].get(before.name if before else "-")

    if expected is None:
        with pytest.raises(StepNotAllowed, match="is not possible"):
            TRANSITIONS.move(before, step)
    else:
        assert TRANSITIONS.move(before, step) is Status[expected]


def test_every_state_can_be_reached() -> None:
    assert TRANSITIONS.unreachable() == frozenset()


def test_no_state_is_a_trap_but_the_end() -> None:
    """From every state but the ended ones a case can still be closed."""
    assert all(TRANSITIONS.allows(status, Step.CLOSE) for status in Status if status is not Status.CLOSED)
