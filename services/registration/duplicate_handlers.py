"""What registration does about two persons who may be one: it compares in the background and records what is said."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from prometheus_client import Gauge

from chassis.chores import Chore
from chassis.database import Connection
from chassis.rules.refusal import Refused
from chassis.service import Measure, ServiceContext
from chassis.transaction import Transaction
from services.registration import duplicate_store
from services.registration.domain import duplicates, likeness
from services.registration.domain.acts import Judgement
from services.registration.domain.duplicates import Found, Judged, Pair, State
from services.registration.domain.likeness import Features
from services.registration.duplicate_store import Known

ROUND_MAX: Final = 20
"""So many changes are compared in one transaction."""


class NoSuchDuplicate(Refused):
    """There is no suspicion with this id."""


@dataclass(frozen=True, kw_only=True)
class DuplicateReceipt:
    """What became of a judgement."""

    outcome: str = "applied"
    duplicate_id: UUID
    state: State


@dataclass(frozen=True, kw_only=True)
class OnPair:
    """What a person says of two registrations."""

    duplicate_id: UUID
    act: Judgement


async def compare_changed(_nothing: None, tx: Transaction) -> int:
    """Whoever is new or has changed is compared with those who are known; how many changes that were.

    A report waits for none of it, and nobody is refused for it.
    """
    connection = await tx.connection()
    if not await duplicate_store.begin_to_compare(connection):
        return 0
    changes = await duplicate_store.changed(connection, rows_max=ROUND_MAX)
    if not changes:
        return 0
    changed = {registration_id for _, registration_id in changes}
    persons = await _known(connection, changed, tx)
    gone = sorted(changed - {person.registration_id for person in persons})
    await duplicate_store.keep_known(connection, gone=gone, persons=persons)
    open_pairs = await duplicate_store.pairs_of(connection, changed, state=State.OPEN)
    found = await _compared(connection, persons, open_pairs, tx)
    await _judge(tx, found, open_pairs)
    await duplicate_store.forget_changes(connection, [change_id for change_id, _ in changes])
    return len(changes)


async def dismiss(command: OnPair, tx: Transaction) -> DuplicateReceipt:
    """A person says that they are two human beings."""
    return _keep(tx, duplicates.dismiss(await _pair_of(tx, command), command.act.reason))


async def link(command: OnPair, tx: Transaction) -> DuplicateReceipt:
    """A person says that two clients are one human being."""
    pair = await _pair_of(tx, command)
    juvenile = await _is_of_a_child(tx, pair)
    return _keep(tx, duplicates.link(pair, command.act.reason, now=tx.now, juvenile=juvenile))


async def unlink(command: OnPair, tx: Transaction) -> DuplicateReceipt:
    """A person says that two clients are not one human being after all."""
    pair = await _pair_of(tx, command)
    juvenile = await _is_of_a_child(tx, pair)
    return _keep(tx, duplicates.unlink(pair, command.act.reason, now=tx.now, juvenile=juvenile))


COMPARING: Final = Chore("persons", compare_changed)


def measure_of(context: ServiceContext) -> Measure:
    """Shows how many changes wait to be compared, and how many suspicions wait for somebody to look."""
    waiting = Gauge(
        "bapas_identity_changes_waiting",
        "Registrations that are to be compared with those who are known",
        registry=context.metrics.registry,
    )
    suspicions = Gauge(
        "bapas_suspected_duplicates_open",
        "Pairs of registrations that may be of one person and that nobody has judged",
        registry=context.metrics.registry,
    )

    async def measure(connection: Connection) -> None:
        counted = await duplicate_store.count(connection)
        waiting.set(counted[0])
        suspicions.set(counted[1])

    return measure


async def _known(connection: Connection, changed: Iterable[UUID], tx: Transaction) -> Sequence[Known]:
    """Who these registrations are of now; one of nobody, and one that only points to another, is left out."""
    policy, persons = tx.reference.likeness, []
    for registration_id, case in sorted((await duplicate_store.cases(connection, changed)).items()):
        identity = likeness.identity_of(case)
        if identity is not None:
            features = likeness.features_of(identity, policy)
            keys = likeness.keys_of(features)
            persons.append(Known(registration_id=registration_id, features=features, keys=keys))
    return persons


async def _compared(
    connection: Connection, persons: Sequence[Known], open_pairs: Sequence[Pair], tx: Transaction
) -> Mapping[UUID, Found]:
    """Every comparison of these persons that may change something, by the id of the pair."""
    policy, of_person = tx.reference.likeness, {person.registration_id: person for person in persons}
    candidates = await _candidates(connection, persons, most=policy.shared_by_max)
    for pair in open_pairs:
        for one, other in ((pair.first, pair.second), (pair.second, pair.first)):
            if one in of_person:
                candidates[one].add(other)
    wanted = set().union(*candidates.values(), of_person)
    known = await duplicate_store.features(connection, wanted)
    found: dict[UUID, Found] = {}
    for one, others in candidates.items():
        await asyncio.sleep(0)  # a common name has hundreds to compare with: whoever else has work goes first
        for other in others & known.keys():
            pair_id = duplicates.pair_id_of(one, other)
            if pair_id not in found:
                found[pair_id] = _found(one, other, known, tx)
    return found


async def _candidates(connection: Connection, persons: Sequence[Known], *, most: int) -> dict[UUID, set[UUID]]:
    """Who shares a key with each; what more than `most` share tells nobody apart, unless it says a lot by itself."""
    keys = {key.value for person in persons for key in person.keys}
    sharing = await duplicate_store.sharing(connection, keys, rows_max=most + 1)
    return {
        person.registration_id: {
            other
            for key in person.keys
            if key.tells or len(sharing.get(key.value, ())) <= most
            for other in sharing.get(key.value, ())
            if other != person.registration_id
        }
        for person in persons
    }


def _found(one: UUID, other: UUID, known: Mapping[UUID, Features], tx: Transaction) -> Found:
    return Found(
        first=one,
        second=other,
        likeness=likeness.compare(known[one], known[other], tx.reference.likeness),
        fingerprint=likeness.fingerprint_of(known[one], known[other]),
        policy_version=tx.reference.version,
    )


async def _judge(tx: Transaction, found: Mapping[UUID, Found], open_pairs: Sequence[Pair]) -> None:
    """Judge what was compared, and end the open suspicions about whoever stands for nobody any more.

    Most comparisons change nothing: only those pairs are locked of which something changes as they stand.
    """
    alike = [pair_id for pair_id, each in found.items() if each.likeness.level is not None]
    standing = dict(await duplicate_store.pairs(tx.reading, alike)) | {pair.duplicate_id: pair for pair in open_pairs}
    for pair_id in sorted(found.keys() | standing.keys()):
        if _judged(standing.get(pair_id), found.get(pair_id), tx) is None:
            continue
        known = await tx.lock_late(duplicate_store.DUPLICATES, pair_id)
        judged = _judged(known, found.get(pair_id), tx)
        if judged is not None:
            _keep(tx, judged)


def _judged(known: Pair | None, found: Found | None, tx: Transaction) -> Judged | None:
    if found is not None:
        return duplicates.judge(known, found, now=tx.now)
    return None if known is None else duplicates.lapse(known)


def _keep(tx: Transaction, judged: Judged) -> DuplicateReceipt:
    """Save a judgement, publish it, and write the line of its history."""
    pair = judged.pair
    tx.save(duplicate_store.DUPLICATES, pair)
    tx.publish(judged.facts, of=pair)
    line = {
        "entry_id": tx.new_id(),
        "duplicate_id": pair.duplicate_id,
        "step": judged.step.name.lower(),
        "from_state": judged.before,
        "to_state": pair.state,
        "level": pair.level,
        "score": pair.score,
        "actor_kind": tx.actor.kind,
        "actor_id": tx.actor.id,
        "actor_role": tx.actor.role,
        "unit": tx.actor.unit,
        "reason": judged.reason,
        "recorded_at": tx.now,
        "policy_version": tx.reference.version,
    }
    tx.append(duplicate_store.HISTORY, line)
    return DuplicateReceipt(duplicate_id=pair.duplicate_id, state=pair.state)


async def _pair_of(tx: Transaction, command: OnPair) -> Pair:
    pair = await tx.lock(duplicate_store.DUPLICATES, command.duplicate_id)
    if pair is None:
        raise NoSuchDuplicate
    return pair


async def _is_of_a_child(tx: Transaction, pair: Pair) -> bool:
    both = await duplicate_store.cases(tx.reading, (pair.first, pair.second))
    return any(case.juvenile for case in both.values())
