"""What befalls the processes of the small service, told to its end."""

from collections.abc import Awaitable, Callable, Mapping
from signal import SIGCONT

from chassis.database import connect
from chassis.relay import LOCK_SESSION, RELAY_LOCK
from tests.faults.plant import SATURDAY, Plant, Worker

PARSE_AND_FLUSH = b"P\x00\x00\x00\x11x\x00SELECT 1\x00\x00\x00" + b"H\x00\x00\x00\x04"
"""What a client sends to prepare a statement, before it sends what runs it."""

Story = Callable[[Plant, str], Awaitable[None]]


async def dies_under_load(plant: Plant, fault: str) -> None:
    """It dies while events come; its successor has to wait until Kafka believes that it is dead."""
    await plant.load(2)
    worker = await plant.start(fault)
    await plant.until(lambda: plant.load_until_it_ended(worker))
    await plant.start()
    await plant.load(1)
    await plant.until(plant.is_quiet)
    await plant.check()
    assert await plant.repeated() >= ("after_send" in fault)


async def dies_at_a_clock(plant: Plant, fault: str) -> None:
    """All clocks run out at once; it dies while they fire."""
    worker = await plant.start(fault)
    await plant.load(1)
    await plant.until(plant.is_quiet)
    plant.show(SATURDAY)
    await plant.until(worker.has_ended)
    await plant.start()

    async def all_rang() -> bool:
        return all((await plant.rung()).values()) and await plant.is_quiet()

    await plant.until(all_rang)
    await plant.check()
    assert set((await plant.rung()).values()) == {1}


async def dies_at_a_request(plant: Plant, fault: str) -> None:
    """The caller gets no answer and asks again under the same key."""
    request = ("/v1/tallies", {"release_id": "r-0", "name": "by hand"})
    worker = await plant.start(fault)
    await plant.until(lambda: plant.is_open(worker))
    assert await plant.post(worker, *request, **{"Idempotency-Key": "k-1"}) is None
    await plant.until(worker.has_ended)

    worker = await plant.start()
    await plant.until(lambda: plant.is_open(worker))
    answers = [await plant.post(worker, *request, **{"Idempotency-Key": "k-1"}) for _ in range(2)]

    assert [(each.status_code, each.json()) for each in answers if each is not None] == [(201, 1), (201, 1)]
    plant.sent["r-0"] = ["by hand"]
    await plant.until(plant.is_quiet)
    await plant.check()


async def dies_at_the_post(plant: Plant, fault: str) -> None:
    """Each event owes a letter; at most the one in its hands goes out twice, and then it says so."""
    worker = await plant.start(fault, POST_FILE=str(plant.post_file))
    await plant.load(2)
    await plant.until(worker.has_ended)
    await plant.start(POST_FILE=str(plant.post_file))

    async def all_sent() -> bool:
        return await plant.is_quiet() and not await plant.house.count(
            "SELECT count(*) FROM letter WHERE state <> 'sent'"
        )

    await plant.until(all_sent)
    await plant.check()
    carried = plant.carried()
    owed = [f"{release_id} {name}" for release_id, names in plant.sent.items() for name in names]
    twice = sorted({each for each in carried if carried.count(each) > 1})
    rows = await plant.pool.fetch("SELECT letter_id FROM letter WHERE maybe_doubled")
    assert sorted(set(carried)) == sorted(owed)
    assert len(carried) - len(owed) == len(twice) == ("after_send" in fault)
    assert set(twice) <= {row["letter_id"] for row in rows}


async def with_a_letter(plant: Plant) -> None:
    """A bug set one event aside, and others wait behind it."""
    worker = await plant.start(BUGS="BUG")
    for name in ("BUG", "n1", "n2"):
        await plant.send("r-0", name)
    await plant.send("r-1", "n0")

    async def all_have_ended() -> bool:
        return await plant.house.count("SELECT count(*) FROM dead_letter") == 3 and bool(await plant.seen("r-1"))

    await plant.until(all_have_ended)
    assert await worker.stop()


async def ask_until_it_dies(plant: Plant, worker: Worker, path: str, body: Mapping[str, str] | None) -> None:
    """Ask for something during which it dies."""
    await plant.until(lambda: plant.is_open(worker))
    assert await plant.post(worker, path, body) is None
    await plant.until(worker.has_ended)


