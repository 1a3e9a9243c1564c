"""A weekend at which everything goes right: what each service does with a release, a contact, a clock, a letter."""

from typing import Any

from tests.faults.checker.contract import event_key
from tests.unit.faults.story import (
    FRIDAY,
    PRISON,
    SATURDAY,
    SUNDAY,
    Row,
    Step,
    Story,
    client_of,
    named,
    registration_of,
)

HEAD, OFFICER, OPERATOR = "SHA-HQ-01", "PO-HQ-01", "OPS-HQ-01"


class Weekend(Story):
    """What services do, one transaction at a time."""

    # --- registration -------------------------------------------------------------------------------------------------

    def open(self, record: Row) -> None:
        """Registration takes a release."""
        with self.transaction("registration") as step:
            self.opened(step, record)
            step.pass_by(record)

    def opened(self, step: Step, record: Row, *, under: str | None = None) -> None:
        """What a release changes."""
        release, key = record["key"], step.take(record, under=under)
        case = {
            "registration_id": registration_of(release), "release_id": release, "status": "released",
            "release": record["value"], "announcement": None, "cancellation": None, "revocation": None,
            "released_at": FRIDAY, "unconfirmed_on": None, "tracing": None, "submission_from": None,
            "submission_overdue": False, "registered": None, "sequence": 2, "version": 1,
        }  # fmt: skip
        step.insert("registration", case)
        self.line(step, release, "release", key)
        step.insert("timer", {"subject": registration_of(release), "kind": "first-contact", "due_at": SATURDAY})
        step.publish("registration-opened", registration_of(release), about(release, released_at=FRIDAY), 1, cause=key)
        self.details(step, release, 2, cause=key)

    def details(self, step: Step, release: str, number: int, **said: Any) -> None:
        """Who the client is, for those who may know."""
        value = about(release, name="Budi", version=number)
        step.publish("client-details", client_of(release), value, number, topic="registration.clients", **said)

    def correct(self, record: Row) -> None:
        """Registration takes a correction."""
        with self.transaction("registration") as step:
            self.corrected(step, record)
            step.pass_by(record)

    def corrected(self, step: Step, record: Row) -> None:
        """What a correction changes."""
        release, key = record["key"], step.take(record)
        number = self.change(step, release, release=record["value"])
        self.line(step, release, "correct", key)
        value = about(release, revision=record["value"]["revision"])
        step.publish("registration-corrected", registration_of(release), value, number, cause=key)

    def change(self, step: Step, release: str, /, facts: int = 1, **changes: Any) -> int:
        """Write a new version of a case; the number of its last fact."""
        case = step.find("registration", release_id=release)
        counted = {"sequence": case["sequence"] + facts, "version": case["version"] + 1}
        return int(step.update("registration", {**changes, **counted}, release_id=release)["sequence"])

    def line(self, step: Step, release: str, what: str, actor: str, kind: str = "event") -> None:
        """A line of the timeline."""
        row = {"entry_id": self.new_id(), "registration_id": registration_of(release), "step": what}
        step.insert("timeline", {**row, "actor_kind": kind, "actor_id": actor})

    def ask(self, release: str, act: str, caller: str, **said: Any) -> Row:
        """Somebody asks for something over HTTP, and is told that it is done."""
        path = f"POST /v1/registrations/{registration_of(release)}/{act}"
        sent = {
            "n": len(self.inputs), "door": "http", "what": path, "person": release, "service": "registration",
            "caller": caller, "idempotency_key": f"{release}.{act}", "status": 200, "answer": {"outcome": "applied"},
            "repeat_of": None, "sent_at": self.now, "acked_at": self.tick(), **said,
        }  # fmt: skip
        self.inputs.append(sent)
        return sent

    def remember(self, step: Step, sent: Row) -> None:
        """Keep what is answered."""
        row = {"principal": sent["caller"], "key": sent["idempotency_key"], "status": None}
        step.insert("idempotency", row)
        step.update("idempotency", {"status": 200}, key=sent["idempotency_key"])

    def meet(self, release: str) -> None:
        """An officer meets the person: the clock of first contact stops, that of submission runs."""
        sent, case = self.ask(release, "contacts", OFFICER), registration_of(release)
        with self.transaction("registration") as step:
            self.remember(step, sent)
            number = self.change(step, release, status="provisionally_registered", submission_from=SATURDAY)
            self.line(step, release, "meet", OFFICER, "person")
            step.delete("timer", subject=case, kind="first-contact")
            step.insert("timer", {"subject": case, "kind": "submission", "due_at": "2026-06-03T16:30:00+07:00"})
            step.publish("first-contact-made", case, about(release), number)

    def submit(self, release: str) -> None:
        """The counter enters the case for approval."""
        sent, case = self.ask(release, "submission", OFFICER), registration_of(release)
        with self.transaction("registration") as step:
            self.remember(step, sent)
            number = self.change(step, release, status="submitted")
            self.line(step, release, "submit", OFFICER, "person")
            step.delete("timer", subject=case, kind="submission")
            step.publish("registration-submitted", case, about(release), number)

    def approve(self, release: str) -> None:
        """The section head approves, and a number is given."""
        sent = self.ask(release, "approval", HEAD)
        with self.transaction("registration") as step:
            self.remember(step, sent)
            self.numbered(step, release)

    def numbered(self, step: Step, release: str) -> None:
        """What an approval changes."""
        case, seq = registration_of(release), self.count(step)
        number = self.change(step, release, status="registered", registered={"register_no": f"KLD/{seq}"})
        self.line(step, release, "approve", HEAD, "person")
        entry = {"unit": "PLG-HQ", "register": "KLD-PB", "year": 2026, "seq": seq, "number": f"KLD/{seq}"}
        step.insert("register_entry", {**entry, "subject": case, "state": "live"})
        step.publish("client-registered", case, about(release, register_no=f"KLD/{seq}"), number)

    def count(self, step: Step) -> int:
        """The next number of the register."""
        name = "PLG-HQ|KLD-PB|2026"
        if not step.has("register_counter", counter=name):
            step.insert("register_counter", {"counter": name, "last_seq": 1, "version": 1})
            return 1
        last = step.find("register_counter", counter=name)
        return int(step.update("register_counter", {"last_seq": last["last_seq"] + 1}, counter=name)["last_seq"])

    def ring(self, release: str) -> None:
        """The first rung passes, and nobody has met the person."""
        with self.transaction("registration") as step:
            step.delete("timer", subject=registration_of(release), kind="first-contact")
            self.rung(step, release)
            step.insert("timer", {"subject": registration_of(release), "kind": "first-contact", "due_at": SUNDAY})

    def rung(self, step: Step, release: str) -> None:
        """What a rung changes."""
        value = about(release, hours=24, due_at="2026-05-30T09:30:00Z")
        number = self.change(step, release)
        step.publish(
            "first-contact-overdue", registration_of(release), value, number, cause=event_key(PRISON, f"{release}.1")
        )

    def park(self, record: Row, kind: str = "malformed", *, key: str | None = None) -> Row:
        """Registration sets a delivery aside."""
        with self.transaction("registration") as step:
            letter = step.set_aside(record, kind, key=key)
            self.announce(step, letter)
            step.pass_by(record)
        return letter

    def announce(self, step: Step, letter: Row) -> None:
        """Tell that something was set aside."""
        value = {"dead_letter_id": letter["dead_letter_id"], "upstream": False, "reminder": False}
        step.publish("event-dead-lettered", letter["dead_letter_id"], value, 1)

    def wait(self, record: Row) -> Row:
        """Registration lets a delivery wait behind a held key."""
        with self.transaction("registration") as step:
            letter = step.set_aside(record, "held", state="waiting")
            step.pass_by(record)
        return letter

    def act(self, letter: Row, act: str) -> None:
        """An operator does something to a dead letter, and is told that it is done."""
        path = f"POST /v1/dead-letters/{letter['dead_letter_id']}/{act}"
        sent = {"n": len(self.inputs), "door": "http", "what": path, "person": None, "service": "registration"}
        sent |= {"caller": OPERATOR, "idempotency_key": None, "status": 200, "letter": letter["dead_letter_id"]}
        self.inputs.append({**sent, "repeat_of": None, "answer": None, "acked_at": self.tick()})

    def noted(self, step: Step, letter: Row, act: str) -> None:
        """What an operator does is on record."""
        row = {"act_id": self.new_id(), "actor": OPERATOR, "act": act, "dead_letter_id": letter["dead_letter_id"]}
        step.insert("operator_act", row)

    def discard(self, letter: Row, record: Row) -> None:
        """An operator gives a delivery up."""
        self.act(letter, "discard")
        with self.transaction("registration") as step:
            step.take(record, outcome="discarded")
            step.settle(letter, "discarded")
            self.noted(step, letter, "discard")

    # --- supervision --------------------------------------------------------------------------------------------------

    def guide(self, record: Row) -> None:
        """Supervision takes a client who was registered."""
        value = record["value"]
        with self.transaction("supervision") as step:
            key = step.take(record)
            row = {"client_id": value["client_id"], "registration_id": value["registration_id"], "version": 1}
            step.insert("supervision", {**row, "sequence": 2})
            window = {"check_in_id": self.new_id(), "client_id": value["client_id"], "window_from": "2026-06-01"}
            step.insert("check_in", window)
            step.publish("supervision-opened", value["client_id"], {**value, "stage": "FIRST"}, 1, cause=key)
            step.publish("first-check-in-scheduled", value["client_id"], {**value, "stage": "-"}, 2, cause=key)
            step.pass_by(record)

    def keep(self, record: Row) -> None:
        """Supervision and notifications keep how a client is reached."""
        self._keep("supervision", "client_contact", record)
        self._keep("notifications", "client_reach", record)

    def expect(self, record: Row) -> None:
        """Notifications learn when a client reports for the first time."""
        self._keep("notifications", "client_reach", record)

    def _keep(self, service: str, table: str, record: Row) -> None:
        client = record["value"]["client_id"]
        with self.transaction(service) as step:
            step.take(record)
            if step.has(table, client_id=client):
                version = step.find(table, client_id=client)["version"]
                step.update(table, {"version": version + 1}, client_id=client)
            else:
                step.insert(table, {"client_id": client, "version": 1})
            step.pass_by(record)

    # --- notifications ------------------------------------------------------------------------------------------------

    def learn(self, record: Row, *, tells: str | None = None) -> Row | None:
        """Notifications learn a fact of a case, and owe somebody a mail for it."""
        with self.transaction("notifications") as step:
            key, case = step.take(record), record["key"]
            ended = any(word in record["headers"]["ce_type"] for word in ("closed", "cancelled"))
            standing = "ended" if ended else "open"
            if step.has("case_fact", registration_id=case):
                version = step.find("case_fact", registration_id=case)["version"]
                step.update("case_fact", {"standing": standing, "version": version + 1}, registration_id=case)
            else:
                step.insert("case_fact", {"registration_id": case, "standing": standing, "version": 1})
            notice = self.owe(step, key, tells) if tells else None
            step.pass_by(record)
        return notice

    def owe(self, step: Step, cause: str, recipient: str) -> Row:
        """A row of the ledger."""
        notice = named(f"{cause} {recipient}")
        row = {
            "notification_id": notice, "channel": "EMAIL", "recipient": recipient, "cause": cause, "reason": None,
            "occasion": "released", "state": "pending", "attempts": 0, "maybe_doubled": False,
            "message_id": f"<{notice}@bapas>", "sequence": 0, "version": 1,
        }  # fmt: skip
        return step.insert("notification", row)

    def claim(self, notice: Row, **more: Any) -> None:
        """A sender takes a notice."""
        self._write(notice, state="sending", attempts=notice["attempts"] + 1, **more)

    def _write(self, notice: Row, **changes: Any) -> None:
        with self.transaction("notifications") as step:
            changes["version"] = notice["version"] + 1
            step.update("notification", changes, notification_id=notice["notification_id"])

    def delivered(self, notice: Row) -> None:
        """A sender writes down that a mail was taken."""
        with self.transaction("notifications") as step:
            changes = {"state": "delivered", "sequence": 1, "version": notice["version"] + 1}
            step.update("notification", changes, notification_id=notice["notification_id"])
            value = {"notification_id": notice["notification_id"]}
            step.publish("notification-delivered", notice["notification_id"], value, 1, version=2)

    def skip(self, service: str, *records: Row) -> None:
        """Pass by what is not for a service, or was handled before."""
        with self.transaction(service) as step:
            step.pass_by(*records)


def about(release: str, **said: Any) -> Row:
    """What a fact says of a case."""
    return {"registration_id": registration_of(release), "client_id": client_of(release), **said}
