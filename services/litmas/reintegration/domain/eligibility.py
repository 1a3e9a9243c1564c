"""Whether the law's conditions for a programme look met: told to those who work on the report, and never decided here.

The prison owns the proposal. Fractions of a sentence are taken as the prison gives them; whether somebody behaved well
is nothing that can be counted. Each rule carries its source; a rule whose data are missing is unknown, not unmet.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from contracts.inquiries import Programme, Sentence, SentenceKind
from contracts.lapas import LitmasRequested

DAYS_OF_YEAR: Final = 365
DAYS_OF_MONTH: Final = 30
NINE_MONTHS_DAYS: Final = 9 * DAYS_OF_MONTH
LEAVE_DAYS_MAX: Final = DAYS_OF_YEAR + 6 * DAYS_OF_MONTH
"""One year and six months."""


class Verdict(StrEnum):
    """What can be said of a rule from the papers alone."""

    MET = "MET"
    NOT_MET = "NOT_MET"
    UNKNOWN = "UNKNOWN"


Looks = Callable[[LitmasRequested, date], Verdict]


@dataclass(frozen=True)
class Rule:
    """A condition, for which programmes, what the law says, and how it is looked at."""

    code: str
    programmes: frozenset[Programme]
    source: str
    looks: Looks


@dataclass(frozen=True)
class Advice:
    """How a rule looks for a programme."""

    programme: Programme
    rule: str
    verdict: Verdict
    source: str


def advised(request: LitmasRequested, *, on: date) -> tuple[Advice, ...]:
    """Every rule of every programme that was asked for, as it looks on this day."""
    return tuple(
        Advice(programme, rule.code, rule.looks(request, on), rule.source)
        for programme in request.programmes
        for rule in RULES
        if programme in rule.programmes
    )


def _reached(day: date | None, on: date) -> Verdict:
    return Verdict.UNKNOWN if day is None else _said(day <= on)


def _said(is_met: bool) -> Verdict:  # noqa: FBT001  a truth to be put into a word
    return Verdict.MET if is_met else Verdict.NOT_MET


def _two_thirds(request: LitmasRequested, on: date) -> Verdict:
    return _reached(request.two_thirds_on, on)


def _half(request: LitmasRequested, on: date) -> Verdict:
    return _reached(request.half_on, on)


def _nine_months(request: LitmasRequested, _on: date) -> Verdict:
    """Two thirds of the sentence are at least nine months."""
    if request.two_thirds_on is None or request.sentence_from is None:
        return Verdict.UNKNOWN
    return _said(request.two_thirds_on - request.sentence_from >= timedelta(days=NINE_MONTHS_DAYS))


def _at_most_eighteen_months(request: LitmasRequested, _on: date) -> Verdict:
    return Verdict.UNKNOWN if request.sentence is None else _said(_days_of(request.sentence) <= LEAVE_DAYS_MAX)


def _at_least_a_year(request: LitmasRequested, _on: date) -> Verdict:
    return Verdict.UNKNOWN if request.sentence is None else _said(_days_of(request.sentence) >= DAYS_OF_YEAR)


def _a_term(request: LitmasRequested, _on: date) -> Verdict:
    if request.sentence is None:
        return Verdict.UNKNOWN
    return _said(request.sentence.kind is SentenceKind.TERM)


def _no_register_f(request: LitmasRequested, _on: date) -> Verdict:
    return Verdict.UNKNOWN if request.register_f is None else _said(not request.register_f)


def _guarantor(request: LitmasRequested, _on: date) -> Verdict:
    guarantor = request.guarantor
    return _said(guarantor is not None and guarantor.name is not None)


def _days_of(sentence: Sentence) -> int:
    """Months and years in round days: enough to warn, and never to decide."""
    if sentence.kind is not SentenceKind.TERM:
        return 10 * LEAVE_DAYS_MAX
    return sentence.years * DAYS_OF_YEAR + sentence.months * DAYS_OF_MONTH + sentence.days


def _for(programmes: Iterable[Programme]) -> frozenset[Programme]:
    return frozenset(programmes)


_RIGHTS: Final = _for(
    (
        Programme.ASSIMILATION,
        Programme.FAMILY_VISIT_LEAVE,
        Programme.CONDITIONAL_LEAVE,
        Programme.PRE_RELEASE_LEAVE,
        Programme.CONDITIONAL_RELEASE,
    )
)
_RELEASES: Final = _for((Programme.CONDITIONAL_RELEASE, Programme.PRE_RELEASE_LEAVE))
RULES: Final = (
    Rule("NOT_LIFE_OR_DEATH", _RIGHTS, "UU 22/2022 art. 10", _a_term),
    Rule("GOOD_CONDUCT", _RIGHTS, "UU 22/2022 art. 10; Permenkumham 3/2018 art. 44, 67, 82, 102, 114", _no_register_f),
    Rule("TWO_THIRDS_SERVED", _RELEASES, "UU 22/2022 art. 10; Permenkumham 3/2018 art. 82, 102", _two_thirds),
    Rule("TWO_THIRDS_ARE_NINE_MONTHS", _RELEASES, "Permenkumham 3/2018 art. 82, 102", _nine_months),
    Rule(
        "TWO_THIRDS_SERVED",
        _for((Programme.CONDITIONAL_LEAVE,)),
        "Permenkumham 3/2018 art. 114",
        _two_thirds,
    ),
    Rule(
        "AT_MOST_18_MONTHS",
        _for((Programme.CONDITIONAL_LEAVE,)),
        "Permenkumham 3/2018 art. 114",
        _at_most_eighteen_months,
    ),
    Rule(
        "HALF_SERVED",
        _for((Programme.ASSIMILATION,)),
        "Permenkumham 3/2018 art. 44; two thirds for the offences of Permenkumham 7/2022 art. 45",
        _half,
    ),
    Rule("HALF_SERVED", _for((Programme.FAMILY_VISIT_LEAVE,)), "Permenkumham 3/2018 art. 67", _half),
    Rule("AT_LEAST_12_MONTHS", _for((Programme.FAMILY_VISIT_LEAVE,)), "Permenkumham 3/2018 art. 67", _at_least_a_year),
    Rule("FAMILY_GUARANTEE", _RIGHTS, "Permenkumham 3/2018 art. 67; prisons' lists of papers", _guarantor),
)
"""The rules of adults as data; special offences (narcotics of five years and more, terrorism, corruption) ask for more
than can be read from a request, and are looked at by people."""
