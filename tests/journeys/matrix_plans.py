"""What each cell of the access matrix asks: real cases of an adult and a child, and questions that change nothing.

An act is asked of a case that is over, so that whoever may is told that nothing can be done (409) and the next asker
finds the same; whoever may not is refused before that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from tests.journeys.matrix import Answer, Matter
from tests.journeys.plain_http import Reply

AT: Final = "2026-05-29T16:50:00+07:00"
REASON: Final = "asked by the access matrix"
NOWHERE: Final = str(uuid4())

Shown = Callable[[Any, "Subject"], bool]


@dataclass(frozen=True)
class Subject(Matter):
    """A case as the services know it."""

    release_id: str = ""
    registration_id: str = NOWHERE
    client_id: str = NOWHERE
    name: str = ""
    since: str = ""
    notice: str = NOWHERE
    alert: str = NOWHERE

    def matter(self) -> Matter:
        """What the policy needs to know of it."""
        return Matter(self.unit, self.facility, self.juvenile, self.addressed_to, self.officer)

    def place(self, path: str) -> str:
        """An address about this case; what is no part of one leads nowhere."""
        found = {
            "release_id": self.release_id, "registration_id": self.registration_id, "client_id": self.client_id,
            "notification_id": self.notice, "alert_id": self.alert, "consumer": "registration",
        }  # fmt: skip
        names = [part.partition("}")[0] for part in path.split("{")[1:]]
        return path.format(**{name: found.get(name, NOWHERE) for name in names})


@dataclass(frozen=True)
class Plan:
    """How a route is asked about a case, and how one sees in the answer that it was shown."""

    of: str = "over"
    """Which of the cases: `open`, `over`, `walked_in`, `guided`."""
    query: Callable[[Subject], dict[str, Any]] = field(default=lambda _: {})
    body: Callable[[Subject], Any] | None = None
    files: Callable[[Subject], Any] | None = None
    shown: Shown | None = None
    refused: Shown | None = None

    def request(self, subject: Subject) -> dict[str, Any]:
        """The question as the client sends it."""
        said: dict[str, Any] = {"params": self.query(subject)}
        if self.body is not None:
            said["json"] = self.body(subject)
        if self.files is not None:
            said["files"] = self.files(subject)
        return said

    def read(self, answer: Reply, subject: Subject, *, hides: bool) -> Answer:
        """What was answered, as far as access goes."""
        if answer.status in _REFUSING:
            return _REFUSING[answer.status]
        if answer.status == _NOT_FOUND:
            return Answer.HIDDEN if hides or subject.juvenile is not None else Answer.LET_IN
        assert answer.status < _BROKEN, answer
        if self.refused is not None and self.refused(answer.json(), subject):
            return Answer.REFUSED
        if self.shown is not None and not self.shown(answer.json(), subject):
            return Answer.HIDDEN
        return Answer.NAMED if subject.name and subject.name.encode() in answer.body else Answer.LET_IN


_NOT_FOUND: Final = 404
_BROKEN: Final = 500
_REFUSING: Final = {401: Answer.UNKNOWN_CALLER, 403: Answer.REFUSED}


def _listed(name: str, of: Callable[[Subject], str]) -> Shown:
    return lambda answer, subject: any(item[name] == of(subject) for item in answer["items"])


def _refused_row(answer: Any, _: Subject) -> bool:
    return bool(answer["rows"][0]["column"] == "facility")


def _list(subject: Subject) -> dict[str, Any]:
    row = f"release_id,facility,name,released_at\n{subject.release_id},{subject.facility},{subject.name},{AT}\n"
    return {"file": ("list.csv", row.encode(), "text/csv")}


def _release(subject: Subject) -> dict[str, Any]:
    return {
        "release_id": subject.release_id,
        "facility": subject.facility,
        "name": subject.name,
        "released_at": AT,
    }


def _announcement(subject: Subject) -> dict[str, Any]:
    return {"release_id": subject.release_id, "facility": subject.facility, "name": subject.name} | {
        "releases_on": "2026-05-29"
    }


def _cancellation(subject: Subject) -> dict[str, Any]:
    return {"facility": subject.facility, "reason": "OTHER", "cancelled_at": AT}


def _registration(subject: Subject) -> str:
    return subject.registration_id


def _client(subject: Subject) -> str:
    return subject.client_id


_IN_LIST: Final = _listed("registration_id", _registration)
_WHOLE_PAGE: Final = {"limit": 100}
_CASE: Final = "/v1/registrations/{registration_id}"


def _act(**body: Any) -> Plan:
    return Plan(body=lambda _: body)


def _about(subject: Subject) -> dict[str, Any]:
    return {"about": subject.registration_id}


PLANS: Final[Mapping[tuple[str, str, str], Plan]] = {
    ("registration", *key): plan
    for key, plan in {
        ("GET", "/v1/registrations/board"): Plan("open", query=lambda _: _WHOLE_PAGE, shown=_IN_LIST),
        ("GET", "/v1/registrations"): Plan(
            "open", query=lambda subject: {"facility": subject.facility} | _WHOLE_PAGE, shown=_IN_LIST
        ),
        ("GET", _CASE): Plan("open"),
        ("GET", f"{_CASE}/timeline"): Plan("open"),
        ("GET", "/v1/transfer-offers"): Plan("open", query=lambda _: _WHOLE_PAGE, shown=_IN_LIST),
        ("GET", "/v1/walk-ins"): Plan("walked_in", query=lambda _: _WHOLE_PAGE, shown=_IN_LIST),
        ("GET", "/v1/walk-ins/{registration_id}/matches"): Plan(
            "walked_in", shown=lambda answer, _: bool(answer["items"])
        ),
        ("GET", "/v1/releases/{release_id}"): Plan("open"),
        ("GET", "/v1/releases/changes"): Plan(
            "open",
            query=lambda subject: {"since": subject.since, "limit": 100},
            shown=_listed("release_id", lambda subject: subject.release_id),
        ),
        ("POST", f"{_CASE}/contacts"): _act(contact_at=AT, method="AT_GATE", identity_level="L1"),
        ("POST", f"{_CASE}/trace-entries"): _act(kind="OTHER", at=AT),
        ("POST", f"{_CASE}/biometrics"): _act(status="EXEMPT", at=AT),
        ("POST", f"{_CASE}/submission"): _act(),
        ("POST", f"{_CASE}/files"): _act(files=["ORDER"]),
        ("POST", f"{_CASE}/binding"): Plan(body=lambda it: {"release": it.registration_id, "reason": REASON}),
        ("POST", f"{_CASE}/pre-registration"): Plan(),
        ("POST", f"{_CASE}/approval"): _act(),
        ("POST", f"{_CASE}/return"): _act(reason=REASON),
        ("POST", f"{_CASE}/refusal"): _act(reason=REASON, closure={"reason": "DIED", "evidence": "AKTA"}),
        ("POST", f"{_CASE}/closure"): _act(reason="DIED", evidence="AKTA"),
        ("POST", f"{_CASE}/hand-on"): _act(to_office="BPS-LHT", acceptance_no="1/2026", accepted_on="2026-05-29"),
        ("POST", f"{_CASE}/transfer-offer"): _act(to_office="BPS-LHT", letter_no="1/2026"),
        ("POST", f"{_CASE}/transfer-offer/end"): _act(outcome="DECLINED", reason=REASON),
        ("POST", f"{_CASE}/break-glass"): _act(reason=REASON),
        ("POST", f"{_CASE}/absconding"): _act(reason=REASON),
        ("POST", "/v1/announcements"): Plan(body=_announcement),
        ("POST", "/v1/releases"): Plan(body=_release),
        ("POST", "/v1/releases/{release_id}/cancellation"): Plan(body=_cancellation),
        ("POST", "/v1/releases/upload"): Plan(files=_list, query=lambda _: {"take": "false"}, refused=_refused_row),
    }.items()
} | {
    ("supervision", "GET", "/v1/supervisions"): Plan(
        "guided", query=lambda _: _WHOLE_PAGE, shown=_listed("client_id", _client)
    ),
    ("supervision", "GET", "/v1/supervisions/{client_id}"): Plan("guided"),
    ("supervision", "GET", "/v1/check-ins"): Plan(
        "guided",
        query=lambda subject: {"month": "2026-06", "unit": subject.unit} | _WHOLE_PAGE,
        shown=_listed("client_id", _client),
    ),
    ("notifications", "GET", "/v1/notifications"): Plan("guided", query=_about, shown=_listed("about", _registration)),
    ("notifications", "GET", "/v1/alerts"): Plan("guided", query=_about, shown=_listed("about", _registration)),
    ("notifications", "POST", "/v1/alerts/{alert_id}/acknowledgement"): Plan("guided"),
}
"""How the routes that show or act on a case are asked; each has a plan of its own."""

OF_NO_CASE: Final[Mapping[tuple[str, str, str], Plan]] = {
    ("notifications", "GET", "/v1/inbox"): Plan(
        query=lambda _: _WHOLE_PAGE, shown=_listed("id", lambda subject: subject.notice)
    ),
}
"""How the others are asked where an empty question is not enough."""
