"""The transition table of a report, whole: what is written down here moves, and everything else is refused."""

import pytest

from chassis.rules.transitions import StepNotAllowed
from services.litmas.reintegration.domain.states import TRANSITIONS, Status, Step
from tests.unit.litmas.examples import WAY, at

OFFICERS_DESK = (
    "ASSIGNED", "PREPARING", "IN_FIELD", "DATA_COLLECTION", "ANALYSIS", "DRAFT_RETURNED", "TPP_REVISION",
)  # fmt: skip
WRITTEN = ("ANALYSIS", "DRAFT_RETURNED", "TPP_REVISION")
HEARD = ("IN_TPP", "TPP_DEFERRED")
BEFORE_DELIVERY = (
    "REQUEST_RECEIVED", "RETURNED_INCOMPLETE", "DISPOSED", *OFFICERS_DESK, "DRAFTED", "NUMBERED_CHECKED", "INITIALED",
    "IN_TPP", "TPP_DEFERRED", "TPP_REJECTED", "TPP_APPROVED", "SIGNED",
)  # fmt: skip
EVERYTHING = tuple(status.name for status in Status)


def same(*names: str) -> dict[str, str]:
    """A step that stays where it is."""
    return {name: name for name in names}


EXPECTED: dict[str, dict[str, str]] = {
    "RECEIVE": {"-": "REQUEST_RECEIVED"},
    "RECEIVE_INCOMPLETE": {"-": "RETURNED_INCOMPLETE"},
    "COMPLETE": {"RETURNED_INCOMPLETE": "REQUEST_RECEIVED"},
    "CORRECT": same(*(name for name in EVERYTHING if name not in {"SIGNED", "DELIVERED", "ARCHIVED"})),
    "SEND_BACK": {"REQUEST_RECEIVED": "RETURNED_INCOMPLETE"},
    "WITHDRAW": dict.fromkeys(BEFORE_DELIVERY, "CANCELLED"),
    "WITHDRAW_UNSEEN": {"-": "CANCELLED"},
    "ASK_AGAIN": {"CANCELLED": "REQUEST_RECEIVED"},
    "DISPOSE": {"REQUEST_RECEIVED": "DISPOSED"},
    "ASSIGN": {"DISPOSED": "ASSIGNED"},
    "REASSIGN": {
        **dict.fromkeys(("ASSIGNED", "PREPARING", "IN_FIELD"), "ASSIGNED"),
        **same("DATA_COLLECTION", *WRITTEN),
    },
    "PREPARE": {"ASSIGNED": "PREPARING"},
    "DEPART": {"PREPARING": "IN_FIELD"},
    "COLLECT": {"IN_FIELD": "DATA_COLLECTION", "DATA_COLLECTION": "DATA_COLLECTION"},
    "ASSESS": same("DATA_COLLECTION", *WRITTEN),
    "ANALYSE": {"DATA_COLLECTION": "ANALYSIS"},
    "WRITE": same(*WRITTEN),
    "DRAFT": dict.fromkeys(WRITTEN, "DRAFTED"),
    "NUMBER": {"DRAFTED": "NUMBERED_CHECKED"},
    "RETURN_DRAFT": dict.fromkeys(("DRAFTED", "NUMBERED_CHECKED"), "DRAFT_RETURNED"),
    "INITIAL": {"NUMBERED_CHECKED": "INITIALED"},
    "SUBMIT_TO_BOARD": dict.fromkeys(("INITIALED", "TPP_DEFERRED"), "IN_TPP"),
    "GO_PAST_BOARD": {"INITIALED": "TPP_APPROVED"},
    "APPROVE": dict.fromkeys(HEARD, "TPP_APPROVED"),
    "ASK_REVISION": dict.fromkeys(HEARD, "TPP_REVISION"),
    "DEFER": dict.fromkeys(HEARD, "TPP_DEFERRED"),
    "REJECT": dict.fromkeys(HEARD, "TPP_REJECTED"),
    "RETURN_DECISION": dict.fromkeys(("TPP_APPROVED", "TPP_REVISION", "TPP_REJECTED"), "IN_TPP"),
    "REWORK": {"TPP_REJECTED": "DRAFT_RETURNED"},
    "CLOSE_REJECTED": {"TPP_REJECTED": "CLOSED_REJECTED"},
    "SIGN": {"TPP_APPROVED": "SIGNED"},
    "DELIVER": {"SIGNED": "DELIVERED"},
    "ARCHIVE": {"DELIVERED": "ARCHIVED"},
    "CANCEL": dict.fromkeys(BEFORE_DELIVERY, "CANCELLED"),
    "ADD": same("DELIVERED", "ARCHIVED"),
    "RECORD_OUTCOME": same(*EVERYTHING),
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


def test_the_order_of_the_desks_is_that_of_the_study() -> None:
    passed = ["REQUEST_RECEIVED", *dict.fromkeys(status.name for status, _ in WAY)]

    assert passed == [
        "REQUEST_RECEIVED", "DISPOSED", "ASSIGNED", "PREPARING", "IN_FIELD", "DATA_COLLECTION", "ANALYSIS", "DRAFTED",
        "NUMBERED_CHECKED", "IN_TPP", "TPP_APPROVED", "SIGNED", "DELIVERED", "ARCHIVED",
    ]  # fmt: skip
    assert at(Status.ARCHIVED).initialed is not None


def test_until_it_is_delivered_a_report_can_be_cancelled() -> None:
    over = {Status.DELIVERED, Status.ARCHIVED, Status.CANCELLED, Status.CLOSED_REJECTED}

    assert {status for status in Status if TRANSITIONS.allows(status, Step.CANCEL)} == set(Status) - over
