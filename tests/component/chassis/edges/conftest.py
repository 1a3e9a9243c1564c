"""The edges of a service as they really are: an issuer with real keys, exporters that keep what they are given."""

from pathlib import Path

import pytest
import structlog

from chassis.access import TokenVerifier
from chassis.clock import SystemClock
from chassis.keys import KeyFile, KeySet
from contracts.roles import Role
from deploy.local.tokens import AUDIENCE, ISSUER, Holder, Issuer
from tests.component.chassis.edges.door import Door, Token


@pytest.fixture(autouse=True)
def quiet_logs() -> None:
    """Let no line through: unconfigured, structlog draws every local variable of a stack trace."""
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory(), wrapper_class=_Quiet)


class _Quiet(structlog.BoundLogger):
    """Takes every line and writes none."""

    def _proxy_to_logger(self, method_name: str, event: str | None = None, *args: object, **kw: object) -> None:
        """Write nothing."""


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    """An issuer with a key pair of its own."""
    issuer = Issuer(tmp_path_factory.mktemp("issuer"))
    issuer.prepare()
    return issuer


@pytest.fixture
def door(issuer: Issuer) -> Door:
    """The parts of an application that believes the issuer."""
    clock = SystemClock()
    keys = KeySet(KeyFile(Path(issuer.jwks_file)), monotonic=clock.monotonic)
    return Door(verifier=TokenVerifier(keys, issuer=ISSUER, audience=AUDIENCE), clock=clock)


@pytest.fixture
def token(issuer: Issuer) -> Token:
    """Makes the header with which somebody in a role calls."""

    def make(*roles: Role, unit: str | None = "PLG-HQ", facility: str | None = None, subject: str | None = None) -> str:
        holder = Holder(roles=tuple(role.value for role in roles), unit=unit, facility=facility, subject=subject)
        return f"Bearer {issuer.issue(holder)}"

    return make
