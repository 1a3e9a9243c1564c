"""Tokens for development are signed as a real issuer's are."""

import stat
from pathlib import Path

import jwt
import pytest

from deploy.local.tokens import AUDIENCE, ISSUER, Holder, Issuer


def test_a_token_is_verified_by_the_published_key(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path / "auth")

    token = issuer.issue(Holder(roles=("REGISTRAR", "OPS"), unit="PLG-HQ", facility="LP1-PLG", subject="rina"))

    [key] = jwt.PyJWKSet.from_json(issuer.jwks_file.read_text()).keys
    claims = jwt.decode(
        token, key, algorithms=["RS256"], issuer=ISSUER, audience=AUDIENCE, options={"require": ["exp", "iat", "sub"]}
    )
    assert jwt.get_unverified_header(token)["kid"] == key.key_id
    assert {name: claims[name] for name in ("sub", "roles", "unit", "facility")} == {
        "sub": "rina",
        "roles": ["REGISTRAR", "OPS"],
        "unit": "PLG-HQ",
        "facility": "LP1-PLG",
    }


def test_the_private_key_is_for_its_owner_alone_and_stays(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path / "auth")
    issuer.prepare()
    first = issuer.private_key_file.read_text()

    Issuer(tmp_path / "auth").prepare()

    assert stat.S_IMODE(issuer.private_key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(issuer.private_key_file.parent.stat().st_mode) == 0o700
    assert issuer.private_key_file.read_text() == first
    assert "PRIVATE" not in issuer.jwks_file.read_text()
    assert '"d"' not in issuer.jwks_file.read_text()


def test_a_token_runs_out(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path / "auth")
    token = issuer.issue(Holder(roles=("OPS",)), lifetime_seconds=-1)
    [key] = jwt.PyJWKSet.from_json(issuer.jwks_file.read_text()).keys

    with pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(token, key, algorithms=["RS256"], audience=AUDIENCE)
