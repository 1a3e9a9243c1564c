"""`python -m deploy.audit_verify` says whether the audit trail of every service is still the one that was written.

Exit code 0: everything agrees. 1: something was found. 2: it could not be looked at.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

import asyncpg

from deploy.audit_verify import sources
from deploy.audit_verify.chain import Anchor, Verdict, Verification
from deploy.local import endpoints
from deploy.local.problem import Problem
from deploy.local.settings import STATE

FOUND: Final = 1
NOT_LOOKED_AT: Final = 2


@dataclass(frozen=True)
class Place:
    """Where the trail of a service is, and where its heads were told."""

    service: str
    database: str
    bootstrap_servers: str
    prefix: str


def main(argv: Sequence[str] | None = None) -> int:
    """Verify and say what was found."""
    arguments = _parser().parse_args(argv)
    try:
        verdicts = [asyncio.run(_verified(place, arguments)) for place in _places(arguments)]
    except (Problem, OSError, asyncpg.PostgresError, KeyError, ValueError) as problem:
        sys.stderr.write(f"could not be verified: {type(problem).__name__}: {problem}\n")
        return NOT_LOOKED_AT
    for verdict in verdicts:
        _tell(verdict)
    return FOUND if any(verdict.findings for verdict in verdicts) else 0


async def _verified(place: Place, arguments: argparse.Namespace) -> Verdict:
    anchors = await asyncio.to_thread(
        sources.on_topic, place.service, bootstrap_servers=place.bootstrap_servers, prefix=place.prefix
    )
    if arguments.export is not None:
        sources.copy_to_file(arguments.export, place.service, anchors)
    kept = [anchor for file in arguments.anchors for anchor in sources.in_file(file, place.service)]
    async with sources.opened(place.database) as trail:
        return await verified(trail, place.service, _in_order(kept, anchors), accepted=frozenset(arguments.accept))


async def verified(
    trail: sources.Trail, service: str, anchors: Sequence[Anchor], *, accepted: frozenset[UUID] = frozenset()
) -> Verdict:
    """What is found in a trail, held against these anchors."""
    now = await trail.now()
    verification = Verification(service, anchors, accepted=accepted)
    async for link, entry in trail.chain():
        verification.link(link, entry)
    for entry in await trail.loose():
        verification.loose(entry, now=now)
    return verification.end(now=now)


def _in_order(kept: Sequence[Anchor], told: Sequence[Anchor]) -> list[Anchor]:
    """What files kept and the topic no longer has was told before what the topic has."""
    on_topic = {anchor.anchor_id for anchor in told}
    seen: dict[UUID, Anchor] = {anchor.anchor_id: anchor for anchor in kept if anchor.anchor_id not in on_topic}
    return [*seen.values(), *told]


def _tell(verdict: Verdict) -> None:
    state = "ok" if not verdict.findings else f"{len(verdict.findings)} findings"
    print(
        f"{verdict.service}: {state}; {verdict.entries} entries, {verdict.anchors} anchors, "
        f"{verdict.unanchored} entries since the last anchor that agrees (position {verdict.agrees_until})"
    )
    for finding in verdict.restored:
        print(f"  accepted  {finding.words}")
    for finding in verdict.findings:
        print(f"  {finding.kind:<10}{finding.words}")


def _places(arguments: argparse.Namespace) -> list[Place]:
    if arguments.database is not None:
        return [Place(arguments.service, arguments.database, arguments.bootstrap, arguments.prefix)]
    found = endpoints.read(arguments.state)
    if found is None:
        message = f"no stack runs in {arguments.state}; name --service, --database and --bootstrap"
        raise Problem(message)
    kafka = found["kafka"]
    return [
        Place(service, url, kafka["bootstrap_servers"], kafka["topic_prefix"])
        for service, url in found["databases"].items()
        if arguments.service in {None, service}
    ]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.audit_verify", description=__doc__)
    parser.add_argument("--state", type=Path, default=STATE, help="the state folder of a local stack (default: .local)")
    parser.add_argument("--service", help="the service to verify (default: each of the stack)")
    parser.add_argument("--database", metavar="URL", help="its database, or one into which a dump was restored")
    parser.add_argument("--bootstrap", metavar="HOST:PORT", default="", help="the Kafka with its anchors")
    parser.add_argument("--prefix", default="", help="what the names of its topics begin with")
    parser.add_argument(
        "--anchors", type=Path, action="append", default=[], metavar="FILE", help="anchors that were copied before"
    )
    parser.add_argument("--export", type=Path, metavar="FILE", help="copy the anchors of the topic to this file")
    parser.add_argument(
        "--accept", type=UUID, action="append", default=[], metavar="ANCHOR_ID",
        help="a re-anchoring after a restore for which somebody answers",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