async def dies_at_a_retry(plant: Plant, fault: str) -> None:
    """The operator gets no answer; whether it was done can be seen, and asking again does it at most once."""
    await with_a_letter(plant)
    (letter,) = await plant.letters()
    path = f"/v1/dead-letters/{letter.id}/retry"
    await ask_until_it_dies(plant, await plant.start(fault), path, None)

    worker = await plant.start()
    await plant.until(lambda: plant.is_open(worker))
    answer = await plant.post(worker, path)

    assert answer is not None
    assert answer.status_code == (409 if "after_commit" in fault else 200)
    await plant.until(plant.is_quiet)
    await plant.check()


async def dies_at_a_discard(plant: Plant, fault: str) -> None:
    """Nothing was given up; asked again, it is, and the others follow."""
    await with_a_letter(plant)
    (letter,) = await plant.letters()
    path, body = f"/v1/dead-letters/{letter.id}/discard", {"reason": "sent by mistake"}
    await ask_until_it_dies(plant, await plant.start(fault), path, body)
    assert [each.id for each in await plant.letters()] == [letter.id]

    worker = await plant.start()
    await plant.until(lambda: plant.is_open(worker))
    answer = await plant.post(worker, path, body)

    assert answer is not None
    assert answer.status_code == 204
    plant.sent["r-0"].remove("BUG")
    await plant.until(plant.is_quiet)
    await plant.check()


async def stands_still(plant: Plant, fault: str) -> None:
    """It stops in the middle for longer than its session; another one takes over, and then it goes on."""
    await plant.load(2)
    first = await plant.start(fault)
    await plant.until(lambda: plant.load_until_it_stands_still(first))
    await plant.start()
    await plant.load(2)
    await plant.until(plant.is_quiet)
    first.send(SIGCONT)
    for _ in range(10):
        await plant.load(1, pause=0.1)
    await plant.until(plant.is_quiet)
    await plant.check()
    assert first.is_running


async def stands_still_in_half_a_statement(plant: Plant, _fault: str) -> None:
    """The leader stopped after it had sent the first half: to the database it is neither idle nor in a transaction."""
    leader = await connect(plant.dsn, name="standing leader", settings=LOCK_SESSION)
    assert await leader.fetchval("SELECT pg_try_advisory_lock($1)", RELAY_LOCK)
    leader._transport.write(PARSE_AND_FLUSH)  # type: ignore[union-attr]  # noqa: SLF001
    await plant.start()
    await plant.load(1)
    await plant.until(plant.is_quiet)
    await plant.check()
    leader.terminate()


async def one_of_two_goes(plant: Plant, how: str) -> None:
    """Two share the work, one goes while events come, and the other one has it all."""
    workers = [await plant.start(), await plant.start()]
    for worker in workers:
        await plant.until(lambda worker=worker: plant.has_partitions(worker))  # type: ignore[misc]
    await plant.load(5, pause=0.02)
    if how == "kill":
        await workers[0].kill()
    else:
        assert await workers[0].stop()
    await plant.load(5, pause=0.02)
    await plant.until(plant.is_quiet)
    await plant.check()


KILLED: Mapping[str, Story] = {
    "batch.before_commit:2": dies_under_load,
    "batch.after_commit:2": dies_under_load,
    "relay.after_send:2": dies_under_load,
    "relay.after_forget:2": dies_under_load,
    "timer.before_commit:1": dies_at_a_clock,
    "timer.after_commit:1": dies_at_a_clock,
    "command.before_commit:1": dies_at_a_request,
    "command.after_commit:1": dies_at_a_request,
    "sender.claimed:1": dies_at_the_post,
    "sender.after_send:2": dies_at_the_post,
    "retry.before_commit:1": dies_at_a_retry,
    "retry.after_commit:1": dies_at_a_retry,
    "discard.before_commit:1": dies_at_a_discard,
}
STOPPED: Mapping[str, Story] = {
    "batch.before_commit:2": stands_still,
    "batch.after_commit:2": stands_still,
    "relay.after_send:2": stands_still,
    "half a statement": stands_still_in_half_a_statement,
}
SHARED: Mapping[str, Story] = {"stop": one_of_two_goes, "kill": one_of_two_goes}


async def tell(plant: Plant, kind: str, point: str) -> None:
    """Tell one of them."""
    if kind == "killed":
        await KILLED[point](plant, f"{point}:SIGKILL")
    elif kind == "stopped":
        await STOPPED[point](plant, f"{point}:SIGSTOP")
    else:
        await SHARED[point](plant, point)
