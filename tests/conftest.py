"""What tests of every kind share: one real Kafka and one real PostgreSQL for the whole run."""

from collections.abc import Iterator

import pytest

from deploy.local.backing import Backing


@pytest.fixture(scope="session")
def backing() -> Iterator[Backing]:
    """Started by the first test that asks for it; a test that stops or kills a part starts it again before it ends."""
    with Backing() as running:
        yield running
