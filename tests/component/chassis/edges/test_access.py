"""Who gets through the door: real tokens and real keys, walked over every role and scope."""

import base64
import hmac
import json
import time
from pathlib import Path
from typing import Annotated, Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi import APIRouter, Depends
from starlette.routing import Mount, Route

from chassis.access import (
    Principal,
    RouteWithoutRule,
    Scope,
    allow,
    assert_every_route_has_a_rule,
    public,
    require_facility,
    require_unit,
)
from contracts.roles import DUTY_ROLES, Role
from deploy.local.tokens import AUDIENCE, ISSUER, Holder, Issuer
from tests.component.chassis.edges.door import Door, Token

PROBLEM = "application/problem+json"


def routes() -> APIRouter:
    """One route for each scope."""
    router = APIRouter()

    @router.get("/anybody", dependencies=[Depends(public())])
    async def anybody() -> str:
        return "welcome"

    @router.get("/duty")
    async def duty(caller: Annotated[Principal, Depends(allow(*DUTY_ROLES, Role.PRISON_OFFICER))]) -> dict[str, Any]:
        return {"subject": caller.subject, "unit": caller.unit, "roles": sorted(caller.roles)}

    @router.get("/units/{unit}")
    async def of_unit(caller: Annotated[Principal, Depends(allow(Role.REGISTRAR, scope=Scope.UNIT))], unit: str) -> str:
        return unit

    @router.get("/of-unit")
    async def in_body(caller: Annotated[Principal, Depends(allow(Role.REGISTRAR, scope=Scope.UNIT))]) -> str:
        require_unit(caller, "PLG-SKY")
        return "ok"

    @router.get("/facility")
    async def of_facility(
        caller: Annotated[Principal, Depends(allow(Role.PRISON_SYSTEM, scope=Scope.FACILITY))], facility: str
    ) -> str:
        require_facility(caller, facility)
        return facility

    @router.get("/anywhere")
    async def anywhere(caller: Annotated[Principal, Depends(allow(Role.OPS, scope=Scope.ANY))]) -> str:
        return "ok"

    return router


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a good token, with changes; None takes one away."""
    now = int(time.time())
    good = {
        "iss": ISSUER, "sub": "budi", "aud": AUDIENCE, "iat": now, "exp": now + 60, "roles": ["OPS"], "unit": "PLG-HQ",
    }  # fmt: skip
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(issuer: Issuer, **changes: Any) -> str:
    """A header with a token of the issuer."""
    key_id = jwt.get_unverified_header(issuer.issue(_holder()))["kid"]
    key = issuer.private_key_file.read_text()
    return f"Bearer {jwt.encode(claims(**changes), key, algorithm='RS256', headers={'kid': key_id})}"


def signed_with_a_public_key(issuer: Issuer, key_id: str) -> str:
    """A token whose shared secret is what the issuer publishes; libraries refuse to make it, so by hand."""

    def part(raw: bytes) -> bytes:
        return base64.urlsafe_b64encode(raw).rstrip(b"=")

    header = json.dumps({"alg": "HS256", "typ": "JWT", "kid": key_id}).encode()
    text = part(header) + b"." + part(json.dumps(claims()).encode())
    signature = hmac.digest(issuer.jwks_file.read_bytes(), text, "sha256")
    return (text + b"." + part(signature)).decode()


def _holder() -> Holder:
    return Holder(roles=("OPS",))


async def test_a_public_route_asks_for_nothing(door: Door) -> None:
    async with door.client(routes()) as client:
        answer = await client.get("/anybody")

    assert (answer.status_code, answer.json()) == (200, "welcome")


async def test_without_a_token_nobody_is_known(door: Door) -> None:
    async with door.client(routes()) as client:
        answer = await client.get("/duty")

    assert answer.status_code == 401
    assert answer.headers["content-type"] == PROBLEM
    assert answer.headers["www-authenticate"] == 'Bearer realm="bapas"'
    assert answer.json()["type"] == "urn:bapas:problem:unauthenticated"


async def test_a_token_becomes_a_principal(door: Door, token: Token) -> None:
    async with door.client(routes()) as client:
        answer = await client.get(
            "/duty", headers={"Authorization": token(Role.REGISTRAR, unit="PLG-SKY", subject="siti")}
        )

    assert answer.json() == {"subject": "siti", "unit": "PLG-SKY", "roles": ["REGISTRAR"]}


async def test_the_wrong_role_is_told_which_roles_may(door: Door, token: Token) -> None:
    async with door.client(routes()) as client:
        answer = await client.get("/anywhere", headers={"Authorization": token(Role.HEAD)})

    assert answer.status_code == 403
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["roles"] == ["OPS"]


@pytest.mark.parametrize("role", sorted(Role))
async def test_each_role_gets_through_the_routes_that_name_it_and_no_other(
    door: Door, token: Token, role: Role
) -> None:
    named = {
        "/duty": role in DUTY_ROLES or role is Role.PRISON_OFFICER,
        "/units/PLG-HQ": role is Role.REGISTRAR,
        "/facility?facility=LP-SKY": role is Role.PRISON_SYSTEM,
        "/anywhere": role is Role.OPS,
    }
    header = {"Authorization": token(role, unit="PLG-HQ", facility="LP-SKY")}

    async with door.client(routes()) as client:
        answers = {path: (await client.get(path, headers=header)).status_code for path in named}

    assert answers == {path: 200 if may else 403 for path, may in named.items()}


@pytest.mark.parametrize(
    ("path", "role", "unit", "facility", "status"),
    [
        pytest.param("/duty", Role.REGISTRAR, "PLG-SKY", None, 200, id="any unit of this Bapas"),
        pytest.param("/duty", Role.REGISTRAR, "JKT-HQ", None, 403, id="a unit of another Bapas"),
        pytest.param("/duty", Role.REGISTRAR, None, None, 403, id="no unit"),
        pytest.param("/duty", Role.REGISTRAR, None, "LP-SKY", 403, id="a facility is not a unit"),
        pytest.param("/duty", Role.PRISON_OFFICER, None, "LP-SKY", 200, id="a prison officer has a facility instead"),
        pytest.param("/duty", Role.PRISON_OFFICER, None, None, 403, id="a prison officer of nowhere"),
        pytest.param("/units/PLG-SKY", Role.REGISTRAR, "PLG-SKY", None, 200, id="one's own unit"),
        pytest.param("/units/PLG-SKY", Role.REGISTRAR, "PLG-HQ", None, 403, id="another unit in the path"),
        pytest.param("/of-unit", Role.REGISTRAR, "PLG-SKY", None, 200, id="one's own unit in the matter"),
        pytest.param("/of-unit", Role.REGISTRAR, "PLG-HQ", None, 403, id="another unit in the matter"),
        pytest.param("/of-unit", Role.REGISTRAR, None, None, 403, id="no unit for the scope of a unit"),
        pytest.param("/facility?facility=LP-SKY", Role.PRISON_SYSTEM, None, "LP-SKY", 200, id="one's own facility"),
        pytest.param("/facility?facility=LP-SKY", Role.PRISON_SYSTEM, None, "LPP-PLG", 403, id="another facility"),
        pytest.param("/facility?facility=LP-SKY", Role.PRISON_SYSTEM, "PLG-HQ", None, 403, id="no facility"),
        pytest.param("/duty", Role.PRISON_OFFICER, "PLG-HQ", None, 403, id="a prison's role is of no unit of ours"),
        pytest.param("/anywhere", Role.OPS, None, None, 200, id="operations need neither"),
    ],
)
async def test_a_role_reaches_as_far_as_the_scope(
    door: Door, token: Token, path: str, role: Role, unit: str | None, facility: str | None, status: int
) -> None:
    async with door.client(routes()) as client:
        answer = await client.get(path, headers={"Authorization": token(role, unit=unit, facility=facility)})

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"exp": 1_700_000_000}, "expired", id="expired"),
        pytest.param({"exp": None}, "no claim exp", id="for ever"),
        pytest.param({"iat": None}, "no claim iat", id="of unknown age"),
        pytest.param({"sub": None}, "no claim sub", id="of nobody"),
        pytest.param({"aud": None}, "no claim aud", id="for everybody"),
        pytest.param({"aud": "another"}, "another audience", id="for another service"),
        pytest.param({"iss": "urn:somebody"}, "another issuer", id="from somebody else"),
        pytest.param({"nbf": 4_000_000_000}, "not valid yet", id="for later"),
        pytest.param({"roles": "OPS"}, "another form", id="roles in another form"),
        pytest.param({"sub": "x" * 200}, "another form", id="a subject without end"),
    ],
)
async def test_a_token_that_does_not_hold_is_told_why(
    door: Door, issuer: Issuer, changes: dict[str, Any], words: str
) -> None:
    async with door.client(routes()) as client:
        answer = await client.get("/anywhere", headers={"Authorization": signed(issuer, **changes)})

    assert answer.status_code == 401
    assert words in answer.json()["detail"]
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_unknown_roles_are_left_out(door: Door, issuer: Issuer) -> None:
    async with door.client(routes()) as client:
        answer = await client.get(
            "/anywhere", headers={"Authorization": signed(issuer, roles=["SUPERUSER", 3, None, "OPS"])}
        )

    assert answer.status_code == 200


async def test_tokens_signed_otherwise_are_refused(door: Door, issuer: Issuer) -> None:
    key_id = jwt.get_unverified_header(issuer.issue(_holder()))["kid"]
    forged = {
        "unsigned": jwt.encode(claims(), "", algorithm="none", headers={"kid": key_id}),
        "public key as a shared secret": signed_with_a_public_key(issuer, key_id),
        "another key under the same id": jwt.encode(
            claims(), rsa.generate_private_key(65537, 2048), algorithm="RS256", headers={"kid": key_id}
        ),
        "another kind of key under the same id": jwt.encode(
            claims(), ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers={"kid": key_id}
        ),
        "a key that nobody publishes": jwt.encode(
            claims(), rsa.generate_private_key(65537, 2048), algorithm="RS256", headers={"kid": "unknown"}
        ),
        "no token at all": "not.a.token",
        "without end": "x" * 10_000,
    }

    async with door.client(routes()) as client:
        answers = {
            name: (await client.get("/anywhere", headers={"Authorization": f"Bearer {text}"})).status_code
            for name, text in forged.items()
        }

    assert answers == dict.fromkeys(forged, 401)


async def test_another_scheme_is_no_token(door: Door) -> None:
    async with door.client(routes()) as client:
        answer = await client.get("/anywhere", headers={"Authorization": "Basic YnVkaTpzZWNyZXQ="})

    assert answer.status_code == 401


def test_a_route_without_a_rule_keeps_the_service_from_starting(door: Door) -> None:
    router = APIRouter()

    @router.get("/forgotten")
    async def forgotten() -> str:
        return "open to all"

    with pytest.raises(RouteWithoutRule, match="/forgotten has 0 rules"):
        door.app(router)


def test_two_rules_on_a_route_contradict_each_other(door: Door) -> None:
    router = APIRouter(dependencies=[Depends(public())])

    @router.get("/both")
    async def both(caller: Annotated[Principal, Depends(allow(Role.OPS))]) -> str:
        return caller.subject

    with pytest.raises(RouteWithoutRule, match="/both has 2 rules"):
        door.app(router)


def test_a_route_that_bypasses_the_rules_keeps_the_service_from_starting(door: Door) -> None:
    async def asgi(scope: Any, receive: Any, send: Any) -> None:
        """Answer nothing."""

    for stranger in (Mount("/files", app=asgi), Route("/raw", endpoint=asgi)):
        app = door.app(routes())
        app.router.routes.append(stranger)
        with pytest.raises(RouteWithoutRule, match="only routes with a rule"):
            assert_every_route_has_a_rule(app)


def test_a_rule_that_lets_nobody_in_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="closes the route"):
        allow()


async def test_the_description_tells_who_may(door: Door) -> None:
    async with door.client(routes()) as client:
        document = (await client.get("/openapi.json")).json()

    operation = document["paths"]["/anywhere"]["get"]
    assert operation["security"] == [{"bearer": []}]
    assert "Roles: OPS. Scope: ANY." in operation["description"]
    assert {"401", "403"} <= set(operation["responses"])
    assert "security" not in document["paths"]["/anybody"]["get"]
    assert not {"401", "403"} & set(document["paths"]["/anybody"]["get"]["responses"])
    assert Path("/openapi.json").as_posix() not in document["paths"]
