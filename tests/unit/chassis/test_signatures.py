"""A webhook believes who holds the key, and only near the time that the signature names."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from chassis.signatures import WINDOW, NotSigned, check

NOW: Final = datetime(2026, 5, 30, 9, 30, tzinfo=UTC)
SENT: Final = str(int(NOW.timestamp()))
BODY: Final = b'{"message":"0412","state":"delivered"}'
# The signatures were made by another program: printf ... | openssl dgst -sha256 -hmac KEY
KEY, OLD = b"key-of-today", b"key-of-yesterday"
BY_KEY: Final = "v1=f5cd1245488e9a889389c81d8401d4601ac0018591c0ee1d43bb3c64e119574f"
BY_OLD: Final = "v1=6c5dd94a7e010b6cf82a712075c88e2aa04f0eec3cf50cecbd9f93e08a852217"


def judge(**changes: Any) -> None:
    given: dict[str, Any] = {
        "timestamp": SENT, "signatures": BY_KEY, "body": BODY, "keys": (KEY, OLD), "now": NOW, "window": WINDOW
    }  # fmt: skip
    check(**{**given, **changes})


def test_what_is_signed_with_a_key_that_is_known_is_believed() -> None:
    judge()
    judge(keys=(KEY,))


def test_while_one_key_takes_the_place_of_the_other_both_are_believed() -> None:
    judge(signatures=BY_OLD)
    judge(signatures=f"{BY_OLD}, {BY_KEY}", keys=(KEY,))


@pytest.mark.parametrize("aside", [WINDOW, -WINDOW])
def test_clocks_may_differ_a_little(aside: timedelta) -> None:
    judge(now=NOW + aside)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"body": BODY.replace(b"delivered", b"failed")}, id="another body"),
        pytest.param({"timestamp": str(int(SENT) + 1)}, id="another time"),
        pytest.param({"keys": (OLD,)}, id="a key that is out of use"),
        pytest.param({"keys": ()}, id="no key at all"),
        pytest.param({"keys": (), "signatures": ""}, id="nothing at all"),
        pytest.param({"signatures": ""}, id="no signature"),
        pytest.param({"signatures": BY_KEY.removeprefix("v1=")}, id="no scheme"),
        pytest.param({"signatures": BY_KEY.replace("v1", "v2")}, id="another scheme"),
        pytest.param({"signatures": BY_KEY[:-1]}, id="a part of it"),
        pytest.param({"signatures": "v1=é"}, id="letters that no signature has"),
        pytest.param({"signatures": ",".join([*["v1=0"] * 4, BY_KEY])}, id="hidden behind too many"),
        pytest.param({"timestamp": ""}, id="no time"),
        pytest.param({"timestamp": "yesterday"}, id="no number"),
        pytest.param({"timestamp": f"-{SENT}"}, id="before all time"),
        pytest.param({"timestamp": "9" * 400}, id="a number without end"),
        pytest.param({"timestamp": "١٧٨"}, id="digits of another script"),
        pytest.param({"now": NOW + WINDOW + timedelta(seconds=1)}, id="played again later"),
        pytest.param({"now": NOW - WINDOW - timedelta(seconds=1)}, id="from the future"),
    ],
)
def test_all_else_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(NotSigned) as refused:
        judge(**changes)

    assert refused.value.status == 401
