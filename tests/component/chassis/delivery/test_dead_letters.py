"""What is set aside is taken up again in order, once, by whoever comes first."""

import asyncio

import pytest

from chassis.letter_desk import CorrectionInvalid, LetterBehind, LetterGone
from tests.component.chassis.delivery.harness import Gate, House, record_of, released, touching_two, until

BROKEN = b'{"release_id": "r-1", "name": "Budi", "released_at": "2026-05-29T09:30:00Z"}'
GOOD = b'{"release_id": "r-1", "name": "Budi", "released_at": "2026-05-29T09:30:00Z", "facility": "LP1-PLG"}'


async def nothing_is_left(house: House) -> bool:
    """No letter is open, no key is held."""
    held = await house.count("SELECT count(*) FROM held_key")
    return not held and not await house.letters_in("parked", "waiting")


async def test_events_behind_a_bug_follow_in_order_once_it_is_mended(house: House) -> None:
    """The retry settles the letter; what waited comes after it by itself, then what is new."""
    letter = await house.a_bug_with_followers("B", "C", "D")

    ended = await house.desk.retry(letter.id, actor="ops")
    await house.follow()

    assert ended.outcome == "applied"
    assert await house.names("r-1") == ["BUG", "B", "C", "D"]
    assert await nothing_is_left(house)
    assert await house.outcomes(record_of(released("r-1", "E"), 9)) == ["applied"]


async def test_followers_come_by_the_loop_when_a_letter_is_settled(house: House) -> None:
    """Nobody has to ask for them."""
    letter = await house.a_bug_with_followers("B")
    loop = asyncio.create_task(house.desk.run())

    await house.desk.retry(letter.id, actor="ops")
    await until(lambda: nothing_is_left(house))

    loop.cancel()
    assert await house.names("r-1") == ["BUG", "B"]


async def test_a_retry_that_meets_the_bug_again_keeps_everything_in_place(house: House) -> None:
    """It counts the attempt and tells nobody twice."""
    letter = await house.a_bug_with_followers("B")
    house.wrong.bugs.add("BUG")

    ended = await house.desk.retry(letter.id, actor="ops")
    await house.follow()

    assert (ended.outcome, ended.kind) == ("dead_lettered", "bug")
    assert await house.names("r-1") == []
    assert [open_letter.attempts for open_letter in await house.letters_in("parked", "waiting")] == [2, 1]
    assert len(await house.announced()) == 1


async def test_a_follower_with_a_bug_of_its_own_holds_those_behind_it(house: House) -> None:
    """It is told then, since only now it is a letter that somebody must look at."""
    letter = await house.a_bug_with_followers("B", "BUG TOO", "D")
    house.wrong.bugs.add("BUG TOO")

    await house.desk.retry(letter.id, actor="ops")
    await house.follow()

    assert await house.names("r-1") == ["BUG", "B"]
    assert [(each.state, each.kind) for each in await house.letters_in("parked", "waiting")] == [
        ("parked", "bug"),
        ("waiting", "held"),
    ]
    assert len(await house.announced()) == 2


async def test_a_refused_follower_lets_the_next_one_pass(house: House) -> None:
    """A refusal holds nothing, whenever it comes."""
    letter = await house.a_bug_with_followers("REFUSED", "C")

    await house.desk.retry(letter.id, actor="ops")
    await house.follow()

    assert await house.names("r-1") == ["BUG", "C"]
    assert [(each.state, each.kind) for each in await house.letters_in("parked")] == [("parked", "refused")]
    assert await house.count("SELECT count(*) FROM held_key") == 0


async def test_a_refused_event_is_applied_when_the_rule_allows_it_later(house: House) -> None:
    """Later events did not wait for it."""
    await house.deliver(record_of(released("r-1", "REFUSED"), 0), record_of(released("r-1", "B"), 1))
    house.wrong.refused.clear()

    ended = await house.desk.retry((await house.letters_in("parked"))[0].id, actor="ops")

    assert ended.outcome == "applied"
    assert await house.names("r-1") == ["B", "REFUSED"]
    assert await nothing_is_left(house)


