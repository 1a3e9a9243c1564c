"""The rules of the house that no linter knows, as functions from a parsed module to what breaks them.

Each docstring names the failure that the rule prevents.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
FUNCTION_LINES_MAX: Final = 50
MODULE_LINES_MAX: Final = 400
HANDLER_STATEMENTS_MAX: Final = 8
NAMELESS: Final = frozenset(
    {"utils", "util", "helpers", "helper", "common", "misc", "manager", "types", "shared", "base"}
)

_SQL: Final = re.compile(r"^\s*(SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|WITH|TRUNCATE|CREATE|ALTER|DROP|COPY|LOCK)\s")
_MACHINERY: Final = re.compile(
    r"\b(?:INTO|UPDATE|FROM|JOIN|TABLE|TRUNCATE)\s+"
    r"(inbox|outbox|timer|dead_letter|held_key|consumer_offset|consumer_stop|register_counter|operator_act|idempotency)\b",
    re.IGNORECASE,
)
_FRAMES: Final = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Try)
"""Statements that only hold others; these are counted themselves."""
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
_LOG_METHODS: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical"})


@dataclass(frozen=True)
class Module:
    """A Python file of ours."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text)

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders and the name."""
        return Path(self.path).with_suffix("").parts


Rule = Callable[[Module], Iterator[str]]


def modules(*folders: str) -> list[Module]:
    """Every module under these folders."""
    files = sorted(file for folder in folders for file in (ROOT / folder).rglob("*.py"))
    return [Module(str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")) for file in files]


def delivery_sql_stays_in_the_chassis(module: Module) -> Iterator[str]:
    """A service that writes its own outbox row publishes outside the order, the size limit and the trace."""
    if module.parts[0] == "services":
        for node, text in _texts(module.tree):
            match = _MACHINERY.search(text)
            if match:
                yield f"line {node.lineno}: SQL on {match[1]}, which belongs to the chassis"


def numbers_are_entered(module: Module) -> Iterator[str]:
    """A number that was taken without an entry is a gap in the register; `tx.enter` does both or neither."""
    if module.parts[0] == "services":
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and _name(node.func) == "next_number":
                yield f"line {node.lineno}: next_number() where enter() gives the number and the entry"


def subscribing_stays_in_the_chassis(module: Module) -> Iterator[str]:
    """FastStream's default loses messages; the one place that subscribes sets it, and a second one would forget."""
    if module.parts[0] != "chassis":
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and _name(node.func) in {"subscriber", "subscribe", "AIOKafkaConsumer"}:
                yield f"line {node.lineno}: {_name(node.func)}() outside the chassis"


def sql_is_never_composed(module: Module) -> Iterator[str]:
    """A statement put together from strings is how a name with a quote in it becomes a command."""
    for node in ast.walk(module.tree):
        composed = _composed(node)
        if composed is not None and _SQL.match(composed):
            yield f"line {getattr(node, 'lineno', 0)}: a statement put together from strings"


def handlers_say_their_rule_in_one_sentence(module: Module) -> Iterator[str]:
    """handlers.py is the table of contents of a service: without its sentences nobody reads what the service does."""
    for function in _handlers(module):
        docstring = ast.get_docstring(function) or ""
        if not docstring:
            yield f"line {function.lineno}: {function.name} has no docstring"
        elif not docstring.endswith(".") or ". " in docstring.replace("\n", " "):
            yield f"line {function.lineno}: the docstring of {function.name} is not one sentence"


def handlers_are_short(module: Module) -> Iterator[str]:
    """A handler that grows has taken a rule out of domain.py, where it would be tested without a database."""
    for function in _handlers(module):
        inside = [node for part in function.body for node in ast.walk(part) if isinstance(node, ast.stmt)]
        count = sum(not isinstance(node, _FRAMES) for node in inside) - (ast.get_docstring(function) is not None)
        if count > HANDLER_STATEMENTS_MAX:
            yield f"line {function.lineno}: {function.name} has {count} statements, at most {HANDLER_STATEMENTS_MAX}"


def functions_fit_a_screen(module: Module) -> Iterator[str]:
    """What cannot be seen at once is not understood at once; a function inside another is judged by itself."""
    for node in ast.walk(module.tree):
        if isinstance(node, _FUNCTIONS):
            lines = _lines(node) - sum(
                _lines(inner) for inner in ast.iter_child_nodes(node) if isinstance(inner, _FUNCTIONS)
            )
            if lines > FUNCTION_LINES_MAX:
                yield f"line {node.lineno}: {node.name} has {lines} lines, at most {FUNCTION_LINES_MAX}"


def modules_are_short(module: Module) -> Iterator[str]:
    """A file past this length has two jobs and hides one of them."""
    lines = len(module.text.splitlines())
    if lines > MODULE_LINES_MAX:
        yield f"{lines} lines, at most {MODULE_LINES_MAX}"


def modules_are_named_for_a_job(module: Module) -> Iterator[str]:
    """A module called utils takes in whatever has no place, until nothing has one."""
    for part in module.parts:
        if part in NAMELESS:
            yield f"{part!r} names no job"


def log_lines_are_literal(module: Module) -> Iterator[str]:
    """The text of a line is not masked: a value formatted into it leaves the house as it is."""
    for node in ast.walk(module.tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _LOG_METHODS
            and _name(node.func.value) in {"log", "logger"}
            and not (node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str))
        ):
            yield f"line {node.lineno}: the text of a log line must be a plain string"


def nothing_is_patched(module: Module) -> Iterator[str]:
    """A test that patches our own code tests the patch."""
    for node in ast.walk(module.tree):
        imported = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        source = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        if any("mock" in name.split(".") for name in (*imported, *source.split("."))):
            yield f"line {getattr(node, 'lineno', 0)}: mock is imported"
        if isinstance(node, ast.arg) and node.arg == "mocker":
            yield f"line {node.lineno}: mocker is used"
        if isinstance(node, ast.Attribute) and _name(node.value) == "monkeypatch" and node.attr == "setattr":
            yield f"line {node.lineno}: monkeypatch.setattr is used"


EVERYWHERE: Final[tuple[Rule, ...]] = (
    functions_fit_a_screen,
    modules_are_short,
    modules_are_named_for_a_job,
    log_lines_are_literal,
    nothing_is_patched,
)
IN_SERVICES_AND_CHASSIS: Final[tuple[Rule, ...]] = (
    delivery_sql_stays_in_the_chassis,
    numbers_are_entered,
    subscribing_stays_in_the_chassis,
    sql_is_never_composed,
    handlers_say_their_rule_in_one_sentence,
    handlers_are_short,
)


def _handlers(module: Module) -> Iterator[ast.AsyncFunctionDef]:
    if module.parts[0] == "services" and module.parts[-1] == "handlers":
        for node in module.tree.body:
            if isinstance(node, ast.AsyncFunctionDef) and not node.name.startswith("_"):
                yield node


def _texts(tree: ast.AST) -> Iterator[tuple[ast.Constant, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node, node.value


def _composed(node: ast.AST) -> str | None:
    """The first literal piece of a string that is put together, or nothing when it is not."""
    if isinstance(node, ast.JoinedStr) and any(isinstance(value, ast.FormattedValue) for value in node.values):
        return _first_text(node.values[0])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.Add):
        return _first_text(node.left)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"format", "join"}:
        return _first_text(node.func.value)
    return None


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _first_text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _name(node: ast.AST) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None
