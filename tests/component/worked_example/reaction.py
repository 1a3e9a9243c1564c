"""Run inside a copy of the house with the README's example applied, and show whether the new reaction happens.

`python -m tests.component.worked_example.reaction DATABASE_URL STATE_FOLDER` prints the types that would leave.
"""

import asyncio
import sys
from pathlib import Path

from chassis.database import migrate
from contracts.registration import ClientRegistered, ReleaseBreachReported
from deploy.local.tokens import Issuer
from services.supervision.app import SERVICE
from tests.component.house import FRIDAY, furnished

CLIENT = {
    "registration_id": "0f0d8c63-7a86-5d7c-9c39-6e6f4b8ad6f1",
    "client_id": "6a1d5f4e-4b7e-5b52-8f0c-7d1c7b2f9a10",
    "receiving_unit": "PLG-HQ",
}


async def react(dsn: str, state: Path) -> list[str]:
    """Deliver a registration and then the revoked decree; the types of what follows."""
    await migrate(dsn, SERVICE.all_migrations())
    issuer = Issuer(state)
    issuer.prepare()
    registered = ClientRegistered.model_validate(
        {**CLIENT, "register_code": "KLD-PB", "register_no": "0001/KLD-PB/PB/PLG-HQ/V/2026", "registered_at": FRIDAY}
    )
    breach = ReleaseBreachReported.model_validate({**CLIENT, "reported_at": FRIDAY})
    async with furnished(SERVICE, dsn, issuer) as house:
        await house.hear(registered)
        await house.hear(breach)
        return [event.type for event in await house.published()]


if __name__ == "__main__":
    print(*asyncio.run(react(sys.argv[1], Path(sys.argv[2]))))  # noqa: T201  the answer to the test that runs this
