"""Litmas around a real database."""

from collections.abc import AsyncIterator, Iterator

import pytest

from deploy.local.backing import Backing
from deploy.local.tokens import Issuer
from services.litmas.app import SERVICE
from tests.component.house import House, database_of, furnished


@pytest.fixture(scope="session")
def dsn(backing: Backing) -> Iterator[str]:
    """A database with litmas' tables."""
    with database_of(backing, SERVICE) as address:
        yield address


@pytest.fixture
async def house(dsn: str, issuer: Issuer) -> AsyncIterator[House]:
    """The service, with nothing in it."""
    async with furnished(SERVICE, dsn, issuer) as house:
        yield house
