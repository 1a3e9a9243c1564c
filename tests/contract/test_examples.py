"""The golden examples: every whole message is read, or refused for the reason that stands beside it."""

import jsonschema
import pytest

from contracts.catalogue import published_types
from contracts.envelope import Erased, Malformed, Received, decode
from contracts.event import EVENT_TYPES
from contracts.frozen import frozen_schemas
from contracts.golden import Example, all_examples, examples_of

KNOWN = {name: EVENT_TYPES[name] for name in published_types()}
GOOD = [example for example in all_examples() if example.reason is None]
BAD = [example for example in all_examples() if example.reason is not None]


def _name(example: Example) -> str:
    return f"{example.event_type}:{example.name}"


@pytest.mark.parametrize("example", GOOD, ids=_name)
def test_a_valid_message_is_read(example: Example) -> None:
    received = decode(example.key, example.headers, example.value, known=KNOWN)

    assert isinstance(received, Received | Erased)
    assert received.envelope.type == example.event_type
    if isinstance(received, Received):
        assert received.unknown_fields == example.unknown_fields
        assert received.event.subject == received.envelope.subject == (example.key or b"").decode()


@pytest.mark.parametrize("example", BAD, ids=_name)
def test_an_invalid_message_is_refused_for_its_reason(example: Example) -> None:
    with pytest.raises(Malformed) as refusal:
        decode(example.key, example.headers, example.value, known=KNOWN)

    assert refusal.value.reason == example.reason
    assert example.reason in refusal.value.problems


@pytest.mark.parametrize("event_type", published_types())
def test_every_event_type_has_a_valid_example(event_type: str) -> None:
    assert [example for example in examples_of(event_type) if example.reason is None]


@pytest.mark.parametrize("event_type", [name for name in published_types() if name.startswith("lapas.")])
def test_what_comes_from_outside_has_several_invalid_examples(event_type: str) -> None:
    assert len([example for example in examples_of(event_type) if example.reason is not None]) >= 3


@pytest.mark.parametrize(
    "example", [each for each in GOOD if each.value is not None and not each.unknown_fields], ids=_name
)
def test_a_valid_message_keeps_to_the_published_schema(example: Example) -> None:
    schema = frozen_schemas()[example.event_type]

    jsonschema.validate(example.data, schema, format_checker=jsonschema.FormatChecker())


def test_a_message_of_a_type_that_nobody_here_handles_is_not_for_us() -> None:
    example = GOOD[0]
    strange = [(name, b"weather.rain-fell.v1" if name == "ce_type" else value) for name, value in example.headers]

    received = decode(example.key, strange, example.value, known=KNOWN)

    assert not isinstance(received, Received | Erased)
    assert received.type == "weather.rain-fell.v1"
