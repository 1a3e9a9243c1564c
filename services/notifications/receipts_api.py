"""HTTP for the messaging gateway: its receipts, signed, say what became of messages."""

from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chassis.problems import NotFound
from chassis.service import ServiceContext
from chassis.signatures import Signed
from chassis.transaction import Actor
from contracts.personal import Instant
from services.notifications import parcel_store, store
from services.notifications.domain.receipts import Report
from services.notifications.outgoing import Outgoing, Reported

GATEWAY: Final = Actor("event", "messaging-gateway")


class Receipt(BaseModel):
    """What became of a message; what else the gateway says is passed over."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    message: UUID = Field(description="The idempotency key under which it was handed over")
    state: Report
    at: Instant | None = Field(default=None, description="When, by the gateway's clock; ours counts")
    code: Annotated[str, StringConstraints(max_length=40)] = Field(default="", description="Why it failed")


class Taken(BaseModel):
    """The receipt told something new, and is written down."""

    outcome: Literal["applied"] = "applied"


def receipt_routes(context: ServiceContext, outgoing: Outgoing) -> APIRouter:
    """The door of the messaging gateway."""
    router = APIRouter(prefix="/v1", tags=["receipts"])
    settings = context.settings
    keys = [key for key in (settings.gateway_receipt_key, settings.gateway_receipt_key_old) if key is not None]
    signed = Signed("Gateway", keys=keys, clock=context.system_clock)

    @router.post("/receipts/gateway", dependencies=[Depends(signed)])
    async def take_receipt(receipt: Receipt) -> Taken:
        """Note what became of a message; a receipt that comes twice, or after a later one, changes nothing."""
        notices = await parcel_store.in_parcel(context.pool, receipt.message)
        if not notices:
            raise NotFound("message")
        command = Reported(notices=notices, report=receipt.state, code=receipt.code)
        await context.commands.run(
            outgoing.confirm, command, actor=GATEWAY, keys=[(store.NOTICES, each) for each in notices]
        )
        return Taken()

    return router
