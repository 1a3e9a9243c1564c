"""The policy of access and the rules in the code are written apart and say the same of every route."""

from functools import cache

import pytest

from chassis.access import Allowed, Public, Rule, Scope, rules_of
from chassis.documents.verification import HeldInHand
from chassis.signatures import Signed
from contracts.reference.access_policy import AccessPolicy, AccessRow, Reach, load_access_policy
from contracts.roles import Role
from tests.architecture.services import SERVICES, all_routes

POLICY = load_access_policy()
SCOPE_OF = {
    Reach.OWN: {Scope.BAPAS},
    Reach.IN_CHARGE: {Scope.BAPAS},
    Reach.CERTIFIED: {Scope.BAPAS},
    Reach.BAPAS: {Scope.BAPAS},
    # A prison among the roles of the office is told apart by its facility behind the rule.
    Reach.FACILITY: {Scope.BAPAS, Scope.FACILITY},
    Reach.UNIT: {Scope.UNIT},
    Reach.ANY: {Scope.ANY},
}

OPEN_TO: dict[type[Rule], str] = {Public: "EVERYBODY", Signed: "SIGNER", HeldInHand: "HOLDER"}


@cache
def rules(service: str) -> dict[tuple[str, str], Rule]:
    """The rule of every route that a service serves, its chassis' routes too."""
    return {
        (method, str(route.path_format)): rules_of(route)[0]
        for route in all_routes(service)
        for method in route.methods or ()
    }


def disagreements(policy: AccessPolicy, service: str) -> list[str]:
    """Where the policy and the rules of a service say different things."""
    rows, served = policy.of(service), rules(service)
    found = [f"{method} {path}: no row" for method, path in sorted(served.keys() - rows.keys())]
    found += [f"{method} {path}: no such route" for method, path in sorted(rows.keys() - served.keys())]
    for key in sorted(rows.keys() & served.keys()):
        if not agree(rows[key], served[key]):
            found.append(f"{' '.join(key)}: the rule in the code is another one")
    return found


def agree(row: AccessRow, rule: Rule) -> bool:
    """Whether a row says of a route what its rule says, as far as a rule reaches."""
    if not isinstance(rule, Allowed):
        return row.open_to == OPEN_TO.get(type(rule), "")
    reaches = {reach for _, reach in row.pairs()}
    narrow = rule.scope is Scope.FACILITY and reaches != {Reach.FACILITY}
    return row.open_to is None and rule.roles == row.roles and not narrow and all(
        rule.scope in SCOPE_OF[reach] for reach in reaches
    )  # fmt: skip


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_of_a_service_has_one_row_that_says_what_its_rule_says(service: str) -> None:
    assert len(rules(service)) > 15
    assert disagreements(POLICY, service) == []


def test_the_policy_has_no_rows_of_a_service_that_is_not_there() -> None:
    assert set(POLICY.services) <= set(SERVICES)


@pytest.mark.parametrize("row", [row for row in POLICY.rows if row.service == "registration"], ids=lambda row: row.path)
def test_a_row_that_lets_one_more_role_in_disagrees(row: AccessRow) -> None:
    role = next(role for role in (Role.AUTHORITY, Role.TPP_CHAIR) if role not in row.roles)
    changed = AccessRow.model_validate(
        {**row.model_dump(), "open_to": None, "all": {}, "adult": {role: Reach.BAPAS}, "child": {role: Reach.BAPAS}}
        | {"adult_named": {}, "child_named": {}}
    )
    policy = AccessPolicy(tuple(changed if each is row else each for each in POLICY.rows))

    assert disagreements(policy, row.service) == [f"{row.method} {row.path}: the rule in the code is another one"]
