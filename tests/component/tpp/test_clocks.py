"""The clocks of hearings ring by themselves, once, and stop with what they wait for."""

from datetime import timedelta

from contracts.tpp import HandOverDueSoon, HandOverOverdue, RoutineHearingDueSoon, RoutineHearingOverdue
from tests.component.house import FRIDAY, House
from tests.component.tpp.board import REPORT, SECRETARY, STARTS_AT, Board


async def test_a_recommendation_that_is_not_handed_over_is_told_of(house: House, board: Board) -> None:
    await board.concluded(REPORT)
    ended = house.office.now()

    await house.step_to(ended + timedelta(hours=49))

    told = [fact for fact in await house.published() if isinstance(fact, HandOverDueSoon | HandOverOverdue)]
    assert [type(fact) for fact in told] == [HandOverOverdue]
    assert told[0].due_at == ended + timedelta(hours=48)


async def test_each_part_of_the_time_is_told_of_once(house: House, board: Board) -> None:
    await board.concluded(REPORT)
    ended = house.office.now()

    for hours in (23, 25, 26, 39, 40):
        await house.step_to(ended + timedelta(hours=hours))

    assert [type(fact) for fact in await house.published()].count(HandOverDueSoon) == 2


async def test_a_hand_over_stops_its_clock(house: House, board: Board) -> None:
    await board.signed(REPORT)

    await board.do(SECRETARY, "/hand-over")

    assert "recommendation" not in await house.clocks()


async def test_a_panel_that_does_not_meet_is_told_of_until_it_does(house: House, board: Board) -> None:
    await board.appoint()
    before = await house.clocks()

    await house.step_to(FRIDAY + timedelta(days=16))

    told = [type(fact) for fact in await house.published()]
    assert before == {"routine-hearing": FRIDAY + timedelta(days=12)}
    assert told == [RoutineHearingOverdue]


async def test_a_routine_hearing_moves_the_clock_of_its_panel(house: House, board: Board) -> None:
    await board.in_session(REPORT)

    assert (await house.clocks())["routine-hearing"] == STARTS_AT + timedelta(days=12)
    assert RoutineHearingDueSoon not in [type(fact) for fact in await house.published()]
