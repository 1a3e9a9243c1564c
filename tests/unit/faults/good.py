"""The history of a weekend at which nothing was broken, with everything in it that looks broken and is not."""

from tests.unit.faults.story import Row, registration_of
from tests.unit.faults.weekend import Weekend

ADDRESSEE = "PO-HQ-01"


def good() -> Weekend:
    """One client registered, one awaited, letters of every kind, copies, a mail that may have been sent twice."""
    weekend = Weekend()
    first = weekend.report("A", 1)
    weekend.open(first)
    weekend.skip("registration", weekend.again(first))
    weekend.meet("A")
    weekend.submit("A")
    weekend.approve("A")
    weekend.open(weekend.report("B", 1))
    weekend.correct(weekend.report("B", 2))
    held_and_retried(weekend)
    given_up(weekend)
    refused(weekend)
    weekend.skip("registration", weekend.report("F", 1, "cell-painted", headers={"ce_type": "lapas.cell-painted.v1"}))
    for release in ("B", "C", "E"):
        weekend.ring(release)
    weekend.relay("registration")
    everybody_reads(weekend)
    weekend.relay("supervision")
    weekend.relay("notifications")
    opened, first_check_in = weekend.topics["supervision.events"]
    weekend.skip("notifications", opened)
    weekend.expect(first_check_in)
    for service, release, answer in (
        ("registration", "A", {"status": 200, "body": {"status": "registered"}}),
        ("registration", "D", {"status": 404, "body": {}}),
        ("supervision", "A", {"status": 200, "body": {"stage": "FIRST"}}),
        ("supervision", "B", {}),
    ):
        weekend.answers.append({"service": service, "registration_id": registration_of(release), **answer})
    return weekend


def held_and_retried(weekend: Weekend) -> None:
    """A broken report holds its subject; once it is corrected, what waited follows."""
    broken = weekend.report("C", 1, poison="schema")
    letter = weekend.park(broken)
    behind = weekend.report("C", 2)
    waiting = weekend.wait(behind)
    weekend.act(letter, "retry")
    with weekend.transaction("registration") as step:
        weekend.opened(step, broken)
        step.settle(letter, "resolved")
        weekend.noted(step, letter, "retry")
    with weekend.transaction("registration") as step:
        weekend.corrected(step, behind)
        step.settle(waiting, "resolved")


def given_up(weekend: Weekend) -> None:
    """A report that is discarded, and one that lies open and has nobody behind it."""
    lost_cause = weekend.report("D", 1, poison="schema")
    weekend.discard(weekend.park(lost_cause), lost_cause)
    weekend.park(weekend.report("G", 1, poison="unknown-version", headers={"ce_type": "lapas.client-released.v9"}))


def refused(weekend: Weekend) -> None:
    """A refused report holds nobody up, nor does one whose id was used before for another."""
    weekend.park(weekend.report("E", 1, value={"release_id": "E", "released_at": "2099-01-01T00:00:00Z"}), "refused")
    weekend.open(weekend.report("E", 2))
    reused = weekend.report("H", 1, id="B.1", poison="id-reused")
    weekend.park(reused, key="0d000000-0000-5000-8000-00000000000d")


def killed_at(weekend: Weekend, at: float) -> None:
    """Every service is killed at this moment."""
    weekend.about["processes"] = [
        {"service": service, "instance": f"{service}-1", "started_at": 0, "ended_at": at, "how": "SIGKILL"}
        for service in weekend.about["services"]
    ]


def everybody_reads(weekend: Weekend) -> None:
    """Supervision and notifications handle what registration made known, and the mails are sent."""
    notices: list[Row] = []
    for record in weekend.topics["registration.clients"]:
        weekend.keep(record)
    for record in weekend.topics["registration.events"]:
        event_type = record["headers"]["ce_type"]
        if event_type == "registration.client-registered.v1":
            weekend.guide(record)
        else:
            weekend.skip("supervision", record)
        if event_type == "registration.event-dead-lettered.v1":
            with weekend.transaction("notifications") as step:
                step.take(record, outcome="irrelevant", reason="a message of our own")
                step.pass_by(record)
        elif (notice := weekend.learn(record, tells=ADDRESSEE)) is not None:
            notices.append(notice)
    doubled, *others = notices
    weekend.claim(doubled)
    weekend.mail(doubled)
    weekend.claim(doubled, maybe_doubled=True)
    weekend.mail(doubled)
    weekend.delivered(doubled)
    for notice in others:
        weekend.claim(notice)
        weekend.mail(notice)
        weekend.delivered(notice)
