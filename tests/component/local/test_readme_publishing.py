"""What the README prints for a prison's developer is run as printed, and is what the house reads."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from confluent_kafka import Consumer

from contracts.envelope import Received, decode
from contracts.lapas import ClientReleased
from deploy.local.backing import Backing
from deploy.local.settings import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
KNOWN = {ClientReleased.type: ClientReleased}
READ_SECONDS = 30


def test_the_python_example_delivers_a_release(backing: Backing, tmp_path: Path) -> None:
    [example] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    prefix = "readme."
    backing.create_topics(prefix)
    program = tmp_path / "publish.py"
    program.write_text(
        example.replace("127.0.0.1:19192", backing.bootstrap_servers).replace(
            '"lapas.events"', f'"{prefix}lapas.events"'
        )
    )

    subprocess.run([sys.executable, str(program)], check=True, timeout=60)

    consumer = Consumer(
        {"bootstrap.servers": backing.bootstrap_servers, "group.id": "readme", "auto.offset.reset": "earliest"}
    )
    try:
        consumer.subscribe([f"{prefix}lapas.events"])
        message = consumer.poll(READ_SECONDS)
    finally:
        consumer.close()
    assert message is not None
    headers = [
        (name, text if isinstance(text, bytes) else None) for name, text in dict(message.headers() or []).items()
    ]
    received = decode(message.key(), headers, message.value(), known=KNOWN)
    assert isinstance(received, Received)
    assert isinstance(received.event, ClientReleased)


def test_the_kcat_example_is_a_release() -> None:
    [example] = re.findall(r"```sh\n(echo .*?)```", README, re.DOTALL)
    words = shlex.split(example.replace("\\\n", " "))
    key, _, value = words[1].partition("|")
    named = [words[place + 1].partition("=") for place, word in enumerate(words) if word == "-H"]

    received = decode(key.encode(), [(name, text.encode()) for name, _, text in named], value.encode(), known=KNOWN)

    assert isinstance(received, Received)


def test_no_two_examples_send_another_content_under_one_id() -> None:
    """A developer who tries them all one after another must not find a dead letter."""
    ids = re.findall(r"ce_id(?:=|\": \")([\w-]+)", README)

    assert len(ids) == len(set(ids)) == 2
