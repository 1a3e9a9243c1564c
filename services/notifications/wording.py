"""In which words: templates in Bahasa Indonesia, versioned, filled strictly. A subject line names nobody."""

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.notifications.domain.ledger import Letter

TEMPLATES: Final = Path(__file__).parent / "templates"

CURRENT: Final[Mapping[str, int]] = {
    "announced": 1,
    "gate-reminder": 1,
    "released": 1,
    "released-and-met": 1,
    "walked-in": 1,
    "unconfirmed": 1,
    "set-aside": 1,
    "unseen": 1,
    "tracing-overdue": 1,
    "glass-broken": 1,
    "submitted": 1,
    "returned": 1,
    "refused": 1,
    "registered": 1,
    "submission-overdue": 1,
    "offer-overdue": 1,
    "offer-ended": 1,
    "absconded": 1,
    "search-review": 1,
    "files-missing": 1,
    "conflict": 2,
    "breach": 1,
    "cancelled": 1,
    "closed": 1,
    "handed-on": 1,
    "unreachable": 1,
    "not-reached": 1,
    "facility-silent": 1,
    "roster-gap": 1,
    "roster-filled": 1,
    "climbed": 1,
    "unanswered": 1,
    "restricted": 1,
    "digest": 1,
    "appointment": 1,
    "appointment-days": 1,
}
"""The version of each template that is used now; the ledger says which one a notice was written with."""

_DAYS: Final = ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu")
_MONTHS: Final = (
    "Januari", "Februari", "Maret", "April", "Mei", "Juni",
    "Juli", "Agustus", "September", "Oktober", "November", "Desember",
)  # fmt: skip
_ZONES: Final = {"Asia/Jakarta": "WIB", "Asia/Pontianak": "WIB", "Asia/Makassar": "WITA", "Asia/Jayapura": "WIT"}


def local_day(day: date) -> str:
    """A date as Indonesian letters write it."""
    return f"{_DAYS[day.weekday()]}, {day.day} {_MONTHS[day.month - 1]} {day.year}"


def local_time(instant: datetime, zone: ZoneInfo) -> str:
    """An instant on the office's wall clock, with the name of its zone."""
    here = instant.astimezone(zone)
    return f"{local_day(here.date())} pukul {here:%H.%M} {_ZONES.get(zone.key, zone.key)}"


class Wording:
    """The templates, ready to be filled."""

    def __init__(self, *, zone: ZoneInfo) -> None:
        """Times are shown in the zone of the office."""
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            undefined=StrictUndefined,
            autoescape=select_autoescape(["html"]),
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["tanggal"] = local_day
        self._templates.filters["waktu"] = lambda instant: local_time(instant, zone)

    def letter(self, template: str, words: Mapping[str, Any], *, version: int | None = None) -> Letter:
        """Fill a template, in its current version or an older one: its first line is the subject, the rest the body."""
        version = version or CURRENT[template]
        text = self._templates.get_template(f"{template}.v{version}.txt").render(words)
        subject, _, body = text.partition("\n")
        return Letter(template=template, version=version, subject=subject.strip(), body=f"{body.strip()}\n")
