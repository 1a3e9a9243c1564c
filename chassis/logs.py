"""Log lines: JSON for machines, colours for a terminal, and nothing in them that names a person.

A value passes if its type cannot hold a name (numbers, UUIDs, instants, enumerations), or if it stands under a key
that is known to hold words of ours. What an exception says is never written: databases and validators quote values.
"""

import copy
import logging
import re
import sys
import threading
import traceback
from collections.abc import Mapping, MutableMapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TextIO
from uuid import UUID

import structlog

from chassis import telemetry
from chassis.repeats import RepeatLimit

if TYPE_CHECKING:
    from chassis.clock import SystemClock
    from chassis.settings import Settings

MASK: Final = "***"
CAUSES_MAX: Final = 5
FRAMES_MAX: Final = 12
EVENT_CHARS_MAX: Final = 160

WORDS_OF_OURS: Final = frozenset(
    {
        "action", "address", "component", "consumer", "error", "event_type", "failure", "kind", "level", "logger",
        "loop", "method", "migration", "outcome", "point", "problem", "reason", "role", "route", "rule", "sender",
        "service", "instance", "setting", "state", "table", "timer", "topic", "type", "unit", "version",
    }
)  # fmt: skip
"""Keys under which the house writes words from its own vocabulary: names of things, never of people."""

TRUSTED_LIBRARIES: Final = frozenset({"uvicorn", "aiokafka", "faststream", "asyncio", "opentelemetry", "chassis"})
"""Libraries whose message templates are known to hold no data; their arguments are looked at one by one."""

REPEATING_LIBRARIES: Final = frozenset({"aiokafka"})
"""Libraries that say with each attempt, up to 80 times a second, that a server is away."""

_WORD: Final = re.compile(r"[A-Za-z0-9_.:/@*+-]{1,120}")
_SAFE_TYPES: Final = (bool, int, float, UUID, datetime, date, timedelta, Enum, type(None))
_PLACEHOLDER: Final = re.compile(r"%(?:\([^)]*\))?[-#0 +]*[\d*]*(?:\.[\d*]+)?[hlL]?[a-zA-Z]")

_HOUSE: Final = Path(__file__).resolve().parents[1]

EventDict = MutableMapping[str, Any]


def configure_logs(settings: "Settings", clock: "SystemClock", *, stream: TextIO | None = None) -> None:
    """Send every line of this process, also those of libraries, through the same masks to one stream."""
    stream = stream if stream is not None else sys.stdout
    console = settings.log_format == "console" or (settings.log_format is None and stream.isatty())
    identity = {"service": settings.service, "instance": settings.instance}

    def identify(_logger: Any, method: str, event: EventDict) -> EventDict:
        """Say when, how grave and who."""
        level = "error" if method == "exception" else method
        first = {name: event.pop(name) for name in ("logger", "event") if name in event}
        return {"at": _instant(clock.now()), "level": level, **identity, **first, **event}

    handler = _Handler(stream, RepeatLimit(clock.monotonic))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            use_get_message=False,
            pass_foreign_args=True,
            processors=[
                name_logger,
                quieten_library,
                mask_values,
                count_repeats,
                add_trace,
                shorten_exception,
                identify,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _console() if console else structlog.processors.JSONRenderer(default=str),
            ],
        )
    )
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda failed: _log_uncaught(failed.exc_type, failed.exc_value, failed.exc_traceback)
    _quieten_libraries()


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines; a line that cannot be written is reported without what it wanted to say."""

    def __init__(self, stream: TextIO, repeats: RepeatLimit[logging.LogRecord]) -> None:
        super().__init__(stream)
        self._repeats = repeats

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, unless a library has just said the same; what was held back before is told first."""
        self._tell_repeats()
        if record.name.partition(".")[0] in REPEATING_LIBRARIES:
            record = _as_grave_as_it_is(record)
            kind = (record.name, _filled(str(record.msg), record.args))
            # A stack trace may differ where the words are the same.
            if not record.exc_info and not self._repeats.passes(kind, record):
                return
        super().emit(record)

    def close(self) -> None:
        """Tell what is held back."""
        self._tell_repeats(at_the_end=True)
        super().close()

    def _tell_repeats(self, *, at_the_end: bool = False) -> None:
        for record, times in self._repeats.due(at_the_end=at_the_end):
            record.times = times
            super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name that logging calls
        """Say which module wrote the line that failed."""
        sys.stderr.write(f"a log line of {record.name} ({record.filename}:{record.lineno}) could not be written\n")


def _as_grave_as_it_is(record: logging.LogRecord) -> logging.LogRecord:
    """A failure that the library itself calls one to be tried again is a warning, also on a healthy start."""
    arguments = record.args if isinstance(record.args, tuple) else ()
    if record.levelno != logging.ERROR or not any(getattr(argument, "retriable", False) for argument in arguments):
        return record
    record = copy.copy(record)
    record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
    return record


