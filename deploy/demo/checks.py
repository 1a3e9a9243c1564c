"""Nothing lost, nothing doubled: all the checks, in the order in which they are shown."""

from collections.abc import Callable, Sequence
from typing import Final

from deploy.demo import accounts, deliveries, night
from deploy.demo.facts import Facts
from deploy.demo.verdict import Verdict

CHECKS: Final[Sequence[Callable[[Facts], Verdict]]] = (
    accounts.every_report_has_one_outcome,
    accounts.every_registration_once,
    accounts.every_client_is_accounted_for,
    accounts.every_number_once,
    accounts.every_client_is_guided_once,
    deliveries.every_event_once_and_in_order,
    deliveries.every_outbox_is_empty,
    deliveries.every_inbox_is_complete,
    deliveries.every_rung_once,
    deliveries.every_mail_once,
    deliveries.nobody_is_named,
    night.who_walked_in_is_one_case,
    night.alerts_climb_until_somebody_answers,
    night.offered_clients_stay_ours,
    night.holes_are_found_in_time,
    night.who_was_told_has_it,
)


def judged(facts: Facts) -> list[Verdict]:
    """What each check says about the facts."""
    return [check(facts) for check in CHECKS]
