"""On a broker that is secured as compose does it, each principal can do what the catalogue says, and nothing else."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
)
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it names them without exporting them
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from chassis.broker import client_settings, new_producer
from chassis.subscription import subscribe
from contracts.catalogue import HANDLED, TOPICS, consumed_by, topics_of
from deploy.compose import make_secrets
from deploy.kafka import grant
from deploy.local.waiting import wait_until
from tests.contract.image import REPOSITORY
from tests.contract.secured_kafka import SecuredKafka, secured_kafka

PRINCIPALS: Final = tuple(sorted({topic.publisher for topic in TOPICS.values()} | HANDLED.keys()))
SERVICES: Final = tuple(sorted(HANDLED))
SECONDS: Final = 30


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    """The broker with the topics and the rights that the jobs of compose make."""
    with secured_kafka(tmp_path_factory.mktemp("secured")) as kafka:
        kafka.run("deploy.kafka.create_topics")
        rights = json.loads((REPOSITORY / "deploy/kafka/acls.json").read_text())
        assert kafka.run("deploy.kafka.grant") == f"rights: {len(rights)} granted, 0 withdrawn, 0 were there\n"
        yield kafka


def allowed(kafka: SecuredKafka, principal: str) -> dict[str, set[AclOperation]]:
    """What the broker itself says that a principal may do with each topic."""
    admin = AdminClient(kafka.client(principal))
    futures = admin.describe_topics(
        TopicCollection(list(TOPICS)), include_authorized_operations=True, request_timeout=SECONDS
    )
    found = {}
    for topic, future in futures.items():
        try:
            found[topic] = set(future.result().authorized_operations or ())
        except KafkaException as refused:
            if refused.args[0].code() != KafkaError.TOPIC_AUTHORIZATION_FAILED:
                raise
            found[topic] = set()
    return found


def rights(principal: str) -> dict[str, set[AclOperation]]:
    """What the catalogue says."""
    writes, reads = topics_of(principal), consumed_by(principal)
    return {
        topic.name: ({AclOperation.DESCRIBE} if topic in writes or topic in reads else set())
        | ({AclOperation.WRITE} if topic in writes else set())
        | ({AclOperation.READ} if topic in reads else set())
        for topic in TOPICS.values()
    }


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_on_every_topic_a_principal_may_do_what_the_catalogue_says_and_nothing_else(
    kafka: SecuredKafka, principal: str
) -> None:
    assert allowed(kafka, principal) == rights(principal)


async def send(kafka: SecuredKafka, principal: str, topic: str) -> None:
    """Send one record as the relay of this principal does."""
    producer = new_producer(kafka.settings(principal))
    try:
        await producer.start()
        await asyncio.wait_for(producer.send_and_wait(topic, b"{}", key=b"key"), SECONDS)
    finally:
        await producer.stop()


async def read(kafka: SecuredKafka, principal: str, topic: str, *, group: str) -> bytes:
    """The first record of a topic, in a group, as this principal reads it."""
    consumer = AIOKafkaConsumer(
        topic, **client_settings(kafka.settings(principal)), group_id=group, auto_offset_reset="earliest"
    )
    try:
        await consumer.start()
        record = await asyncio.wait_for(consumer.getone(), SECONDS)
        await consumer.commit()
    finally:
        await consumer.stop()
    value: bytes = record.value
    return value


@pytest.mark.parametrize("principal", PRINCIPALS)
async def test_a_principal_publishes_what_is_its_own(kafka: SecuredKafka, principal: str) -> None:
    for topic in topics_of(principal):
        await send(kafka, principal, topic.name)


@pytest.mark.parametrize("principal", SERVICES)
async def test_a_service_reads_what_it_handles_in_its_own_group(kafka: SecuredKafka, principal: str) -> None:
    for topic in consumed_by(principal):
        await send(kafka, topic.publisher, topic.name)

        assert await read(kafka, principal, topic.name, group=principal) == b"{}"


async def test_the_subscription_of_a_service_logs_in_too(kafka: SecuredKafka) -> None:
    """FastStream is given its security in another way than the raw clients."""
    [topic, *_] = consumed_by("supervision")
    await send(kafka, topic.publisher, topic.name)
    came: asyncio.Queue[Any] = asyncio.Queue()

    async def consume(records: Sequence[ConsumerRecord[Any, Any]]) -> None:
        came.put_nowait(records[0].value)

    broker, _ = subscribe(
        kafka.settings("supervision"), [topic.name], group_id="supervision.subscribed", listener=Indifferent(),
        consume=consume, session_milliseconds=10_000, records_max=10, wait_milliseconds=20,
    )  # fmt: skip
    await broker.start()
    try:
        assert await asyncio.wait_for(came.get(), SECONDS) == b"{}"
    finally:
        await broker.stop()


class Indifferent(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Takes whatever partitions come."""

    async def on_partitions_revoked(self, revoked: object) -> None:
        """Let them go."""

    async def on_partitions_assigned(self, assigned: object) -> None:
        """Take them."""


