"""Notifications beside the messaging gateway of the local stack, served so that receipts find the way back."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deploy.local.gateway_secrets import GatewaySecrets
from deploy.local.ports import free_ports, is_open
from deploy.local.processes import Processes
from deploy.local.tokens import Issuer
from deploy.local.waiting import wait_until
from services.notifications.app import build
from tests.component.house import House, furnished
from tests.component.notifications.postmaster import Postmaster
from tests.component.notifications.telephones.carrier import Carrier, served
from tests.component.notifications.telephones.officer import CONTACTS


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carrier]:
    """The gateway, running."""
    state = tmp_path_factory.mktemp("carrier")
    secrets, processes = GatewaySecrets(state), Processes(state)
    secrets.prepare()
    port, house_port = free_ports(2)
    carrier = Carrier(port, house_port, secrets, processes, state)
    carrier.start()
    assert wait_until(lambda: is_open(port), seconds=20)
    yield carrier
    processes.stop_all()


@pytest.fixture
async def gateway(carrier: Carrier) -> Carrier:
    """The gateway, with nothing in it."""
    await carrier.behave()
    await carrier.forget()
    return carrier


@pytest.fixture
async def house(dsn: str, issuer: Issuer, post: Postmaster, gateway: Carrier, tmp_path: Path) -> AsyncIterator[House]:
    """The service, served, with nothing in it."""
    contacts = tmp_path / "contacts.toml"
    contacts.write_text(CONTACTS)
    env = {
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(post.port),
        "MAIL_FROM": "pemberitahuan@bapas.example",
        "OFFICER_CONTACTS": str(contacts),
        **gateway.env,
    }
    async with furnished(build(), dsn, issuer, env) as house, served(house, gateway.house_port):
        yield house
