"""The edges of a service as they really are: an issuer with real keys, exporters that keep what they are given."""

from collections.abc import AsyncIterator

import pytest
import structlog

from chassis.clock import OfficeClock
from chassis.database import CHASSIS_MIGRATIONS, Pool, migrate, open_pool, read_migrations
from chassis.engine import Engine
from chassis.transaction import Setting
from contracts.reference import load_reference
from contracts.roles import Role
from deploy.local.backing import Backing
from deploy.local.tokens import Holder, Issuer
from tests.component.chassis.edges.door import Door, Token, door_of


@pytest.fixture(autouse=True)
def quiet_logs() -> None:
    """Let no line through: unconfigured, structlog draws every local variable of a stack trace."""
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory(), wrapper_class=_Quiet)


class _Quiet(structlog.BoundLogger):
    """Takes every line and writes none."""

    def _proxy_to_logger(self, method_name: str, event: str | None = None, *args: object, **kw: object) -> None:
        """Write nothing."""


@pytest.fixture
def door(issuer: Issuer) -> Door:
    """The parts of an application that believes the issuer."""
    return door_of(issuer)


@pytest.fixture
def token(issuer: Issuer) -> Token:
    """Makes the header with which somebody in a role calls."""

    def make(*roles: Role, unit: str | None = "PLG-HQ", facility: str | None = None, subject: str | None = None) -> str:
        holder = Holder(roles=tuple(role.value for role in roles), unit=unit, facility=facility, subject=subject)
        return f"Bearer {issuer.issue(holder)}"

    return make


@pytest.fixture(scope="session")
def database(backing: Backing) -> str:
    """The address of a database with the chassis' tables."""
    return backing.create_database("edges")


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """Connections to a database whose tables are empty."""
    await migrate(database, read_migrations("chassis", CHASSIS_MIGRATIONS))
    pool = await open_pool(database, name="edges")
    yield pool
    await pool.execute(
        """
        TRUNCATE idempotency, inbox, outbox, timer, dead_letter, held_key, operator_act, consumer_stop, consumer_offset
        """
    )
    await pool.close()


@pytest.fixture
def engine(pool: Pool, door: Door) -> Engine:
    """The engine of a service on that database."""
    setting = Setting("registration", "", load_reference(), door.clock, door.telemetry)
    return Engine(pool, setting, OfficeClock(door.clock))