@pytest.mark.parametrize("principal", PRINCIPALS)
async def test_a_principal_publishes_nothing_that_is_another_s(kafka: SecuredKafka, principal: str) -> None:
    foreign = next(topic.name for topic in TOPICS.values() if topic.publisher != principal)

    with pytest.raises(TopicAuthorizationFailedError):
        await send(kafka, principal, foreign)


@pytest.mark.parametrize("principal", SERVICES)
async def test_a_service_reads_nothing_that_is_not_meant_for_it(kafka: SecuredKafka, principal: str) -> None:
    unread = [topic.name for topic in TOPICS.values() if topic not in consumed_by(principal)]
    assert unread

    with pytest.raises(TopicAuthorizationFailedError):
        await read(kafka, principal, unread[0], group=principal)


@pytest.mark.parametrize(("principal", "other"), [each for each in product(SERVICES, SERVICES) if each[0] != each[1]])
async def test_a_service_cannot_take_part_in_the_group_of_another(
    kafka: SecuredKafka, principal: str, other: str
) -> None:
    with pytest.raises(GroupAuthorizationFailedError):
        await read(kafka, principal, consumed_by(principal)[0].name, group=other)


@pytest.mark.parametrize("principal", PRINCIPALS)
async def test_a_principal_makes_no_topic_and_grants_no_right(kafka: SecuredKafka, principal: str) -> None:
    admin = AIOKafkaAdminClient(**client_settings(kafka.settings(principal)))
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic("of.its.own", num_partitions=1, replication_factor=1)])
        assert [error[1] for error in answer.topic_errors] == [KafkaError.TOPIC_AUTHORIZATION_FAILED]
    finally:
        await admin.close()
    with pytest.raises(AssertionError, match="ClusterAuthorizationFailedError"):
        await asyncio.to_thread(kafka.run, "deploy.kafka.grant", **kafka.env(principal))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"KAFKA_SASL_PASSWORD_FILE": "", "KAFKA_SASL_PASSWORD": "guessed"}, id="a wrong password"),
        pytest.param({"KAFKA_SASL_USERNAME": "stranger"}, id="a name that is not known"),
        pytest.param({"KAFKA_CA_FILE": ""}, id="an authority that is not ours"),
        pytest.param(
            {
                "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT", "KAFKA_SASL_USERNAME": "", "KAFKA_SASL_PASSWORD_FILE": "",
                "KAFKA_CA_FILE": "",
            },
            id="no login at all",
        ),
    ],
)  # fmt: skip
async def test_who_is_not_known_gets_no_further_than_the_door(kafka: SecuredKafka, changed: dict[str, str]) -> None:
    admin = AIOKafkaAdminClient(**client_settings(kafka.settings("registration", **changed)), request_timeout_ms=3_000)
    try:
        with pytest.raises(KafkaConnectionError):
            await admin.start()
    finally:
        await admin.close()


async def test_rights_follow_the_catalogue_and_what_is_no_longer_listed_is_withdrawn(
    kafka: SecuredKafka,
) -> None:
    listed = len(json.loads((REPOSITORY / "deploy/kafka/acls.json").read_text()))
    admin = AdminClient(kafka.client("admin"))
    superfluous = a_binding("User:supervision", "lapas.events")
    for future in admin.create_acls([superfluous]).values():
        await asyncio.to_thread(future.result, SECONDS)
    assert wait_until(lambda: AclOperation.READ in allowed(kafka, "supervision")["lapas.events"], seconds=SECONDS)

    first = await asyncio.to_thread(kafka.run, "deploy.kafka.grant")
    second = await asyncio.to_thread(kafka.run, "deploy.kafka.grant")

    assert first == f"rights: 0 granted, 1 withdrawn, {listed} were there\n"
    assert second == f"rights: 0 granted, 0 withdrawn, {listed} were there\n"
    assert allowed(kafka, "supervision") == rights("supervision")


def a_binding(principal: str, topic: str) -> Any:
    """The right to read a topic, as a foreign tool writes it."""
    return AclBinding(
        ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, principal, "*", AclOperation.READ,
        AclPermissionType.ALLOW,
    )  # fmt: skip


def test_everybody_of_the_catalogue_has_a_password_of_their_own() -> None:
    made = dict(make_secrets.missing([]))
    passwords = {name: text for name, text in made.items() if name.startswith("kafka_password_")}

    assert set(passwords) == {f"kafka_password_{name}" for name in (*PRINCIPALS, "broker", "admin")}
    assert len(set(passwords.values())) == len(passwords)
    assert {right.principal for right in grant.wanted()} == {f"User:{name}" for name in PRINCIPALS}