def _log_uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """Let the last words of a process pass through the masks as well."""
    if issubclass(kind, KeyboardInterrupt):
        return
    logging.getLogger("chassis").critical("the process ends", exc_info=(kind, error or kind(), trace))


def name_logger(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Say which module speaks."""
    event["logger"] = event["_record"].name
    return event


def quieten_library(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Keep of a library's line the template and those of its arguments that cannot hold data."""
    if event["_from_structlog"]:
        return event
    arguments = event.pop("positional_args", ())
    library = event["logger"].partition(".")[0]
    if library not in TRUSTED_LIBRARIES:
        event["event"] = "a line of a library, withheld"
        return event
    template = str(event["event"]).partition("\n")[0]
    event["event"] = _filled(template, arguments)[:EVENT_CHARS_MAX]
    return event


def count_repeats(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Of a line that was said again and again, say how many this one stands for, and when the last was said."""
    record = event["_record"]
    if (times := getattr(record, "times", None)) is not None:
        event["times"], event["last_at"] = times, _instant(datetime.fromtimestamp(record.created, UTC))
    return event


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def mask_values(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Hide every value that might be data about a person."""
    for key, value in event.items():
        if key in {"event", "exc_info", "_record", "_from_structlog", "_logger", "_name"}:
            continue
        event[key] = _masked(key, value)
    return event


def add_trace(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Name the trace and the conversation that this line belongs to."""
    context = telemetry.current()
    if context is not None:
        event["trace_id"], event["span_id"] = context.trace_hex, context.span_hex
    correlation = telemetry.correlation_id()
    if correlation is not None:
        event["correlation_id"] = _masked("correlation_id", correlation)
    return event


def shorten_exception(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace an exception by its kinds and the places it came through."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info if isinstance(info, BaseException) else info[1] if isinstance(info, tuple) else None
    if error is not None:
        event["raised"] = kinds_of(error)
        event["frames"] = frames_of(error.__traceback__)
    return event


def kinds_of(error: BaseException) -> list[str]:
    """The kind of an exception, then the kinds of what caused it."""
    kinds: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(kinds) < CAUSES_MAX:
        kinds.append(f"{type(cause).__module__}.{type(cause).__qualname__}".removeprefix("builtins."))
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return kinds


def frames_of(trace: TracebackType | None) -> list[str]:
    """The last places that an exception came through: file, line and function, no source and no values."""
    frames = traceback.extract_tb(trace)[-FRAMES_MAX:]
    return [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]


def _short(filename: str) -> str:
    path = Path(filename)
    if path.is_relative_to(_HOUSE) and "site-packages" not in path.parts:
        return str(path.relative_to(_HOUSE))
    return "/".join(path.parts[-2:])


def _masked(key: str, value: Any) -> Any:
    if isinstance(value, Enum):
        return _masked(key, value.value) if key not in WORDS_OF_OURS else value.value
    if isinstance(value, _SAFE_TYPES):
        return value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, UUID) else value
    if isinstance(value, str):
        return value if _is_word(key, value) else MASK
    if isinstance(value, Mapping):
        return {_known_key(inner): _masked(str(inner), item) for inner, item in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes | bytearray):
        return [_masked(key, item) for item in value]
    return type(value).__name__ if isinstance(value, BaseException) else MASK


def _is_word(key: str, value: str) -> bool:
    if key in WORDS_OF_OURS:
        return _WORD.fullmatch(value) is not None
    try:
        UUID(value)
    except ValueError:
        return False
    return True


def _known_key(key: Any) -> str:
    return key if isinstance(key, str) and (key in WORDS_OF_OURS or _WORD.fullmatch(key)) else MASK


def _filled(template: str, arguments: Any) -> str:
    """Fill a library's template with what may be shown of its arguments."""
    if not arguments:
        return template
    # Of a lone mapping, logging makes the arguments themselves.
    rest = iter(arguments if isinstance(arguments, tuple) else (arguments,))

    def fill(placeholder: re.Match[str]) -> str:
        if placeholder[0] == "%%":
            return "%"
        argument = next(rest, None)
        if isinstance(argument, BaseException):
            return type(argument).__name__
        if isinstance(argument, int | float) or (isinstance(argument, str) and _WORD.fullmatch(argument)):
            return str(argument)
        return f"<{type(argument).__name__}>"

    return _PLACEHOLDER.sub(fill, template)


def _console() -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(timestamp_key="at", pad_event_to=40)


def _quieten_libraries() -> None:
    """Let libraries speak when something is wrong, and the access log not at all: it quotes addresses with names."""
    for name, level in (
        ("uvicorn", logging.WARNING),
        ("uvicorn.access", logging.CRITICAL),
        ("aiokafka", logging.WARNING),
        ("faststream", logging.WARNING),
        ("httpx", logging.WARNING),
        ("httpcore", logging.WARNING),
        ("urllib3", logging.WARNING),
        ("opentelemetry", logging.WARNING),
    ):
        library = logging.getLogger(name)
        library.handlers[:] = []
        library.propagate = True
        library.setLevel(level)
