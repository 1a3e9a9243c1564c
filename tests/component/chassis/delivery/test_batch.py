"""A batch is handled once, whatever it holds."""

import asyncio
from dataclasses import replace

import pytest

from contracts.lapas import ReleaseAnnounced
from tests.component.chassis.delivery.harness import House, record_of, released
from tests.component.chassis.delivery.tally import FRIDAY


async def test_an_event_delivered_twice_is_applied_once(house: House) -> None:
    """A redelivery is a no-op."""
    record = record_of(released("r-1"), 0)

    first = await house.outcomes(record)
    again = await house.outcomes(replace(record, offset=7))

    assert (first, again) == (["applied"], ["duplicate"])
    assert await house.names("r-1") == ["Budi"]
    assert await house.count("SELECT count(*) FROM outbox") == 1


async def test_an_event_twice_in_one_batch_is_applied_once(house: House) -> None:
    """The inbox sees the first of the two."""
    record = record_of(released("r-1"), 0)

    assert await house.outcomes(record, replace(record, offset=1)) == ["applied", "duplicate"]
    assert await house.names("r-1") == ["Budi"]


async def test_events_of_one_key_in_one_batch_build_on_each_other(house: House) -> None:
    """The identity map shows the second event what the first one did."""
    records = [record_of(released("r-1", name), place) for place, name in enumerate("ABC")]

    assert await house.outcomes(*records) == ["applied"] * 3
    assert await house.names("r-1") == ["A", "B", "C"]
    assert await house.count("SELECT version FROM tally") == 1


async def test_a_record_below_the_stored_offset_is_a_duplicate(house: House) -> None:
    """What an old owner of a partition still has in hand was done by the new one."""
    await house.deliver(record_of(released("r-1"), 10))

    assert await house.outcomes(record_of(released("r-2"), 9)) == ["duplicate"]


async def test_an_old_offset_never_moves_the_stored_one_back(house: House) -> None:
    """Two owners of a partition take turns; the later one wins."""
    await house.deliver(record_of(released("r-1"), 10))
    await house.deliver(record_of(released("r-2"), 4))

    assert await house.count("SELECT next_offset FROM consumer_offset") == 11


async def test_an_irrelevant_event_is_remembered_with_its_reason(house: House) -> None:
    """It changed nothing, and comes again as a duplicate."""
    record = record_of(released("r-1", "IRRELEVANT"), 0)

    assert await house.outcomes(record) == ["irrelevant"]
    assert await house.outcomes(replace(record, offset=1)) == ["duplicate"]
    assert await house.count("SELECT count(*) FROM tally") == 0
    assert await house.count("SELECT count(*) FROM inbox WHERE outcome = 'irrelevant' AND reason = 'too late'") == 1


async def test_a_refused_event_changes_nothing_and_holds_nothing(house: House) -> None:
    """Its neighbours of the same key in the same batch go on as if it had not come."""
    records = [record_of(released("r-1", name), place) for place, name in enumerate(["A", "REFUSED", "B"])]

    assert await house.outcomes(*records) == ["applied", "refused", "applied"]
    assert await house.names("r-1") == ["A", "B"]
    assert await house.count("SELECT count(*) FROM held_key") == 0
    assert await house.count("SELECT count(*) FROM outbox") == 3  # two facts and the announcement of the dead letter
    assert await house.count("SELECT count(*) FROM timer") == 1


@pytest.mark.parametrize("where", ["in memory", "in the database"])
async def test_a_bug_is_set_aside_and_holds_its_key(house: House, where: str) -> None:
    """Later events of the same subject wait behind it, also in the same batch; others go on."""
    (house.wrong.bugs if where == "in memory" else house.wrong.bad_rows).add("BUG")
    records = [
        record_of(released("r-1", "A"), 0),
        record_of(released("r-1", "BUG"), 1),
        record_of(released("r-2", "B"), 2),
        record_of(released("r-1", "C"), 3),
    ]

    assert await house.outcomes(*records) == ["applied", "bug", "applied", "held"]
    assert await house.outcomes(record_of(released("r-1", "D"), 4)) == ["held"]
    assert await house.names("r-1") == ["A"]
    assert await house.names("r-2") == ["B"]


