"""Every answer that is not what was asked for, in one form: RFC 9457 problem documents.

None of them repeats a value that was sent: what went wrong is told by place and kind.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from chassis import telemetry

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:bapas:problem:"
FIELD_ERRORS_MAX: Final = 20


class FieldProblem(BaseModel):
    """One thing that is wrong with a request."""

    where: str = Field(description="The place in the request, as in body.released_at")
    kind: str = Field(description="A stable word for the kind of mistake")
    what: str = Field(description="What is expected there")


class ProblemDocument(BaseModel):
    """A problem as RFC 9457 describes it."""

    type: str = Field(description="What kind of problem; about:blank when the status says it all")
    title: str
    status: int
    detail: str = ""
    rule: str | None = Field(default=None, description="The rule that refused, for a 409")
    roles: list[str] | None = Field(default=None, description="The roles that may, for a 403")
    errors: list[FieldProblem] | None = Field(default=None, description="What is wrong with the request, for a 422")
    trace_id: str | None = Field(default=None, description="Where operations finds what happened")


class Problem(Exception):
    """A request that cannot be answered as asked; `kind` is a stable word in kebab-case."""

    def __init__(
        self,
        status: int,
        *,
        kind: str | None = None,
        detail: str = "",
        headers: Mapping[str, str] | None = None,
        rule: str | None = None,
        roles: Iterable[str] | None = None,
        errors: list[FieldProblem] | None = None,
    ) -> None:
        """Say which status, which kind, and in words why."""
        super().__init__(f"{status} {kind or ''}".strip())
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.rule = rule
        self.roles = None if roles is None else sorted(roles)
        self.errors = errors

    def document(self) -> ProblemDocument:
        """The problem as it is sent."""
        context = telemetry.current()
        return ProblemDocument(
            type="about:blank" if self.kind is None else f"{TYPE_PREFIX}{self.kind}",
            title=title_of(self.status),
            status=self.status,
            detail=self.detail,
            rule=self.rule,
            roles=self.roles,
            errors=None if self.errors is None else self.errors[:FIELD_ERRORS_MAX],
            trace_id=None if context is None else context.trace_hex,
        )

    def response(self) -> JSONResponse:
        """The problem as an HTTP answer."""
        content: dict[str, Any] = self.document().model_dump(mode="json", exclude_none=True)
        return JSONResponse(content, status_code=self.status, headers=self.headers, media_type=MEDIA_TYPE)


class NotFound(Problem):
    """What was asked for is not here."""

    def __init__(self, what: str) -> None:
        """Name the kind of thing, as in `release`."""
        super().__init__(404, kind="not-found", detail=f"there is no such {what}")


class BadRequest(Problem):
    """A parameter of the request cannot be read."""

    def __init__(self, *, where: str, what: str) -> None:
        """Name the parameter and what is expected in it."""
        super().__init__(
            400,
            kind="bad-request",
            detail=f"{where}: {what}",
            errors=[FieldProblem(where=where, kind="invalid", what=what)],
        )


def title_of(status: int) -> str:
    """The words of the status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Problem"


def field_problems(errors: Iterable[Mapping[str, Any]]) -> list[FieldProblem]:
    """The errors of a validation without the values that caused them."""
    return [
        FieldProblem(
            where=".".join(str(step) for step in error["loc"]) or "body",
            kind=str(error["type"]),
            what=str(error["msg"]),
        )
        for error in errors
    ]
