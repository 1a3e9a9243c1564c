"""What registration does about clients who are offered to another office, not found, or short of papers."""

from chassis.transaction import Transaction
from services.registration.domain import casework, meeting
from services.registration.domain.acts import EndOfOffer, FilesReceived, OfferTransfer, Suspicion
from services.registration.handlers import OnCase, Receipt, acting, case_of, keep


async def offer_transfer(command: OnCase[OfferTransfer], tx: Transaction) -> Receipt:
    """Another office is asked to take the client over."""
    case = await case_of(tx, command.registration_id)
    decided = casework.offer_transfer(case, command.act, by=acting(tx), now=tx.now, reference=tx.reference)
    return keep(tx, case, decided)


async def end_offer(command: OnCase[EndOfOffer], tx: Transaction) -> Receipt:
    """The other office declined, or the offer is taken back."""
    case = await case_of(tx, command.registration_id)
    return keep(tx, case, casework.end_offer(case, command.act, by=acting(tx), now=tx.now))


async def suspect_absconded(command: OnCase[Suspicion], tx: Transaction) -> Receipt:
    """Whoever was looked for in vain is suspected of having absconded."""
    case = await case_of(tx, command.registration_id)
    return keep(tx, case, meeting.suspect_absconded(case, command.act, by=acting(tx), now=tx.now))


async def receive_files(command: OnCase[FilesReceived], tx: Transaction) -> Receipt:
    """Papers that were missing have come."""
    case = await case_of(tx, command.registration_id)
    return keep(tx, case, casework.receive_files(case, command.act, now=tx.now))