async def test_a_broken_event_is_corrected_and_then_followed(house: House) -> None:
    """Its subject could be read, so its followers waited."""
    await house.deliver(record_of(released("r-1"), 0, value=BROKEN), record_of(released("r-1", "B"), 1))
    letter = (await house.letters_in("parked"))[0]

    assert (await house.desk.retry(letter.id, actor="ops")).kind == "malformed"
    await house.desk.correct(letter.id, GOOD, actor="ops", reason="the prison told us on the telephone")
    assert (await house.desk.retry(letter.id, actor="ops")).outcome == "applied"
    await house.follow()

    assert await house.names("r-1") == ["Budi", "B"]
    assert await nothing_is_left(house)
    assert await house.count("SELECT count(*) FROM operator_act WHERE act = 'correct'") == 1


async def test_a_correction_that_fits_no_schema_is_refused(house: House) -> None:
    """Nothing is changed by it."""
    await house.deliver(record_of(released("r-1"), 0, value=BROKEN))
    letter = (await house.letters_in("parked"))[0]

    with pytest.raises(CorrectionInvalid):
        await house.desk.correct(letter.id, BROKEN, actor="ops", reason="typing error")

    assert (await house.letters_in("parked"))[0].corrected_value is None
    assert await house.count("SELECT count(*) FROM operator_act") == 0


async def test_a_retry_that_waits_uses_a_correction_made_meanwhile(house: House) -> None:
    """It is decided on what the letter says when its turn comes."""
    await house.deliver(record_of(released("r-1", "WRONG NAME"), 0), store_offsets=False)
    letter = await house.a_bug_with_followers()
    corrected = GOOD.replace(b"Budi", b"Corrected")

    async with house.pool.acquire() as other, other.transaction():
        await other.execute("SELECT 1 FROM tally FOR UPDATE")
        retry = asyncio.create_task(house.desk.retry(letter.id, actor="one"))
        await until(house.somebody_waits)
        await house.desk.correct(letter.id, corrected, actor="two", reason="another name")

    assert (await retry).outcome == "applied"
    assert await house.names("r-1") == ["WRONG NAME", "Corrected"]


async def test_a_discarded_event_lets_the_others_follow_and_comes_again_as_a_duplicate(house: House) -> None:
    """Giving it up counts as handling it."""
    letter = await house.a_bug_with_followers("B")

    await house.desk.discard(letter.id, actor="ops", reason="sent by mistake")
    await house.follow()

    assert await house.names("r-1") == ["B"]
    assert await nothing_is_left(house)
    assert await house.outcomes(record_of(released("r-1", "BUG"), 9, event_id="event-0")) == ["duplicate"]
    with pytest.raises(LetterGone):
        await house.desk.retry(letter.id, actor="ops")


async def test_a_letter_retried_by_several_at_once_is_applied_once(house: House) -> None:
    """The others are told that somebody was quicker."""
    letter = await house.a_bug_with_followers()

    ends = await asyncio.gather(
        *(house.desk.retry(letter.id, actor=f"ops {n}") for n in range(4)), return_exceptions=True
    )

    assert sum(isinstance(end, LetterGone) for end in ends) == 3
    assert await house.names("r-1") == ["BUG"]
    assert await house.count("SELECT count(*) FROM operator_act WHERE act = 'retry'") == 1


async def test_a_letter_retried_and_discarded_at_once_ends_in_one_way(house: House) -> None:
    """Whichever comes first; the names tell which."""
    letter = await house.a_bug_with_followers()

    retried, discarded = await asyncio.gather(
        house.desk.retry(letter.id, actor="one"),
        house.desk.discard(letter.id, actor="two", reason="no longer wanted"),
        return_exceptions=True,
    )

    assert isinstance(retried, LetterGone) != isinstance(discarded, LetterGone)
    assert await house.names("r-1") == ([] if isinstance(retried, LetterGone) else ["BUG"])


async def test_a_waiting_event_cannot_be_taken_before_the_one_it_waits_for(house: House) -> None:
    """An operator who tries is told why."""
    await house.a_bug_with_followers("B")
    waiting = (await house.letters_in("waiting"))[0]

    with pytest.raises(LetterBehind):
        await house.desk.retry(waiting.id, actor="ops")


