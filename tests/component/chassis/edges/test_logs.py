"""Log lines: everything that a machine needs, and nothing that names a person."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import structlog
from aiokafka.errors import GroupAuthorizationFailedError, GroupCoordinatorNotAvailableError

from chassis import telemetry
from chassis.clock import SteppedClock, SystemClock
from chassis.logs import MASK, configure_logs
from chassis.repeats import KINDS_MAX, PERIOD_SECONDS
from chassis.settings import Settings
from chassis.telemetry import TraceContext

A_UUID = UUID("0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")
MARK = "Budi Santoso"


class Lines:
    """What was written."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        """All of it."""
        return self.stream.getvalue()

    @property
    def all(self) -> list[dict[str, Any]]:
        """Line by line."""
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def last(self) -> dict[str, Any]:
        """The last line."""
        return self.all[-1]


def logging_to(
    lines: Lines, *, log_format: str = "json", level: str = "INFO", clock: SystemClock | None = None
) -> None:
    """Configure the logs of this process."""
    env = {
        "DATABASE_URL": "postgresql://x", "KAFKA_BOOTSTRAP_SERVERS": "x", "AUTH_ISSUER": "x",
        "AUTH_JWKS": "https://x", "LOG_FORMAT": log_format, "LOG_LEVEL": level, "INSTANCE": "registration-1",
    }  # fmt: skip
    configure_logs(Settings.from_env(env, service="registration"), clock or SystemClock(), stream=lines.stream)


@pytest.fixture
def clock() -> SteppedClock:
    """What the logs take for the time."""
    return SteppedClock(datetime.now(UTC))


@pytest.fixture
def lines(clock: SteppedClock) -> Iterator[Lines]:
    """Logs of this process, put back afterwards as they were."""
    root, hook = logging.getLogger(), sys.excepthook
    handlers, level = root.handlers[:], root.level
    written = Lines()
    logging_to(written, clock=clock)
    yield written
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook = hook


def test_a_line_says_when_who_what_and_in_which_trace(lines: Lines) -> None:
    context = TraceContext.parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    assert context is not None

    with telemetry.use(context, correlation=str(A_UUID)):
        structlog.get_logger("chassis.relay").info("relayed", action="relay", rows=3)

    line = lines.last
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "info",
        "service": "registration",
        "instance": "registration-1",
        "logger": "chassis.relay",
        "event": "relayed",
        "action": "relay",
        "rows": 3,
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
        "correlation_id": str(A_UUID),
    }


def test_a_correlation_that_a_stranger_chose_is_hidden(lines: Lines) -> None:
    with telemetry.use(TraceContext(1, 1, sampled=True), correlation=MARK):
        structlog.get_logger("x").info("line")

    assert lines.last["correlation_id"] == MASK


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        pytest.param("name", MARK, MASK, id="a name under any key"),
        pytest.param("name", "Budi", MASK, id="even a single word"),
        pytest.param("reason", f"no such client {MARK}", MASK, id="a sentence under a key of ours"),
        pytest.param("reason", "report-not-signed", "report-not-signed", id="a word of ours under a key of ours"),
        pytest.param("rows", 3, 3, id="a number"),
        pytest.param("id", A_UUID, str(A_UUID), id="an id"),
        pytest.param("id", str(A_UUID), str(A_UUID), id="an id as text"),
        pytest.param("body", b"Budi", MASK, id="bytes"),
        pytest.param("parts", ["Budi", 3], [MASK, 3], id="inside a list"),
        pytest.param("parts", {"name": "Budi", "n": 1}, {"name": MASK, "n": 1}, id="inside a mapping"),
        pytest.param("parts", {MARK: 1}, {MASK: 1}, id="as the key of a mapping"),
        pytest.param("failure", ValueError(MARK), "ValueError", id="an exception shows its kind"),
        pytest.param("what", object(), MASK, id="anything else"),
    ],
)
def test_a_value_passes_only_if_it_cannot_name_a_person(lines: Lines, key: str, value: object, shown: object) -> None:
    structlog.get_logger("x").info("line", **{key: value})

    assert lines.last[key] == shown
    assert "Budi" not in lines.text


def test_an_exception_is_told_by_kind_and_place_alone(lines: Lines) -> None:
    def look_up() -> None:
        try:
            int(MARK)
        except ValueError as error:
            raise RuntimeError(f"DETAIL: Key (name)=({MARK}) already exists") from error

    try:
        look_up()
    except RuntimeError:
        structlog.get_logger("x").exception("broke", action="look-up")

    line = lines.last
    assert line["level"] == "error"
    assert line["raised"] == ["RuntimeError", "ValueError"]
    assert line["frames"][-1].startswith("tests/component/chassis/edges/test_logs.py:")
    assert line["frames"][-1].endswith(" look_up")
    assert "Budi" not in lines.text


def test_lines_of_libraries_pass_through_the_same_masks(lines: Lines) -> None:
    logging.getLogger("aiokafka.cluster").error("Topic %s not found: %s (%d)", "lapas.events", ValueError(MARK), 3)
    logging.getLogger("aiokafka").error("record %r", {"name": MARK})
    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: %s" % MARK)  # noqa: G002, UP031
    logging.getLogger("somebody.else").error(f"hello {MARK}")  # noqa: G004

    assert [line["event"] for line in lines.all] == [
        "Topic lapas.events not found: ValueError (3)",
        "record <dict>",
        "Task exception was never retrieved",
        "a line of a library, withheld",
    ]
    assert "Budi" not in lines.text


def test_what_a_library_says_again_and_again_is_written_once_a_period_with_its_number(
    lines: Lines, clock: SteppedClock
) -> None:
    cluster, client = logging.getLogger("aiokafka.cluster"), logging.getLogger("aiokafka")
    for _ in range(80):
        client.error("Unable connect to node with id %s: %s", 1, ConnectionRefusedError(MARK))
        cluster.error("Topic %s not found in cluster metadata", "lapas.events")
    client.error("Unable connect to node with id %s: %s", 2, ConnectionRefusedError(MARK))

    assert [line["event"] for line in lines.all] == [
        "Unable connect to node with id 1: ConnectionRefusedError",
        "Topic lapas.events not found in cluster metadata",
        "Unable connect to node with id 2: ConnectionRefusedError",
    ]

    clock.step(timedelta(seconds=PERIOD_SECONDS))
    structlog.get_logger("x").info("line")

    told = lines.all[3:]
    assert [(line["event"], line.get("times"), line["level"]) for line in told] == [
        ("Unable connect to node with id 1: ConnectionRefusedError", 79, "error"),
        ("Topic lapas.events not found in cluster metadata", 79, "error"),
        ("line", None, "info"),
    ]
    assert all(line["last_at"].endswith("Z") for line in told[:2])


def test_a_process_that_ends_still_tells_what_it_held_back(lines: Lines) -> None:
    for _ in range(3):
        logging.getLogger("aiokafka").error("Unable to update metadata from %s", [1])

    logging.getLogger().handlers[0].close()

    assert [(line["event"], line.get("times")) for line in lines.all] == [
        ("Unable to update metadata from <list>", None),
        ("Unable to update metadata from <list>", 2),
    ]


def test_of_too_many_kinds_of_lines_none_is_held_back(lines: Lines) -> None:
    for number in range(2 * KINDS_MAX):
        for _ in range(2):
            logging.getLogger("aiokafka").error("kind %d", number)

    assert len(lines.all) == KINDS_MAX + 2 * KINDS_MAX


def test_our_own_lines_and_stack_traces_are_written_each_time(lines: Lines) -> None:
    for _ in range(3):
        structlog.get_logger("chassis.consumer").error("kafka is away")
        logging.getLogger("chassis").error("the process ends")
        logging.getLogger("aiokafka").error("Unexpected exception", exc_info=ValueError(MARK))

    assert len(lines.all) == 9


def test_what_a_library_tries_again_by_itself_is_no_error(lines: Lines) -> None:
    coordinator = logging.getLogger("aiokafka.consumer.group_coordinator")

    coordinator.error("Group Coordinator Request failed: %s", GroupCoordinatorNotAvailableError())
    coordinator.error("Group Coordinator Request failed: %s", GroupAuthorizationFailedError())

    assert [(line["event"], line["level"]) for line in lines.all] == [
        ("Group Coordinator Request failed: GroupCoordinatorNotAvailableError", "warning"),
        ("Group Coordinator Request failed: GroupAuthorizationFailedError", "error"),
    ]


def test_the_access_log_that_quotes_addresses_is_off(lines: Lines) -> None:
    logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', "x", "GET", "/v1/search?q=Budi", "1.1", 200)

    assert lines.text == ""


def test_the_last_words_of_a_process_are_masked_too(lines: Lines) -> None:
    error = ValueError(MARK)

    sys.excepthook(ValueError, error, error.__traceback__)

    assert lines.last["raised"] == ["ValueError"]
    assert "Budi" not in lines.text


def test_a_line_that_cannot_be_written_does_not_tell_why(lines: Lines, capsys: pytest.CaptureFixture[str]) -> None:
    class FullDisk(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(MARK)

    lines.stream = FullDisk()
    logging_to(lines)

    structlog.get_logger("x").info("line")

    told = capsys.readouterr().err
    assert "a log line of x" in told
    assert "could not be written" in told
    assert "Budi" not in told


def test_lines_under_the_level_are_not_written(lines: Lines) -> None:
    structlog.get_logger("x").debug("line")

    assert lines.text == ""


def test_a_terminal_gets_colours_and_the_same_masks() -> None:
    written = Lines()
    root = logging.getLogger()
    handlers, level, hook = root.handlers[:], root.level, sys.excepthook
    try:
        logging_to(written, log_format="console")
        structlog.get_logger("x").error("broke", name=MARK, exc_info=ValueError(MARK))
    finally:
        structlog.reset_defaults()
        root.handlers[:] = handlers
        root.setLevel(level)
        sys.excepthook = hook

    assert "broke" in written.text
    assert "ValueError" in written.text
    assert "Budi" not in written.text
