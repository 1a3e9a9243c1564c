"""The HTTP door of a service: routes behind rules, and every refusal and failure as a problem document."""

import socket
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

import asyncpg
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from chassis.access import assert_every_route_has_a_rule, public
from chassis.audit_trail import Audited, AuditTrail
from chassis.failures import TRANSIENT, LostRaceError, UnavailableError
from chassis.idempotency import Replayed
from chassis.middleware import BodyLimit, RequestTrace
from chassis.openapi import IrrelevantAnswer, describe
from chassis.outbox import EventTooLarge
from chassis.problems import Problem, field_problems
from chassis.rules.refusal import Irrelevant, Refused
from chassis.settings import VERSION

if TYPE_CHECKING:
    from chassis.access import TokenVerifier
    from chassis.clock import SystemClock
    from chassis.metrics import Metrics
    from chassis.telemetry import Telemetry

RETRY_AFTER_SECONDS: Final = 2

_AWAY: Final = (
    UnavailableError,
    LostRaceError,
    ConnectionError,
    TimeoutError,
    socket.gaierror,
    # A missing file is an OSError too, and no passing matter.
    *(failure for failure in TRANSIENT if failure is not OSError),
)
_UNSTORABLE: Final = (asyncpg.CharacterNotInRepertoireError, asyncpg.UntranslatableCharacterError)


def create_app(
    *,
    title: str,
    routers: Sequence[APIRouter],
    clock: "SystemClock",
    telemetry: "Telemetry",
    metrics: "Metrics",
    verifier: "TokenVerifier",
    units: frozenset[str],
    audited: Audited | None = None,
) -> FastAPI:
    """Build the application; raises RouteWithoutRule when a route does not say who may.

    `audited` says where the audit trail is kept; nothing is kept without it.
    """
    app = FastAPI(
        title=title,
        version=VERSION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.state.clock = clock
    app.state.verifier = verifier
    app.state.units = units
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    _add_handlers(app)
    if audited is not None:
        app.add_middleware(AuditTrail, audited=audited, metrics=metrics.audit)
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestTrace, telemetry=telemetry, metrics=metrics.http, clock=clock)
    for router in (*routers, _description()):
        app.include_router(router)
    assert_every_route_has_a_rule(app)
    served = {id(route.original_route): route for route in iter_route_contexts(app.routes)}
    app.state.templates = {key: route.path for key, route in served.items()}
    app.state.parameters = {key: dict(query_parameters(route.dependant)) for key, route in served.items()}
    return app


def query_parameters(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """The names that a route, and what it depends on, read from the query; and whether they may be repeated."""
    for parameter in dependant.query_params:
        model = parameter.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            for name, field in model.model_fields.items():
                yield field.alias or name, _is_repeatable(field.annotation)
        else:
            yield parameter.alias, _is_repeatable(model)
    for inner in dependant.dependencies:
        yield from query_parameters(inner)


def _is_repeatable(annotation: Any) -> bool:
    """Whether a type, or a type inside it, is a collection."""
    if get_origin(annotation) in {list, tuple, set, frozenset}:
        return True
    return any(_is_repeatable(part) for part in get_args(annotation))


def _description() -> APIRouter:
    router = APIRouter()

    @router.get("/openapi.json", include_in_schema=False, dependencies=[Depends(public())])
    async def openapi_document(request: Request) -> JSONResponse:
        """This description."""
        return JSONResponse(request.app.openapi())

    return router


def _operation_id(route: APIRoute) -> str:
    return route.name


def _add_handlers(app: FastAPI) -> None:
    app.add_exception_handler(Problem, _answer_problem)
    app.add_exception_handler(Refused, _answer_refused)
    app.add_exception_handler(Irrelevant, _answer_irrelevant)
    app.add_exception_handler(Replayed, _answer_replayed)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http_exception)
    for failure in _AWAY:
        app.add_exception_handler(failure, _answer_unavailable)
    for character in _UNSTORABLE:
        app.add_exception_handler(character, _answer_unstorable)


async def _answer_problem(_request: Request, error: Exception) -> Response:
    return error.response() if isinstance(error, Problem) else _unexpected()


async def _answer_refused(_request: Request, error: Exception) -> Response:
    if not isinstance(error, Refused):
        return _unexpected()
    status = 413 if isinstance(error, EventTooLarge) else 409
    return Problem(status, kind="refused", detail=error.reason, rule=error.rule).response()


async def _answer_irrelevant(_request: Request, error: Exception) -> Response:
    if not isinstance(error, Irrelevant):
        return _unexpected()
    answer = IrrelevantAnswer(outcome="irrelevant", rule=error.rule, reason=error.reason)
    return JSONResponse(answer.model_dump())


async def _answer_replayed(_request: Request, error: Exception) -> Response:
    return error.answer.response() if isinstance(error, Replayed) else _unexpected()


async def _answer_invalid(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        return _unexpected()
    wanted = _media_type_wanted(request)
    if wanted is not None:
        return Problem(415, kind="media-type", detail=f"the body must be {wanted}").response()
    problems = field_problems(error.errors())
    return Problem(422, kind="invalid", detail="the request does not fit its description", errors=problems).response()


async def _answer_http_exception(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return _unexpected()
    details = {404: "there is nothing at this address", 405: "this address does not know that method"}
    return Problem(error.status_code, detail=details.get(error.status_code, ""), headers=error.headers).response()


async def _answer_unavailable(_request: Request, error: Exception) -> Response:
    # asyncpg calls a parameter that does not fit its column an InterfaceError too; that is a bug and will not pass.
    if isinstance(error, ValueError):
        raise error
    return Problem(
        503,
        kind="unavailable",
        detail="a part that this needs is away; the same request may succeed soon",
        headers={"Retry-After": str(RETRY_AFTER_SECONDS)},
    ).response()


async def _answer_unstorable(_request: Request, _error: Exception) -> Response:
    return Problem(422, kind="invalid", detail="a text holds a character that cannot be stored").response()


def _unexpected() -> Response:
    return Problem(500, kind="unexpected").response()


def _media_type_wanted(request: Request) -> str | None:
    """The media type that the route takes, if the request came with another one."""
    route: Any = request.scope.get("route")
    if not isinstance(route, APIRoute) or route.body_field is None:
        return None
    wanted: str = getattr(route.body_field.field_info, "media_type", "application/json")
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    same = given == wanted or (wanted == "application/json" and given.endswith("+json"))
    return None if same else wanted
