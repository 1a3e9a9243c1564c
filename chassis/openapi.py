"""The description of a service's HTTP door: what FastAPI knows of it, and every problem that each route may answer."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from chassis.access import Allowed, rules_of
from chassis.problems import MEDIA_TYPE, ProblemDocument, title_of

_REF: Final = "#/components/schemas/{model}"
_WRITING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class IrrelevantAnswer(BaseModel):
    """What was told is true, but too late or not ours: nothing was changed."""

    outcome: str
    rule: str
    reason: str


def describe(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, made once."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        _add_models(document)
        for route in iter_route_contexts(app.routes):
            if isinstance(route.original_route, APIRoute) and route.include_in_schema:
                for method in route.methods or ():
                    _describe_operation(document["paths"][route.path_format][method.lower()], route, method)
        app.openapi_schema = document
    return app.openapi_schema


def _add_models(document: dict[str, Any]) -> None:
    models = [(model, "serialization") for model in (ProblemDocument, IrrelevantAnswer)]
    _, definitions = models_json_schema(models, ref_template=_REF)  # type: ignore[arg-type]
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(definitions["$defs"])
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)


def _describe_operation(operation: dict[str, Any], route: RouteContext, method: str) -> None:
    responses: dict[str, Any] = operation.setdefault("responses", {})
    responses.pop("422", None)
    if method in _WRITING:
        _describe_irrelevant(responses)
    for status in sorted(problems_of(route, method)):
        responses[str(status)] = _problem_response(status)
    rules = [rule for rule in rules_of(route) if isinstance(rule, Allowed)]
    for rule in rules:
        roles = ", ".join(sorted(rule.roles))
        said = operation.get("description", "")
        operation["description"] = f"{said}\n\nRoles: {roles}. Scope: {rule.scope.value}.".strip()


def problems_of(route: RouteContext, method: str) -> set[int]:
    """The statuses with which this route may answer a problem."""
    problems = {400, 422, 503}
    problems |= {status for rule in rules_of(route) for status in rule.problems}
    if "{" in (route.path or ""):
        problems.add(404)
    if route.body_field is not None:
        problems |= {408, 413, 415}
    if any(header.alias == "If-Match" for header in route.dependant.header_params):
        problems |= {412, 428}
    if method in _WRITING:
        problems |= {404, 409, 413}
    return problems


def _describe_irrelevant(responses: dict[str, Any]) -> None:
    """A command may also be answered with 200 and the words why it changed nothing."""
    irrelevant = {"$ref": _REF.format(model=IrrelevantAnswer.__name__)}
    answer = responses.setdefault("200", {"description": "True, but too late or not ours: nothing was changed"})
    content = answer.setdefault("content", {}).setdefault("application/json", {})
    schema = content.get("schema")
    content["schema"] = irrelevant if not schema else {"anyOf": [schema, irrelevant]}


def _problem_response(status: int) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": title_of(status),
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model=ProblemDocument.__name__)}}},
    }
    headers = _headers_of(status)
    return response | ({"headers": headers} if headers else {})


def _headers_of(status: int) -> Mapping[str, Any]:
    text = {"schema": {"type": "string"}}
    return {401: {"WWW-Authenticate": text}, 503: {"Retry-After": text}}.get(status, {})
