"""Who may do what over HTTP: a bearer token becomes a principal, and every route has one rule.

A route without a rule makes the service refuse to start; a rule names the roles that may, and how far they reach.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

import jwt
from fastapi import FastAPI, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from chassis import audit
from chassis.keys import ALGORITHMS, KeySet, KeysUnavailable, source_of
from chassis.problems import FieldProblem, Problem
from contracts.roles import Role

if TYPE_CHECKING:
    from chassis.clock import SystemClock
    from chassis.settings import Settings

REQUIRED_CLAIMS: Final = ("exp", "iat", "iss", "aud", "sub")
LEEWAY_SECONDS: Final = 30
TOKEN_CHARS_MAX: Final = 8_192
SUBJECT_CHARS_MAX: Final = 128
CODE_CHARS_MAX: Final = 40
KEYS_RETRY_SECONDS: Final = 10

_OF_A_FACILITY: Final = frozenset({Role.PRISON_OFFICER, Role.PRISON_SYSTEM})
_BEARER: Final = HTTPBearer(
    auto_error=False, scheme_name="bearer", bearerFormat="JWT", description="A token of the office's issuer"
)


class Scope(Enum):
    """How far a role reaches on a route."""

    ANY = "ANY"
    BAPAS = "BAPAS"
    UNIT = "UNIT"
    FACILITY = "FACILITY"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls, according to a token that was checked."""

    subject: str
    roles: frozenset[Role]
    unit: str | None = None
    facility: str | None = None


class Unauthenticated(Problem):
    """The caller is not known: no token, or one that does not hold."""

    def __init__(self, detail: str, *, error: str | None = None) -> None:
        """Say why, in words and for the client's library."""
        challenge = 'Bearer realm="bapas"' if error is None else f'Bearer realm="bapas", error="{error}"'
        super().__init__(401, kind="unauthenticated", detail=detail, headers={"WWW-Authenticate": challenge})


class Forbidden(Problem):
    """The caller is known and may not."""

    def __init__(self, detail: str, *, roles: Iterable[Role] | None = None) -> None:
        """Say why, and which roles may."""
        super().__init__(403, kind="forbidden", detail=detail, roles=roles)


class TokenVerifier:
    """Turns a bearer token into a principal: fixed algorithms, required claims, the issuer's keys."""

    def __init__(self, keys: KeySet, *, issuer: str, audience: str) -> None:
        """Say whose tokens are believed, and for whom they must be made."""
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    @classmethod
    def from_settings(cls, settings: "Settings", clock: "SystemClock") -> "TokenVerifier":
        """Believe the issuer that the settings name."""
        keys = KeySet(source_of(settings.auth_jwks), monotonic=clock.monotonic)
        return cls(keys, issuer=settings.auth_issuer, audience=settings.auth_audience)

    async def verify(self, token: str) -> Principal:
        """The principal of a token; raises Unauthenticated when it does not hold."""
        if len(token) > TOKEN_CHARS_MAX:
            raise Unauthenticated("the token is too long", error="invalid_token")
        try:
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ALGORITHMS:
                raise Unauthenticated("the token is not signed with RS256 or ES256", error="invalid_token")
            key = await self._keys.find(header.get("kid"))
            if key is None:
                raise Unauthenticated(
                    "the token is signed by a key that the issuer does not publish", error="invalid_token"
                )
            claims = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY_SECONDS,
                options={"require": list(REQUIRED_CLAIMS)},
            )
        except KeysUnavailable:
            raise Problem(
                503,
                kind="issuer-unavailable",
                detail="the token cannot be checked: the issuer's keys are not at hand",
                headers={"Retry-After": str(KEYS_RETRY_SECONDS)},
            ) from None
        except jwt.PyJWTError as error:
            raise Unauthenticated(_why(error), error="invalid_token") from None
        return principal_of(claims)


def principal_of(claims: dict[str, Any]) -> Principal:
    """The principal in claims that were checked; roles that we do not know are left out."""
    subject = claims["sub"]
    roles = claims.get("roles", [])
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_CHARS_MAX or not isinstance(roles, list):
        raise Unauthenticated("the token's claims have another form than agreed", error="invalid_token")
    known = {role.value for role in Role}
    return Principal(
        subject=subject,
        roles=frozenset(Role(role) for role in roles if isinstance(role, str) and role in known),
        unit=_code(claims.get("unit")),
        facility=_code(claims.get("facility")),
    )


class Rule:
    """What a route demands of its caller; every route has one, so what holds for all requests is looked at here."""

    problems: ClassVar[frozenset[int]] = frozenset()
    """The statuses with which it turns somebody away."""

    def refuse_unknown_parameters(self, request: Request) -> None:
        """Raise Problem for a parameter that the route does not know, or not twice: a slip must not show everything."""
        known: Mapping[str, bool] = request.app.state.parameters[id(request.scope["route"])]
        given = Counter(name for name, _ in request.query_params.multi_items())
        if any(name not in known or (count > 1 and not known[name]) for name, count in given.items()):
            expected = f"each of {', '.join(sorted(known))} at most once" if known else "no parameter at all"
            errors = [FieldProblem(where="query", kind="unknown-parameter", what=expected)]
            raise Problem(422, kind="invalid", detail="the address holds a parameter that is not known", errors=errors)


