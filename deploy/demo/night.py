"""The checks on the night: walk-ins are one case, alerts climb, offered clients stay ours, holes are found in time."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from contracts.registration import (
    ClientHandedOn,
    ClientTransferOffered,
    FirstContactOverdue,
    RegistrationOpened,
    TransferOfferOverdue,
)
from contracts.roles import Role
from deploy.demo.facts import Alert, Case, Facts, Notice
from deploy.demo.officers import Shift
from deploy.demo.scenario import Do, Report, Shows
from deploy.demo.told import ROSTER_GAP, arrivals, carried_as, notices_of_the_night
from deploy.demo.topics import Record
from deploy.demo.verdict import Verdict

ALARMS: Final = ("released", "walked-in")
RUNGS: Final[Mapping[str, Role]] = {
    "climbed-to-section-head": Role.SECTION_HEAD_ADULT,
    "climbed-to-head": Role.HEAD,
    "unanswered": Role.OPS,
}
"""What is told one rung after the other of an alert that nobody acknowledges, and to whom."""
CLIMBS_POLICY, GAP_POLICY = "ALERT-UNACKNOWLEDGED", "ROSTER-GAP"
NO_READER: Final = "NOT_AVAILABLE"
NOTHING: Final = "the sheets show none"


def who_walked_in_is_one_case(facts: Facts) -> Verdict:
    """Met before any prison had said a word, given a slip; the report is bound to it and alarms nobody once more."""
    problems: list[str] = []
    words = []
    for name in facts.scenario.shown(Shows.WALK_IN):
        case, report = facts.case_of(name), facts.scenario.first(name)
        if case is None or case.met_at is None:
            problems.append(f"case {name} was never met")
            continue
        told = [notice for notice in facts.notices if notice.about in _ids(case, facts) and notice.occasion in ALARMS]
        problems += [
            f"case {name}: {problem}" for problem in (*_not_one(name, case, report, facts), *_alarmed(told, report))
        ]
        late = (report.at - case.met_at) / timedelta(hours=1)
        words.append(
            f"case {name} was met {_time(case.met_at, facts)}, fingerprint {case.fingerprint}, slip {case.slip_code}; "
            f"{report.facility} reported {late:.1f} h later, and {len(told)} notices told it once"
        )
    return Verdict.on(
        "whoever walked in is one case, and nobody was alarmed twice", numbers=_said(words), problems=problems
    )


def _not_one(name: str, case: Case, report: Report, facts: Facts) -> Iterator[str]:
    if case.met_at is None or case.met_at >= report.at:
        yield "its prison had reported before it was met"
    if case.fingerprint != NO_READER:
        yield f"the fingerprint is {case.fingerprint}"
    slips = [slip.code for slip in facts.slips if slip.case == name]
    if slips != [case.slip_code]:
        yield f"the slips {slips} were handed out, and the case knows {case.slip_code}"
    bound = [other.release_id for other in facts.cases if other.bound_to == case.registration_id]
    if bound != [report.release_id]:
        yield f"the releases {bound} are bound to it, and its prison reported {report.release_id}"
    opened = Counter(record.subject for record in facts.records_of(RegistrationOpened.type))
    for one in _ids(case, facts):
        if opened[str(one)] != int(one == case.registration_id):
            yield f"{one} was opened {opened[str(one)]} times"


def _alarmed(told: Sequence[Notice], report: Report) -> Iterator[str]:
    if not told:
        yield "nobody was told"
    yield from (
        f"{notice.recipient} was told {notice.occasion} when the prison reported"
        for notice in told
        if notice.created_at is None or notice.created_at >= report.at
    )
    counted = Counter((notice.recipient, notice.channel) for notice in told)
    yield from (f"{who} was told {times} times by {way}" for (who, way), times in counted.items() if times > 1)


def _ids(case: Case, facts: Facts) -> list[UUID]:
    """The registration, and the lines that point to it."""
    bound = [other.registration_id for other in facts.cases if other.bound_to == case.registration_id]
    return [case.registration_id, *bound]


def alerts_climb_until_somebody_answers(facts: Facts) -> Verdict:
    """What nobody acknowledges is told one rung higher, each time the span of the policy later; else to nobody more."""
    problems: list[str] = []
    words = []
    for name in facts.scenario.shown(Shows.CLIMBS):
        alert, climbs = _alert(name, facts), _climbs(name, facts)
        problems += [f"case {name}: {problem}" for problem in _not_climbed(alert, climbs, facts)]
        rungs = dict.fromkeys(f"{notice.recipient} {_time(notice.created_at, facts)}" for notice in climbs)
        words.append(f"case {name} climbed to {', '.join(rungs)}")
    for name in facts.scenario.shown(Shows.ACKNOWLEDGED):
        alert, climbs = _alert(name, facts), _climbs(name, facts)
        problems += [f"case {name}: {problem}" for problem in _not_acknowledged(name, alert, climbs, facts)]
        if alert is not None:
            words.append(
                f"case {name} was acknowledged by {alert.acknowledged_by} {_time(alert.acknowledged_at, facts)}"
            )
    return Verdict.on("an alert climbs until somebody answers, and no further", numbers=_said(words), problems=problems)


def _alert(name: str, facts: Facts) -> Alert | None:
    one = facts.scenario.registrations[name]
    return next((alert for alert in facts.alerts if alert.about == one and alert.occasion in ALARMS), None)


def _climbs(name: str, facts: Facts) -> list[Notice]:
    one = facts.scenario.registrations[name]
    return [notice for notice in facts.notices if notice.about == one and notice.occasion in RUNGS]


def _not_climbed(alert: Alert | None, climbs: Sequence[Notice], facts: Facts) -> Iterator[str]:
    if alert is None:
        yield "there was no alert"
        return
    step = timedelta(hours=facts.reference.policies[CLIMBS_POLICY].amount)
    for rung, (occasion, role) in enumerate(RUNGS.items(), start=1):
        due = alert.raised_at + rung * step
        told = [notice for notice in climbs if notice.occasion == occasion]
        if {facts.role_of(notice.recipient) for notice in told} != {role.value}:
            yield f"{occasion} was told to {sorted({notice.recipient for notice in told})}"
        yield from (
            f"{occasion} was told {_time(notice.created_at, facts)}, not {_time(due, facts)}"
            for notice in told
            if notice.created_at != due
        )


def _not_acknowledged(name: str, alert: Alert | None, climbs: Sequence[Notice], facts: Facts) -> Iterator[str]:
    act = next((act for act in facts.scenario.acts if act.case == name and act.do is Do.ACKNOWLEDGE), None)
    if alert is None or act is None:
        yield "there was no alert, or nobody to acknowledge it"
        return
    if (alert.state, alert.acknowledged_by, alert.acknowledged_at) != ("acknowledged", act.officer, act.at):
        yield f"its alert is {alert.state}, by {alert.acknowledged_by} {_time(alert.acknowledged_at, facts)}"
    yield from (f"{notice.recipient} was told {notice.occasion} all the same" for notice in climbs)


def offered_clients_stay_ours(facts: Facts) -> Verdict:
    """Another office was asked and did not answer: our clocks rang meanwhile, and the section head heard of it."""
    problems: list[str] = []
    words = []
    for name in facts.scenario.shown(Shows.OFFERED):
        case, one = facts.case_of(name), str(facts.scenario.registrations[name])
        of = {event: [r for r in facts.records_of(event.type) if r.subject == one] for event in _OFFER}
        if case is None or len(of[ClientTransferOffered]) != 1 or len(of[TransferOfferOverdue]) != 1:
            problems.append(f"case {name} was offered {len(of[ClientTransferOffered])} times, "
                            f"and found unanswered {len(of[TransferOfferOverdue])} times")  # fmt: skip
            continue
        offered, overdue = of[ClientTransferOffered][0], of[TransferOfferOverdue][0]
        rung = _after(of[FirstContactOverdue], offered)
        problems += [f"case {name}: {problem}" for problem in _not_ours(case, of[ClientHandedOn], rung, overdue, facts)]
        words.append(
            f"case {name} was offered to {offered.data['to_office']} {_at(offered, 'offered_at', facts)}; "
            f"{len(rung)} clock of ours rang since; no answer by {_at(overdue, 'due_at', facts)}: {case.status}"
        )
    return Verdict.on("an offered client stays ours, and our clocks go on", numbers=_said(words), problems=problems)


_OFFER: Final = (ClientTransferOffered, TransferOfferOverdue, FirstContactOverdue, ClientHandedOn)


def _after(records: Sequence[Record], offered: Record) -> list[Record]:
    offered_at = datetime.fromisoformat(str(offered.data["offered_at"]))
    return [record for record in records if datetime.fromisoformat(str(record.data["due_at"])) > offered_at]


def _not_ours(
    case: Case, handed_on: Sequence[Record], rung: Sequence[Record], overdue: Record, facts: Facts
) -> Iterator[str]:
    if handed_on or case.offered_to is None or not case.clocks:
        yield f"it is {case.status}, offered to {case.offered_to}, with the clocks {case.clocks}"
    if not rung:
        yield "none of our clocks rang after it was offered"
    due = datetime.fromisoformat(str(overdue.data["due_at"]))
    told = [n for n in facts.notices if n.about == case.registration_id and n.occasion == "offer-overdue"]
    if {facts.role_of(notice.recipient) for notice in told} != {Role.SECTION_HEAD_ADULT.value}:
        yield f"that nobody answered was told to {sorted({notice.recipient for notice in told})}"
    yield from (
        f"that nobody answered was told {_time(notice.created_at, facts)}"
        for notice in told
        if notice.created_at != due
    )


def holes_are_found_in_time(facts: Facts) -> Verdict:
    """A hole in the plan is told as long before as the policy says; what happens in it falls to the head office."""
    ahead = timedelta(hours=facts.reference.policies[GAP_POLICY].amount)
    alerts = [alert for alert in facts.alerts if alert.occasion == ROSTER_GAP]
    expected = {(unit, starts_at - ahead) for unit, starts_at, _ in holes_of(facts.shifts)}
    found = Counter((alert.unit, alert.raised_at) for alert in alerts)
    problems = [
        f"the hole at {unit} was told {found[unit, at]} times {_time(at, facts)}"
        for unit, at in expected | found.keys()
        if found[unit, at] != int((unit, at) in expected)
    ]
    answered = []
    for unit, starts_at, ends_at in holes_of(facts.shifts):
        for case in facts.cases:
            if case.unit == unit and case.released_at and starts_at <= case.released_at < ends_at:
                told = {n.recipient for n in facts.notices if n.about == case.registration_id and n.occasion in ALARMS}
                duty = sorted(code for code in told if _unit(code, facts) == facts.reference.head_office.code)
                problems += (
                    [] if duty else [f"{facts.case_name(case.registration_id)} was told to nobody at head office"]
                )
                answered.append(f"{facts.case_name(case.registration_id)} fell to {', '.join(duty)}")
    words = [f"{alert.unit} was told {_time(alert.raised_at, facts)}, {alert.state}" for alert in alerts]
    return Verdict.on(
        "a hole in the roster is found in time, and somebody answers",
        numbers=_said([*words, *answered]),
        problems=problems,
    )


def holes_of(shifts: Sequence[Shift]) -> list[tuple[str, datetime, datetime]]:
    """Unit, beginning and end of each span between two shifts in which nobody is planned."""
    found = []
    for unit in dict.fromkeys(shift.unit for shift in shifts):
        own = sorted((shift for shift in shifts if shift.unit == unit), key=lambda shift: shift.starts_at)
        until = own[0].ends_at
        for shift in own[1:]:
            if shift.starts_at > until:
                found.append((unit, until, shift.starts_at))
            until = max(until, shift.ends_at)
    return found


def who_was_told_has_it(facts: Facts) -> Verdict:
    """Whatever the ledger says of the night lies in the mailbox or at the gateway, addressed to just that person."""
    notices, arrived = notices_of_the_night(facts), arrivals(facts)
    problems = []
    for notice in notices:
        if notice.state != "delivered" or notice.settled_at is None:
            problems.append(f"{notice.recipient} was told {notice.occasion} by {notice.channel}: {notice.state}")
        elif notice.channel != "IN_APP" and tuple(arrived.get(carried_as(notice), ())) != _where(notice, facts):
            problems.append(f"{notice.occasion} did not come to {notice.recipient} by {notice.channel}")
    ways = Counter(notice.channel for notice in notices)
    problems += [f"nobody was told by {way}" for way in ("EMAIL", "GATEWAY") if notices and not ways[way]]
    people = len({notice.recipient for notice in notices})
    numbers = f"{people} people: {ways['IN_APP']} in the application, {ways['EMAIL']} mails, {ways['GATEWAY']} messages"
    return Verdict.on("whoever was told that night has it, by mail or message", numbers=numbers, problems=problems)


def _where(notice: Notice, facts: Facts) -> tuple[str | None, ...]:
    address = facts.addresses[notice.recipient]
    return (address.phone,) if notice.channel == "GATEWAY" else (address.email,)


def _unit(officer: str, facts: Facts) -> str | None:
    known = facts.reference.officers.get(officer)
    return known.unit if known else None


def _time(instant: datetime | None, facts: Facts) -> str:
    return "never" if instant is None else f"{instant.astimezone(facts.reference.zone):%a %H:%M}"


def _at(record: Record, name: str, facts: Facts) -> str:
    return _time(datetime.fromisoformat(str(record.data[name])), facts)


def _said(words: Sequence[str]) -> str:
    return "\n".join(words) or NOTHING