async def test_a_retry_beside_live_events_of_the_same_key_leaves_no_phantom(house: House) -> None:
    """Round after round: nothing stays held with nothing behind it, nothing is lost, and the order is kept."""
    offset = 0
    for round_number in range(25):
        release_id = f"r-{round_number}"
        house.wrong.bugs.add("BUG")
        await house.deliver(record_of(released(release_id, "BUG"), offset))
        house.wrong.bugs.clear()
        letter = (await house.letters_in("parked"))[-1]

        async def live(release_id: str = release_id, first: int = offset + 1) -> None:
            for place in range(3):
                await house.deliver(record_of(released(release_id, f"L{place}"), first + place))

        await asyncio.gather(live(), house.desk.retry(letter.id, actor="ops"), house.desk.follow())
        await house.follow()
        offset += 4

        assert await house.names(release_id) == ["BUG", "L0", "L1", "L2"]
        assert await nothing_is_left(house)


async def test_a_live_event_that_waits_for_the_release_of_its_key_comes_after_it(house: House) -> None:
    """It stands at the held key's lock while the retry commits."""
    letter = await house.a_bug_with_followers()
    gate = Gate("retry.before_commit")
    operator = House(house.pool, probes=gate, wrong=house.wrong)

    retry = asyncio.create_task(operator.desk.retry(letter.id, actor="ops"))
    await gate.reached.wait()
    live = asyncio.create_task(house.outcomes(record_of(released("r-1", "L"), 5)))
    await until(house.somebody_waits)
    gate.opened.set()

    assert (await retry).outcome == "applied"
    assert await live == ["applied"]
    assert await house.names("r-1") == ["BUG", "L"]


async def test_a_key_stays_held_when_a_live_event_got_behind_it_first(house: House) -> None:
    """The operator stands at the lock while the live batch parks its event."""
    letter = await house.a_bug_with_followers()
    gate = Gate("batch.before_commit")
    consumer = House(house.pool, probes=gate, wrong=house.wrong)

    live = asyncio.create_task(consumer.outcomes(record_of(released("r-1", "L"), 5)))
    await gate.reached.wait()
    retry = asyncio.create_task(house.desk.retry(letter.id, actor="ops"))
    await until(house.somebody_waits)
    gate.opened.set()

    assert await live == ["held"]
    assert (await retry).outcome == "applied"
    assert await house.outcomes(record_of(released("r-1", "M"), 6)) == ["held"]
    await house.follow()
    assert await house.names("r-1") == ["BUG", "L", "M"]
    assert await nothing_is_left(house)


async def test_letters_with_crossing_keys_follow_each_in_its_place(house: House) -> None:
    """An event of two aggregates waits for both, and whatever comes later for either waits for it."""
    house.wrong.bugs.add("BUG")
    await house.deliver(
        record_of(released("r-a", "BUG"), 0),
        record_of(released("r-b", "BUG"), 1),
        record_of(touching_two("r-a", "r-b"), 2),
        record_of(released("r-b", "B2"), 3),
        record_of(released("r-a", "A2"), 4),
        record_of(released("r-c", "C"), 5),
    )
    house.wrong.bugs.clear()
    first, second = await house.letters_in("parked")

    await house.desk.retry(first.id, actor="ops")
    await house.follow()
    assert (await house.names("r-a"), await house.names("r-b"), await house.names("r-c")) == (["BUG"], [], ["C"])

    await house.desk.retry(second.id, actor="ops")
    await house.follow()
    assert await house.names("r-a") == ["BUG", "OTHER", "A2"]
    assert await house.names("r-b") == ["BUG", "OTHER", "B2"]
    assert await nothing_is_left(house)


async def test_a_record_whose_subject_cannot_be_read_holds_nothing(house: House) -> None:
    """Nobody can say whose order is at stake."""
    unreadable = record_of(released("r-1", "A"), 0, key=b"r-2")

    assert await house.outcomes(unreadable, record_of(released("r-1", "B"), 1)) == ["malformed", "applied"]
    assert await house.count("SELECT count(*) FROM held_key") == 0