class Public(Rule):
    """Anybody may; there is nothing to protect."""

    async def __call__(self, request: Request) -> None:
        """Let everybody in."""
        self.refuse_unknown_parameters(request)


class Allowed(Rule):
    """Only callers with one of these roles may, as far as the scope reaches."""

    problems: ClassVar[frozenset[int]] = frozenset({401, 403})

    def __init__(self, roles: frozenset[Role], scope: Scope) -> None:
        """Name the roles and how far they reach."""
        self.roles = roles
        self.scope = scope

    async def __call__(
        self, request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]
    ) -> Principal:
        """The caller, if the rule lets it in."""
        if bearer is None:
            raise Unauthenticated("a bearer token is needed")
        verifier: TokenVerifier = request.app.state.verifier
        principal = await verifier.verify(bearer.credentials)
        audit.begin(_act_of(request, principal))
        self.check(principal, units=request.app.state.units)
        for place in (request.path_params, request.query_params):
            if self.scope is Scope.UNIT and place.get("unit") is not None:
                require_unit(principal, place["unit"])
            if self.scope is Scope.FACILITY and place.get("facility") is not None:
                require_facility(principal, place["facility"])
        self.refuse_unknown_parameters(request)
        request.state.principal = principal
        return principal

    def check(self, principal: Principal, *, units: frozenset[str]) -> None:
        """Raise Forbidden for a caller with none of the roles, or from outside the scope."""
        if not principal.roles & self.roles:
            raise Forbidden("none of your roles may do this", roles=self.roles)
        if self.scope is Scope.UNIT and principal.unit not in units:
            raise Forbidden("your token names no unit of this Bapas", roles=self.roles)
        if self.scope is Scope.FACILITY and principal.facility is None:
            raise Forbidden("your token names no facility", roles=self.roles)
        if self.scope is Scope.BAPAS and not _belongs(principal, self.roles, units):
            raise Forbidden("your token names no unit of this Bapas", roles=self.roles)


def _act_of(request: Request, principal: Principal) -> audit.Act:
    """What the caller asks for, as the audit trail names it: a route, ids, and the names of parameters."""
    route = request.scope["route"]
    known: Mapping[str, bool] = request.app.state.parameters[id(route)]
    subjects = [
        audit.Subject(name.removesuffix("_id").replace("_", "-"), audit.plain(value))
        for name, value in request.path_params.items()
    ]
    return audit.Act(
        action=route.name,
        method=request.method,
        who=principal,
        subject=subjects[0] if subjects else None,
        parameters=tuple(sorted(name for name in request.query_params if name in known)),
    )


def allow(*roles: Role, scope: Scope = Scope.BAPAS) -> Allowed:
    """The rule that lets these roles in."""
    if not roles:
        raise TypeError("a rule that lets nobody in closes the route; say which roles may")
    return Allowed(frozenset(roles), scope)


def public() -> Public:
    """The rule that lets everybody in."""
    return Public()


def require_unit(principal: Principal, unit: str | None) -> None:
    """Raise Forbidden unless the matter belongs to the caller's own unit."""
    if unit is None or principal.unit != unit:
        raise Forbidden("this belongs to another unit")


def require_facility(principal: Principal, facility: str | None) -> None:
    """Raise Forbidden unless the matter belongs to the caller's own facility."""
    if facility is None or principal.facility != facility:
        raise Forbidden("this belongs to another facility")


class RouteWithoutRule(Exception):
    """A route says neither who may nor that everybody may."""


def assert_every_route_has_a_rule(app: FastAPI) -> None:
    """Refuse to start while a route has no rule, or more than one."""
    for route in iter_route_contexts(app.routes):
        if not isinstance(route.original_route, APIRoute):
            kind = type(route.original_route).__name__
            raise RouteWithoutRule(f"{route.path} is a {kind}: only routes with a rule may be served")
        if len(rules_of(route)) != 1:
            methods = " ".join(sorted(route.methods or ()))
            raise RouteWithoutRule(f"{methods} {route.path} has {len(rules_of(route))} rules; it needs one")


def rules_of(route: RouteContext) -> list[Rule]:
    """The rules of a route."""
    return list(_rules(route.dependant))


def _rules(dependant: Dependant) -> Iterable[Rule]:
    if isinstance(dependant.call, Rule):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from _rules(inner)


def _belongs(principal: Principal, roles: frozenset[Role], units: frozenset[str]) -> bool:
    """Whether the caller is of this Bapas in a role of the office, or of a prison in a role of prisons."""
    held = principal.roles & roles
    if held - _OF_A_FACILITY and principal.unit in units:
        return True
    return principal.facility is not None and bool(held & _OF_A_FACILITY)


def _code(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= CODE_CHARS_MAX else None


def _why(error: jwt.PyJWTError) -> str:
    """Why a token does not hold, without quoting it."""
    if isinstance(error, jwt.ExpiredSignatureError):
        return "the token has expired"
    if isinstance(error, jwt.ImmatureSignatureError):
        return "the token is not valid yet"
    if isinstance(error, jwt.InvalidAudienceError):
        return "the token is made for another audience"
    if isinstance(error, jwt.InvalidIssuerError):
        return "the token comes from another issuer"
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"the token has no claim {error.claim}"
    return "the token cannot be verified"
