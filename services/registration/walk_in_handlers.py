"""What registration does when somebody stands at the counter whom no prison has reported."""

from dataclasses import dataclass

from chassis.transaction import Transaction
from contracts.lapas import registration_id_of
from services.registration import store
from services.registration.domain import binding, meeting, walk_ins
from services.registration.domain.acts import Binding, WalkIn
from services.registration.domain.case import Registration
from services.registration.handlers import OnCase, Receipt, Slip, acting, case_of, keep, slip_of


@dataclass(frozen=True, kw_only=True)
class WalkedIn:
    """A walk-in, and the id of its release: by the business key, or a fresh one where the papers do not suffice."""

    act: WalkIn
    release_id: str


async def register_walk_in(command: WalkedIn, tx: Transaction) -> Slip:
    """Somebody whom no prison has reported is registered and met at once, or met under the release that is known."""
    known = await _same_release(tx, command)
    try:
        decided = walk_ins.arrive(
            known,
            command.act,
            release_id=command.release_id,
            by=acting(tx),
            slip_code=meeting.slip_code_from(tx.new_id()),
            now=tx.now,
            reference=tx.reference,
        )
    except meeting.AlreadyMet as met:
        if known is None:
            raise
        # Whoever met the person first has given out a slip: the second officer can read it to them.
        return slip_of(tx, known, outcome="irrelevant", note=met.reason)
    keep(tx, known, decided)
    return slip_of(tx, decided.case)


async def bind_to_walk_in(command: OnCase[Binding], tx: Transaction) -> Receipt:
    """A person says that a release which a prison reported is that of a walk-in: from now on both are one case."""
    walk_in, release = await case_of(tx, command.registration_id), await case_of(tx, command.act.release)
    carried, pointer = binding.bind(walk_in, release, command.act.reason, now=tx.now, reference=tx.reference)
    keep(tx, release, pointer)
    return keep(tx, walk_in, carried)


async def _same_release(tx: Transaction, command: WalkedIn) -> Registration | None:
    """The registration of whoever walked in, if a prison has reported them, be it under an id of its own."""
    business_id = registration_id_of(command.release_id)
    known = await tx.lock(store.REGISTRATIONS, business_id)
    if known is None and walk_ins.business_key_of(command.act) is not None:
        name = command.act.person.name
        found = await store.same_release(await tx.connection(), business_id=business_id, name=name)
        known = None if found is None else await case_of(tx, found)
    return await case_of(tx, known.bound_to) if known is not None and known.bound_to is not None else known
