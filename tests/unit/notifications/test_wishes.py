"""What an officer says of how they want to be told: bounded, in place of the office's setting, never unreachable."""

from datetime import time, timedelta
from typing import Final

import pytest

from contracts.notifications import Channel
from services.notifications.domain.audience import Contact, Contacts
from services.notifications.domain.ledger import Urgency
from services.notifications.domain.preference import (
    NEVER_HELD,
    Preferences,
    QuietHours,
    Wish,
    WishInvalid,
    WishPassed,
    available,
    say,
    wished,
)
from tests.unit.notifications.builders import MOMENT
from tests.unit.notifications.test_reminding import ZONE

GATEWAY, EMAIL, IN_APP = Channel.GATEWAY, Channel.EMAIL, Channel.IN_APP
BOTH: Final = (GATEWAY, EMAIL)
OFFICER: Final = "PO-HQ-01"
NIGHT: Final = QuietHours(time(21), time(6))
AT_NIGHT: Final = MOMENT + timedelta(hours=6)
"""22:30 by the office's clock."""
CONTACT: Final = Contact(OFFICER, "a@bapas.example", (IN_APP, EMAIL), phone="+6281200000001")


def a_wish(channels: tuple[Channel, ...] = (), quiet: QuietHours | None = None, known: Wish | None = None) -> Wish:
    """What the officer says, and it can be."""
    return say(known, officer=OFFICER, channels=channels, quiet=quiet, available=BOTH, version=None, now=MOMENT)


def test_ways_are_open_that_are_set_up_and_for_which_an_address_is_known() -> None:
    assert available(CONTACT, BOTH) == (GATEWAY, EMAIL)
    assert available(CONTACT, (EMAIL,)) == (EMAIL,), "no gateway is set up"
    assert available(Contact(OFFICER, None, (IN_APP,)), BOTH) == ()


def test_what_is_said_takes_the_place_of_the_offices_setting_for_its_officer_alone() -> None:
    other = Contact("PO-HQ-02", "b@bapas.example", (IN_APP, EMAIL))
    contacts = Contacts({OFFICER: CONTACT, other.officer: other})

    ways = wished(contacts, Preferences(), [a_wish((GATEWAY,), NIGHT)], BOTH)

    assert ways.contacts.of(OFFICER).channels == (IN_APP, GATEWAY)
    assert ways.contacts.of("PO-HQ-02") == other
    assert ways.preferences.quiet_of(OFFICER, unit=None) == NIGHT
    assert ways.preferences.quiet_of("PO-HQ-02", unit=None) is None


def test_nobody_makes_themselves_unreachable() -> None:
    assert wished(Contacts({OFFICER: CONTACT}), Preferences(), [a_wish()], BOTH).contacts.of(OFFICER).channels == (
        IN_APP,
    )
    lost = wished(Contacts({}), Preferences(), [a_wish(BOTH)], BOTH).contacts.of(OFFICER)
    assert lost.channels == (IN_APP,), "an address that the office has no more is passed over"


def test_no_quiet_hours_of_ones_own_are_none_although_the_unit_has_some() -> None:
    office = Preferences(quiet_by_unit={"PLG-HQ": NIGHT}, quiet_by_officer={OFFICER: NIGHT})

    ways = wished(Contacts(), office, [a_wish()], BOTH)

    assert ways.preferences.quiet_of(OFFICER, unit="PLG-HQ") is None
    assert ways.preferences.quiet_of("PO-HQ-02", unit="PLG-HQ") == NIGHT


@pytest.mark.parametrize("deadline", sorted(NEVER_HELD))
def test_no_hours_hold_what_a_statute_or_a_first_contact_waits_for(deadline: str) -> None:
    silent = QuietHours(time(20), time(8), holds_urgent=True)
    ways = wished(Contacts(), Preferences(), [a_wish((), silent)], BOTH)

    def held(serves: str | None) -> object:
        return ways.preferences.held_until(
            OFFICER, unit=None, urgency=Urgency.URGENT, deadline=serves, now=AT_NIGHT, zone=ZONE
        )

    assert held(deadline) is None
    assert held(None) is not None


@pytest.mark.parametrize(
    ("begins", "ends", "can_be"),
    [
        (time(21), time(6), True),
        (time(20), time(8), True),
        (time(20), time(8, 1), False),
        (time(12), time(12), False),
        (time(0), time(23, 59), False),
        (time(13), time(14), True),
    ],
)
def test_quiet_hours_last_at_most_half_a_day(begins: time, ends: time, *, can_be: bool) -> None:
    if can_be:
        assert a_wish((), QuietHours(begins, ends)).quiet is not None
    else:
        with pytest.raises(WishInvalid):
            a_wish((), QuietHours(begins, ends))


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(WishInvalid) as found:
        say(None, officer=OFFICER, channels=(GATEWAY, EMAIL, EMAIL), quiet=QuietHours(time(1), time(1)),
            available=(EMAIL,), version=None, now=MOMENT)  # fmt: skip

    assert [where for where, _ in found.value.problems] == ["channels", "channels", "quiet_hours"]


def test_somebody_who_read_an_older_version_changes_nothing() -> None:
    first = a_wish((EMAIL,))
    second = a_wish((GATEWAY,), known=first)

    assert (first.version, second.version) == (1, 2)
    for known, version in ((None, 1), (first, 0), (second, 1)):
        with pytest.raises(WishPassed):
            say(known, officer=OFFICER, channels=(), quiet=None, available=BOTH, version=version, now=MOMENT)
    assert say(second, officer=OFFICER, channels=(), quiet=None, available=BOTH, version=2, now=MOMENT).version == 3
