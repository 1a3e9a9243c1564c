"""tpp around a real database."""

from collections.abc import AsyncIterator, Iterator

import pytest

from deploy.local.backing import Backing
from deploy.local.tokens import Issuer
from services.tpp.app import SERVICE
from tests.component.house import House, database_of, furnished
from tests.component.tpp.board import Board


@pytest.fixture(scope="session")
def dsn(backing: Backing) -> Iterator[str]:
    """A database with tpp's tables."""
    with database_of(backing, SERVICE) as address:
        yield address


@pytest.fixture
async def house(dsn: str, issuer: Issuer) -> AsyncIterator[House]:
    """The service, with nothing in it."""
    async with furnished(SERVICE, dsn, issuer) as house:
        yield house


@pytest.fixture
async def board(house: House) -> AsyncIterator[Board]:
    """A team, and those who speak for it over HTTP."""
    async with Board.seated(house) as board:
        yield board
