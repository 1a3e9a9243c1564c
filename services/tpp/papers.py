"""The minutes as a document (*berita acara*, domain: 4.2): set on demand from what was signed by its hash."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import Response

from chassis.documents.papers import (
    LINE_CHARS_MAX,
    Attendance,
    BoardMinutes,
    CaseDecided,
    Labelled,
    Quorum,
    Signature,
    Tally,
    time_in_words,
)
from chassis.documents.rendering import NotRendered, Renderer
from chassis.problems import Problem
from contracts.reference import Reference
from contracts.reference.letterhead import Letterhead, load_letterhead
from contracts.tpp import Decision, HearingMode
from services.tpp.domain.hearing import CaseDecision, Hearing, Line, Minutes, PresenceMethod

NONE: Final = "-"
PDF: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The minutes as a document",
    }
}
MODES: Final = {HearingMode.IN_PERSON: "tatap muka", HearingMode.HYBRID: "hibrida", HearingMode.VIDEO: "video"}
METHODS: Final = {PresenceMethod.ROOM: "di ruang sidang", PresenceMethod.VIDEO: "melalui video"}
DECISIONS: Final[Mapping[Decision, str]] = {
    Decision.APPROVE: "Disetujui",
    Decision.APPROVE_WITH_REVISION: "Disetujui dengan perbaikan",
    Decision.DEFER: "Ditunda, sidang ulang",
    Decision.REJECT: "Ditolak",
}
_NO_PAPER: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a paper does not take: control characters, and those that turn the direction of writing."""


@dataclass(frozen=True)
class Press:
    """Sets minutes."""

    letterhead: Letterhead
    reference: Reference
    renderer: Renderer = field(default_factory=Renderer)

    async def set_minutes(
        self, hearing: Hearing, minutes: Minutes, words: Mapping[str, Any], dissents: Sequence[Mapping[str, Any]]
    ) -> Response:
        """The minutes as a PDF. Raises Problem where they cannot be set."""
        paper = paper_of(hearing, minutes, words, dissents, letterhead=self.letterhead, reference=self.reference)
        try:
            rendered = await self.renderer.render(paper)
        except NotRendered as failure:
            raise Problem(503, kind="not-set", detail="the minutes could not be set as a file") from failure
        headers = {
            "Content-Disposition": f'attachment; filename="{hearing.hearing_id}.pdf"',
            "Cache-Control": "no-store",
        }
        return Response(rendered.pdf, media_type="application/pdf", headers=headers)


def press_of(reference: Reference, directory: Any) -> Press:
    """The press of a running service; `directory` is where its reference data lie, if elsewhere."""
    return Press(load_letterhead(directory), reference)


def paper_of(
    hearing: Hearing,
    minutes: Minutes,
    words: Mapping[str, Any],
    dissents: Sequence[Mapping[str, Any]],
    *,
    letterhead: Letterhead,
    reference: Reference,
) -> BoardMinutes:
    """What stands on the minutes."""
    members, present = len(hearing.team.members), len(hearing.attended)
    return BoardMinutes(
        letterhead=letterhead,
        number=minutes.number,
        place=letterhead.place,
        dated_on=minutes.drafted_at.astimezone(reference.zone).date(),
        hearing=tuple(_hearing(hearing, minutes, words, reference)),
        agenda=tuple(f"{line.subject_id}: {_concerning(line)}" for line in hearing.lines) or (NONE,),
        attendance=tuple(_attendance(hearing, member) for member in hearing.team.members),
        quorum=Quorum(members=members, present=present, needed=members * 2 // 3 + 1),
        cases=tuple(_case(line, line.decision, dissents) for line in hearing.lines if line.decision is not None),
        signatures=tuple(_signatures(hearing, minutes, reference)),
    )


def _hearing(hearing: Hearing, minutes: Minutes, words: Mapping[str, Any], reference: Reference) -> Iterator[Labelled]:
    begun = hearing.opened_at or hearing.starts_at
    times = [time_in_words(each, reference.zone) for each in (begun, hearing.concluded_at or begun)]
    yield Labelled(label="SK TPP", value=_line(hearing.team.decree_no))
    yield Labelled(label="Waktu", value=" s.d. ".join(times))
    yield Labelled(label="Tempat dan cara", value=f"{_line(hearing.room or NONE)}, {MODES[hearing.mode]}")
    yield Labelled(label="Ketua, sekretaris", value=f"{hearing.chair}, {hearing.secretary}")
    yield Labelled(label="Catatan", value=_prose(words["notes"]))
    yield Labelled(label="Risalah", value=_prose(words["summary"]))
    yield Labelled(label="Sidik SHA-256", value=f"{minutes.digest[:32]} {minutes.digest[32:]}")


def _attendance(hearing: Hearing, member: str) -> Attendance:
    own = [each for each in hearing.presence if each.member == member]
    how = ", ".join(dict.fromkeys(METHODS[each.method] for each in own))
    capacity = "Ketua" if member == hearing.chair else "Sekretaris" if member == hearing.secretary else "Anggota"
    return Attendance(name=member, capacity=capacity, votes=True, present=bool(own), how=how or "tidak hadir")


def _case(line: Line, decision: CaseDecision, dissents: Sequence[Mapping[str, Any]]) -> CaseDecided:
    tally = decision.tally
    against = [row for row in dissents if row["subject_id"] == line.subject_id]
    return CaseDecided(
        register_no=str(line.subject_id),
        concerning=_concerning(line),
        presented_by=line.heard.author if line.heard is not None else NONE,
        discussion="Mufakat." if tally is None else "Pemungutan suara.",
        decisions=tuple(
            Labelled(label=each.programme or NONE, value=DECISIONS.get(each.decision, each.decision.value))
            for each in decision.outcomes
        ),
        tally=None if tally is None else Tally(**tally.model_dump()),
        conditions=tuple(dict.fromkeys(code for each in decision.outcomes for code in each.condition_codes)),
        dissents=tuple(Labelled(label=row["member"], value=_prose(row["text"])) for row in against),
        excluded=tuple(Labelled(label=member, value="menyatakan benturan kepentingan") for member in line.conflicts),
    )


def _signatures(hearing: Hearing, minutes: Minutes, reference: Reference) -> Iterator[Signature]:
    signed = {each.member: time_in_words(each.at, reference.zone) for each in minutes.signatures}
    missing = {each.member: _line(each.reason) for each in minutes.not_signed}
    for member in dict.fromkeys((hearing.chair, hearing.secretary, *hearing.attended)):
        capacity = {hearing.chair: "Ketua", hearing.secretary: "Sekretaris"}.get(member, "Anggota")
        yield Signature(capacity=capacity, name=member, signed=signed.get(member), not_signed=missing.get(member))


def _concerning(line: Line) -> str:
    return ", ".join(line.heard.programmes) or NONE if line.heard is not None else "tidak disidangkan"


def _line(text: str) -> str:
    return " ".join(_NO_PAPER.sub(" ", text).split())[:LINE_CHARS_MAX] or NONE


def _prose(text: str) -> str:
    return _NO_PAPER.sub("", text.replace("\r\n", "\n").replace("\t", " "))
