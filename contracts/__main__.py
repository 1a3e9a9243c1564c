"""`python -m contracts generate` writes schemas and derived files; `python -m contracts check` verifies them."""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence

from contracts.asyncapi_parser import parse
from contracts.documents import ASYNCAPI, ROOT, stale_documents, write_documents
from contracts.frozen import committed_schemas, current_schemas, freeze, frozen_schemas, incompatible

_ADVICE = (
    "Make it an optional field with a default, or add a class with the next version and an upcaster.\n"
    "For a type of which no message exists anywhere: python -m contracts generate --unpublished TYPE"
)


def main(arguments: list[str] | None = None) -> int:
    """Run one of the two commands; the answer is the exit code."""
    parser = argparse.ArgumentParser(prog="python -m contracts", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    generating = commands.add_parser("generate", help="write schemas, AsyncAPI, topics and access rights")
    generating.add_argument(
        "--unpublished",
        metavar="TYPE",
        nargs="+",
        default=[],
        help="types, or patterns of types, that may change freely because nobody has published one yet",
    )
    checking = commands.add_parser("check", help="verify what is committed")
    checking.add_argument(
        "--baseline",
        default=os.environ.get("CONTRACTS_BASELINE", "HEAD"),
        help="the commit whose schemas are published (default: CONTRACTS_BASELINE or HEAD)",
    )
    chosen = parser.parse_args(arguments)
    return _generate(chosen.unpublished) if chosen.command == "generate" else _check(chosen.baseline)


def _generate(unpublished: Sequence[str]) -> int:
    frozen = freeze(unpublished=unpublished)
    if frozen.refused:
        _say(*_explain(frozen.refused), _ADVICE)
        return 1
    written = [f"contracts/schemas/{name}.json" for name in frozen.written] + write_documents()
    _say(*(f"wrote {name}" for name in written), f"{len(written)} files changed")
    return 0


def _check(baseline: str) -> int:
    problems = list(_problems(baseline))
    verdict = parse(ROOT / ASYNCAPI)
    if verdict.skipped:
        _say(f"skipped: {ASYNCAPI} was not read by the reference parser ({verdict.skipped})")
    problems += [f"{ASYNCAPI}: {problem}" for problem in verdict.problems]
    if problems:
        _say(*problems)
        return 1
    _say(f"contracts: {len(current_schemas())} schemas are frozen and compatible, derived files are up to date")
    return 0


def _problems(baseline: str) -> Iterator[str]:
    current, frozen = current_schemas(), frozen_schemas()
    differing = sorted(name for name in current.keys() | frozen.keys() if current.get(name) != frozen.get(name))
    yield from (f"contracts/schemas/{name}.json differs: run python -m contracts generate" for name in differing)
    yield from (f"{name} is out of date: run python -m contracts generate" for name in stale_documents())
    committed = committed_schemas(baseline)
    if committed is None:
        _say(f"skipped: no schemas in {baseline} to compare with")
    else:
        yield from _explain(incompatible(committed, current))


def _explain(refused: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for name, reasons in refused.items():
        yield f"{name} is incompatible with what is published:"
        yield from (f"  {reason}" for reason in reasons)


def _say(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))


if __name__ == "__main__":
    sys.exit(main())
