"""A bearer token for development, signed with the key of deploy/secrets, on standard output.

docker compose run --rm -T token --role REGISTRAR --unit PLG-HQ
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import jwt

from contracts.roles import Role

SECRETS: Final = Path("/run/secrets")
LIFETIME_SECONDS: Final = 12 * 3600


def main(argv: Sequence[str] | None = None, *, secrets: Path = SECRETS) -> None:
    """Print the token."""
    arguments = _parser().parse_args(argv)
    now = int(time.time())
    claims = {
        "iss": os.environ["AUTH_ISSUER"],
        "aud": os.environ["AUTH_AUDIENCE"],
        "sub": arguments.sub or "-".join(role.lower() for role in arguments.role),
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "roles": arguments.role,
        **{name: value for name in ("unit", "facility") if (value := getattr(arguments, name))},
    }
    key_id = json.loads((secrets / "token_jwks").read_text())["keys"][0]["kid"]
    private_key = (secrets / "token_private_key").read_text()
    sys.stdout.write(jwt.encode(claims, private_key, algorithm="RS256", headers={"kid": key_id}) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="token", description="A bearer token for development.")
    roles = [role.value for role in Role]
    parser.add_argument("--role", action="append", required=True, choices=roles, help="may be given more than once")
    parser.add_argument("--unit", help="the unit of an officer, say PLG-HQ")
    parser.add_argument("--facility", help="the facility of a prison's caller, say LP1-PLG")
    parser.add_argument("--sub", help="who calls; by default the role")
    return parser


if __name__ == "__main__":
    main()