async def test_what_is_set_aside_comes_again_as_a_duplicate(house: House) -> None:
    """A redelivery does not overtake the operator."""
    house.wrong.bugs.add("BUG")
    record = record_of(released("r-1", "BUG"), 0)
    await house.deliver(record)
    house.wrong.bugs.clear()

    assert await house.outcomes(replace(record, offset=1)) == ["duplicate"]
    assert await house.names("r-1") == []


async def test_an_event_id_reused_with_another_body_is_malformed(house: House) -> None:
    """The first body stands; the second is for a person to look at."""
    await house.deliver(record_of(released("r-1", "A"), 0, event_id="same"))

    assert await house.outcomes(record_of(released("r-1", "B"), 1, event_id="same")) == ["malformed"]
    assert await house.outcomes(record_of(released("r-1", "B"), 2, event_id="same")) == ["malformed"]
    assert await house.names("r-1") == ["A"]
    assert await house.count("SELECT count(*) FROM inbox") == 1


async def test_an_event_id_reused_in_the_same_batch_leaves_the_hash_of_the_first_body(house: House) -> None:
    """The first one is a duplicate when it comes again, and not the one that was set aside."""
    first, second = (record_of(released("r-1", name), place, event_id="same") for place, name in enumerate("AB"))

    assert await house.outcomes(first, second) == ["applied", "malformed"]
    assert await house.outcomes(replace(first, offset=2)) == ["duplicate"]
    assert await house.outcomes(replace(second, offset=3)) == ["malformed"]
    assert await house.names("r-1") == ["A"]


async def test_a_key_that_was_not_named_is_learnt(house: House) -> None:
    """A handler that locks what `key_of` did not name is run again with it locked in order."""
    event = ReleaseAnnounced(release_id="r-1", facility="LP1-PLG", name="A", releases_on=FRIDAY.date())

    assert await house.outcomes(record_of(event, 0), record_of(released("r-1", "B"), 1)) == ["applied", "applied"]
    assert await house.names("r-1") == ["A", "B"]


async def test_two_batches_that_open_the_same_case_lose_no_event(house: House) -> None:
    """FOR UPDATE locks no row that is not there yet: the loser of the race decides again."""
    left = [record_of(released(f"r-{n}", "L"), n, partition=0) for n in range(20)]
    right = [record_of(released(f"r-{n}", "R"), n, partition=1, event_id=f"right-{n}") for n in reversed(range(20))]

    await asyncio.gather(house.deliver(*left), house.deliver(*right))

    for number in range(20):
        assert sorted(await house.names(f"r-{number}")) == ["L", "R"]
    assert await house.count("SELECT count(*) FROM outbox") == 40


async def test_the_same_batch_handled_by_two_owners_is_applied_once(house: House) -> None:
    """A zombie and its successor."""
    records = [record_of(released(f"r-{n}"), n) for n in range(30)]

    first, second = await asyncio.gather(house.outcomes(*records), house.outcomes(*records))

    assert sorted(first + second) == ["applied"] * 30 + ["duplicate"] * 30
    assert await house.count("SELECT sum(seen) FROM tally") == 30
    assert await house.count("SELECT count(*) FROM outbox") == 30


BROKEN = b'{"release_id": "r-1", "name": "Budi", "released_at": "2026-05-29T09:30:00Z"}'
BROKEN_TOO = b'{"release_id": "r-1", "name": "Budi"}'


async def test_the_same_broken_record_twice_in_a_batch_is_one_dead_letter(house: House) -> None:
    """It is told once, too."""
    record = record_of(released("r-1"), 0, value=BROKEN)

    assert await house.outcomes(record, replace(record, offset=1)) == ["malformed", "duplicate"]
    assert len(await house.letters_in("parked")) == 1
    assert len(await house.announced()) == 1


