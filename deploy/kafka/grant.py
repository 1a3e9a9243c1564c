"""Give every principal the rights of acls.json on the Kafka that the environment names, and take away all others.

Run again after a change of the catalogue it brings a running broker up to date: first what is missing is granted, then
what is no longer listed is withdrawn.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import for_code
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest

from deploy.local.kafka_client import administrator
from deploy.local.problem import Problem

RIGHTS: Final = Path(__file__).with_name("acls.json")
ANSWER_SECONDS: Final = 30.0
SETTLE_SECONDS: Final = 15.0
POLL_SECONDS: Final = 0.05

# The numbers of Kafka's protocol (org.apache.kafka.common.acl and .resource).
RESOURCES: Final = {"Topic": 2, "Group": 3}
PATTERNS: Final = {"Literal": 3, "Prefixed": 4}
OPERATIONS: Final = {"Read": 3, "Write": 4, "Describe": 8}
PERMISSIONS: Final = {"Deny": 2, "Allow": 3}
ANY: Final = 1
EVERY_HOST: Final = "*"


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """What one principal may do with what bears this name, as the protocol numbers it."""

    resource: int
    name: str
    pattern: int
    principal: str
    host: str
    operation: int
    permission: int

    @property
    def fields(self) -> tuple[int, str, int, str, str, int, int]:
        """In the order of the requests."""
        return (
            self.resource, self.name, self.pattern, self.principal, self.host, self.operation, self.permission,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Granted:
    """What was changed."""

    granted: int
    withdrawn: int
    found: int


def wanted(file: Path = RIGHTS, *, prefix: str = "") -> frozenset[Right]:
    """What the generated file lists; topics and groups bear the prefix of the deployment."""
    return frozenset(
        Right(
            resource=RESOURCES[rule["resource_type"]],
            name=f"{prefix}{rule['name']}",
            pattern=PATTERNS[rule["pattern_type"]],
            principal=rule["principal"],
            host=EVERY_HOST,
            operation=OPERATIONS[rule["operation"]],
            permission=PERMISSIONS[rule["permission"]],
        )
        for rule in json.loads(file.read_text())
    )


async def grant(env: Mapping[str, str]) -> Granted:
    """Make the rights on the broker those of the file; raises Problem where the broker refuses."""
    asked = wanted(prefix=env.get("KAFKA_TOPIC_PREFIX", ""))
    async with administrator(env["KAFKA_BOOTSTRAP_SERVERS"], seconds=ANSWER_SECONDS) as admin:
        found = await _listed(admin)
        for right in sorted(asked - found):
            answer = await _ask(admin, CreateAclsRequest(*right.fields))
            _check((code, words) for code, words in answer.creation_responses)
        for right in sorted(found - asked):
            answer = await _ask(admin, DeleteAclsRequest(*right.fields))
            _check((code, words) for code, words, _ in answer.filter_responses)
        await _until_known(admin, asked)
    return Granted(granted=len(asked - found), withdrawn=len(found - asked), found=len(found & asked))


async def _listed(admin: AIOKafkaAdminClient) -> frozenset[Right]:
    answer = await _ask(admin, DescribeAclsRequest(ANY, None, ANY, None, None, ANY, ANY))
    _check([(answer.error_code, answer.error_message)])
    return frozenset(
        Right(resource, name, pattern, *rule) for resource, name, pattern, rules in answer.resources for rule in rules
    )


async def _until_known(admin: AIOKafkaAdminClient, asked: frozenset[Right]) -> None:
    """Wait until the broker goes by them: they are answered for when they are written down, a moment before."""
    try:
        async with asyncio.timeout(SETTLE_SECONDS):
            while await _listed(admin) != asked:  # noqa: ASYNC110 - Kafka tells nobody
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        message = f"Kafka did not take the rights over within {SETTLE_SECONDS:.0f} s"
        raise Problem(message) from None


async def _ask(admin: AIOKafkaAdminClient, request: Any) -> Any:
    # The client has no call for rights; it has their requests.
    return await admin._send_request(request)  # noqa: SLF001


def _check(answers: Iterator[tuple[int, str | None]] | list[tuple[int, str | None]]) -> None:
    for code, words in answers:
        if code:
            message = f"Kafka refused a right: {for_code(code).__name__} {words or ''}".rstrip()
            raise Problem(message)


def main() -> None:
    """Bring the rights up to date and say how many."""
    try:
        done = asyncio.run(grant(os.environ))
    except Problem as problem:
        sys.exit(str(problem))
    print(f"rights: {done.granted} granted, {done.withdrawn} withdrawn, {done.found} were there")


if __name__ == "__main__":
    main()
