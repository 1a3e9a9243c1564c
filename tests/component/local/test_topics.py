"""Topics come from the catalogue, and what is not ours stays as it is."""

from dataclasses import replace
from pathlib import Path

import pytest

from contracts.catalogue import TOPICS
from deploy.local import cleaning, databases, topics
from deploy.local.backing import Backing
from deploy.local.blocking import wait_for
from deploy.local.created import Created
from deploy.local.ground import Ground
from deploy.local.problem import Problem
from deploy.local.processes import Processes
from deploy.local.settings import Settings


def test_every_topic_of_the_catalogue_is_made_once(backing: Backing) -> None:
    wanted = topics.of_catalogue("twice.")

    first, second = (wait_for(topics.ensure(backing.bootstrap_servers, wanted)) for _ in range(2))

    assert set(first.created) == {f"twice.{name}" for name in TOPICS}
    assert (second.created, set(second.found)) == ((), set(first.created))


def test_a_name_that_kafka_refuses_is_a_problem_and_not_silence(backing: Backing) -> None:
    with pytest.raises(Problem, match="Kafka refused topic not a name: InvalidTopicError"):
        wait_for(topics.ensure(backing.bootstrap_servers, [topics.Wanted(name="not a name", partitions=1)]))


def test_topics_that_somebody_else_made_are_refused_for_samples_and_survive_clean(
    backing: Backing, tmp_path: Path
) -> None:
    theirs = "shared.lapas.events"
    backing.create_topic(theirs)

    with pytest.raises(Problem, match=rf"not made here and are not touched: {theirs}"):
        ground(backing, tmp_path, only_ours=True).start(["registration"], migrate=nothing)
    ground(backing, tmp_path, only_ours=False).start(["registration"], migrate=nothing)
    ours = {topic.name for topic in Created.read(tmp_path).topics}
    left = cleaning.clean(tmp_path)

    assert ours == {f"shared.{name}" for name in TOPICS} - {theirs}
    assert left == []
    assert {name for name in wait_for(topics.present(backing.bootstrap_servers))[1] if name.startswith("shared.")} == {
        theirs
    }
    assert wait_for(databases.ensure_named(user_database(backing, "shared."), name="X", only_ours=True))  # made anew
    backing.drop_database("shared_registration")


def test_what_cannot_be_removed_now_stays_known_as_ours(backing: Backing, tmp_path: Path) -> None:
    ground(backing, tmp_path, only_ours=True, prefix="later.").start(["registration"], migrate=nothing)
    created = Created.read(tmp_path)
    created.topics = [replace(topic, bootstrap_servers="127.0.0.1:1") for topic in created.topics]
    created.write(tmp_path)

    left = cleaning.clean(tmp_path)

    assert len(left) == 1
    assert Created.read(tmp_path) == Created(topics=created.topics)


def ground(backing: Backing, state: Path, *, only_ours: bool, prefix: str = "shared.") -> Ground:
    """A stack's ground on a broker and a database server that the user runs."""
    settings = Settings(
        kafka_bootstrap_servers=backing.bootstrap_servers,
        topic_prefix=prefix,
        database_urls={"registration": user_database(backing, prefix)},
    )
    return Ground(state, settings=settings, processes=Processes(state), logs=state / "logs", only_ours=only_ours)


def user_database(backing: Backing, prefix: str) -> str:
    return databases.with_database(backing.admin_dsn, f"{prefix.rstrip('.')}_registration")


def nothing() -> None:
    """The database of this test has no tables to bring up to date."""