async def test_two_broken_records_with_one_id_are_two_dead_letters(house: House) -> None:
    """The second has another body, so it is not the first."""
    first = record_of(released("r-1"), 0, value=BROKEN, event_id="same")
    second = record_of(released("r-1"), 1, value=BROKEN_TOO, event_id="same")

    assert await house.outcomes(first, second) == ["malformed", "malformed"]
    assert [letter.value for letter in await house.letters_in("parked")] == [BROKEN, BROKEN_TOO]


async def test_a_broken_record_and_its_repair_under_one_id_are_both_kept(house: House) -> None:
    """The repair reuses the id, so a person decides; what was set aside first can still be taken up."""
    broken = record_of(released("r-1"), 0, value=BROKEN, event_id="same")
    repaired = record_of(released("r-1", "A"), 1, event_id="same")

    assert await house.outcomes(broken, repaired) == ["malformed", "malformed"]
    letter = (await house.letters_in("parked"))[0]
    assert repaired.value is not None
    await house.desk.correct(letter.id, repaired.value, actor="ops", reason="as the prison said")
    assert (await house.desk.retry(letter.id, actor="ops")).outcome == "applied"
    assert await house.names("r-1") == ["A"]


async def test_a_broken_record_read_by_two_owners_is_told_once(house: House) -> None:
    """Neither of them has an inbox row to wait at, nor a stored offset."""
    records = [record_of(released(f"r-{n}"), n, value=BROKEN) for n in range(10)]

    await asyncio.gather(*(house.outcomes(*records) for _ in range(3)))

    assert len(await house.letters_in("parked")) == 10
    assert len(await house.announced()) == 10


async def test_a_refusal_after_a_write_of_its_own_leaves_nothing(house: House) -> None:
    """What a handler wrote on the connection cannot be undone in memory, so a savepoint does it."""
    names = ["A", "WRITTEN AND REFUSED", "WRITTEN", "B"]
    records = [record_of(released("r-1", name), place) for place, name in enumerate(names)]

    assert await house.outcomes(*records) == ["applied", "refused", "applied", "applied"]
    assert await house.names("r-1") == ["A", "WRITTEN", "B"]
    assert await house.count("SELECT count(*) FROM tally_log") == 3
    assert await house.count("SELECT sequence FROM tally") == 3


@pytest.mark.parametrize("bug", ["TIMER OF NO KIND", "BAD DUMP", "KEY BUG", "KEY OF ANOTHER TYPE"])
async def test_a_bug_outside_the_handlers_own_lines_is_set_aside_too(house: House, bug: str) -> None:
    """A value that the driver cannot write, or a key that cannot be named, must not stop the partition."""
    records = [record_of(released("r-1", bug), 0), record_of(released("r-2", "B"), 1), record_of(released("r-1"), 2)]

    assert await house.outcomes(*records) == ["bug", "applied", "held"]
    assert await house.names("r-1") == []


async def test_a_state_that_cannot_be_read_stops_its_own_events_alone(house: House) -> None:
    """Those of other aggregates in the same batch go on; a retry of such an event is answered, not raised."""
    await house.deliver(record_of(released("r-1", "UNLOADABLE"), 0))
    records = [record_of(released("r-1", "A"), 1), record_of(released("r-2", "B"), 2)]

    assert await house.outcomes(*records) == ["bug", "applied"]
    letter = (await house.letters_in("parked"))[0]
    assert (await house.desk.retry(letter.id, actor="ops")).kind == "bug"


async def test_what_an_irrelevant_event_would_have_published_is_not_traced(house: House) -> None:
    """Its facts never left."""
    result = await house.deliver(record_of(released("r-1", "IRRELEVANT"), 0), record_of(released("r-2"), 1))

    assert [len(transaction.published) for transaction in result.transactions] == [0, 1]


async def test_a_malformed_record_belongs_to_the_trace_of_its_sender(house: House) -> None:
    """Whoever mends it finds the prison that sent it."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    record = record_of(released("r-1"), 0)
    headers = (*record.headers, ("traceparent", f"00-{trace}-00f067aa0ba902b7-01".encode()))

    result = await house.deliver(replace(record, value=b"not json", headers=headers))

    assert [ended.kind for ended in result.ended] == ["malformed"]
    assert f"{result.causes[0].trace.trace_id:032x}" == trace
