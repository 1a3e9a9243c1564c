"""The policy of access as files: what is read from them, and what is refused."""

from pathlib import Path

import pytest

from contracts.reference import ReferenceInvalid, load_reference
from contracts.reference.access_policy import ACCESS, Reach, load_access_policy
from contracts.roles import Role

ROW = """
[[route]]
method = "GET"
path = "/v1/things"
source = "2.3 things"
"""


@pytest.mark.parametrize(
    ("service", "route", "role", "adult", "child"),
    [
        ("registration", "POST /v1/registrations/{registration_id}/approval", "SECTION_HEAD_ADULT", Reach.BAPAS, None),
        ("registration", "POST /v1/registrations/{registration_id}/approval", "SECTION_HEAD_CHILD", None, Reach.BAPAS),
        ("registration", "POST /v1/registrations/{registration_id}/approval", "HEAD", None, None),
        ("registration", "GET /v1/releases/changes", "PRISON_SYSTEM", Reach.FACILITY, Reach.FACILITY),
        ("registration", "GET /v1/registrations/{registration_id}", "PRISON_SYSTEM", None, None),
        ("supervision", "GET /v1/supervisions", "PROBATION_OFFICER", Reach.BAPAS, Reach.CERTIFIED),
        ("supervision", "GET /v1/audit", "DIRECTORATE", Reach.ANY, Reach.ANY),
        ("supervision", "GET /v1/supervisions", "AUTHORITY", None, None),
    ],
)
def test_a_role_reaches_as_far_as_its_row_says(
    service: str, route: str, role: str, adult: Reach | None, child: Reach | None
) -> None:
    method, _, path = route.partition(" ")
    row = load_access_policy().of(service)[method, path]

    assert (row.reach(Role(role), juvenile=False), row.reach(Role(role), juvenile=True)) == (adult, child)


def test_every_role_of_the_network_is_either_named_somewhere_or_waits_for_its_service() -> None:
    named = {role for row in load_access_policy().rows for role in row.roles}

    assert set(Role) - named <= {Role.AUTHORITY}


def test_whoever_is_certified_for_children_has_a_role_that_the_policy_knows_as_certifiable() -> None:
    row = load_access_policy().of("registration")["GET", "/v1/registrations/{registration_id}"]
    certified = {officer.role for officer in load_reference().officers.values() if officer.child_certified}

    assert {row.names(role, juvenile=True) for role in certified} <= {Reach.CERTIFIED, Reach.BAPAS}


@pytest.mark.parametrize(
    ("text", "because"),
    [
        (ROW, "says either all, or adult and child"),
        (ROW + 'all = { BAPAS = ["HEAD"] }\nadult = { BAPAS = ["HEAD"] }\n', "says either all"),
        (ROW + 'all = { BAPAS = ["HEAD"] }\n' + ROW + 'all = { BAPAS = ["OPS"] }\n', "has two rows"),
        (ROW + 'all = { BAPAS = ["HEAD"], UNIT = ["HEAD"] }\n', "two reaches"),
        (ROW + 'all = { BAPAS = ["GUARD"] }\n', "GUARD"),
        (ROW + 'all = { BAPAS = ["staff"] }\n', "staff"),
        (ROW + 'all = { EVERYWHERE = ["HEAD"] }\n', "EVERYWHERE"),
        (ROW + 'all = { BAPAS = ["PRISON_OFFICER"] }\n', "the roles of prisons reach their facility"),
        (ROW + 'all = { FACILITY = ["HEAD"] }\n', "the roles of prisons reach their facility"),
        (ROW + 'adult = { CERTIFIED = ["HEAD"] }\n', "certified for children alone"),
        (ROW + 'adult = { BAPAS = ["HEAD"] }\nadult_named = { BAPAS = ["OPS"] }\n', "only who reaches a case"),
        (ROW + 'all = { BAPAS = ["HEAD"] }\nremark = "for now"\n', "remark"),
        ('[groups]\nstaff = ["HEAD"]\n', "groups"),
        ("[[route]\n", "access.toml"),
    ],
)
def test_a_file_that_cannot_be_meant_so_is_refused(tmp_path: Path, text: str, because: str) -> None:
    (tmp_path / "access.toml").write_text(text)

    with pytest.raises(ReferenceInvalid, match=because):
        load_access_policy(tmp_path)


def test_what_every_service_serves_is_a_row_of_each(tmp_path: Path) -> None:
    (tmp_path / "every_service.toml").write_text((ACCESS / "every_service.toml").read_text())
    for service in ("archive", "library"):
        (tmp_path / f"{service}.toml").write_text(ROW + 'all = { UNIT = ["HEAD"] }\n')

    policy = load_access_policy(tmp_path)

    assert policy.services == ("archive", "library")
    assert policy.of("archive").keys() == policy.of("library").keys() > {("GET", "/v1/things"), ("GET", "/livez")}
