"""Remove what a stack made, and nothing else."""

import shutil
from pathlib import Path

import asyncpg

from deploy.local import databases, running, topics
from deploy.local.blocking import wait_for
from deploy.local.created import Created, CreatedTopic
from deploy.local.problem import Problem
from deploy.local.unprivileged import folder_for, user_for_postgres


def clean(state: Path) -> list[str]:
    """Stop the stack and remove its data; gives what was made on the user's servers and could not be removed."""
    running.stop(state)
    if not state.exists():
        return []
    created = Created.read(state)
    left = [*_remove_topics(created), *_remove_databases(created)]
    shutil.rmtree(folder_for(state / "postgres", user=user_for_postgres()), ignore_errors=True)
    shutil.rmtree(state, ignore_errors=True)
    if left:
        # What is left must stay known as ours, so that a later clean may remove it.
        created.write(state)
    return left


def _remove_topics(created: Created) -> list[str]:
    left = []
    for bootstrap_servers in sorted({topic.bootstrap_servers for topic in created.topics}):
        ours = [topic for topic in created.topics if topic.bootstrap_servers == bootstrap_servers]
        try:
            _remove_topics_of(bootstrap_servers, ours)
        except Problem as problem:
            left.append(f"topics at {bootstrap_servers}: {problem}")
        else:
            created.topics = [topic for topic in created.topics if topic not in ours]
    return left


def _remove_topics_of(bootstrap_servers: str, ours: list[CreatedTopic]) -> None:
    cluster, present = wait_for(topics.present(bootstrap_servers))
    # Another cluster may answer at that address by now.
    names = [topic.name for topic in ours if topic.cluster == cluster and topic.name in present]
    if names:
        wait_for(topics.delete(bootstrap_servers, names))


def _remove_databases(created: Created) -> list[str]:
    left = []
    for url in list(created.databases):
        try:
            wait_for(databases.drop(databases.with_database(url, "postgres"), databases.database_of(url)))
        except (OSError, asyncpg.PostgresError, Problem) as problem:
            left.append(f"database {databases.without_password(url)}: {problem}")
        else:
            created.databases.remove(url)
    return left
