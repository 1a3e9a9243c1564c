"""What the doors of every service take beside their own: a page, a key, the version that was read, and who acts."""

import re
from typing import Annotated, Final

from fastapi import Depends, Header

from chassis.access import Principal
from chassis.idempotency import IdempotentRequest, idempotent
from chassis.paging import PageRequest, page_request
from chassis.problems import BadRequest
from chassis.transaction import Actor
from contracts.roles import Role

Once = Annotated[IdempotentRequest | None, Depends(idempotent)]
AskedPage = Annotated[PageRequest, Depends(page_request)]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The version that was read, in quotes: refused when it is another by now",
        json_schema_extra={"pattern": '^"[0-9]{1,9}"$'},
    ),
]

_VERSION: Final = re.compile(r'"[0-9]{1,9}"')


def version_of(if_match: str | None) -> int | None:
    """The version that somebody read, from `If-Match`; none where they do not say.

    Raises BadRequest for anything but a version in quotes.
    """
    if if_match is None:
        return None
    if _VERSION.fullmatch(if_match) is None:
        raise BadRequest(where="header.If-Match", what="it must be a version in quotes")
    return int(if_match.strip('"'))


def actor_of(caller: Principal, *roles: Role) -> Actor:
    """The caller in the first of these roles that it has."""
    role = next((role for role in roles if role in caller.roles), None)
    return Actor("person", caller.subject, role, caller.unit)
