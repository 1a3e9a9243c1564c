"""What the desks do with a report that is being written, checked, heard, signed and sent out."""

import hashlib
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from chassis.documents.verification import issue
from chassis.objects import StoredObject
from chassis.transaction import Transaction
from services.litmas.reintegration import papers, store
from services.litmas.reintegration.domain import desks, hearing, sections
from services.litmas.reintegration.domain.acts import (
    AddAddendum,
    Archive,
    Cancel,
    Decide,
    Deliver,
    Initial,
    Number,
    RecordOutcome,
    Resubmit,
    ReturnDraft,
    Sign,
    SubmitDraft,
    WriteSection,
)
from services.litmas.reintegration.domain.case import Litmas
from services.litmas.reintegration.domain.desks import Paper
from services.litmas.reintegration.domain.sections import Section
from services.litmas.reintegration.handlers import (
    CaseChangedMeanwhile,
    NumberGiven,
    OnCase,
    Receipt,
    acting,
    case_of,
    found,
    keep,
    void_number,
    with_number,
)

UNSET: Final = "UNSET"
"""Stands for the token of a report that was not set, and is not signed either."""


@dataclass(frozen=True, kw_only=True)
class Saved:
    """A section as it was saved; the edition is what the next save must name."""

    section: Section
    edition: int


@dataclass(frozen=True)
class OnSection:
    """A section to be saved, by somebody who read this edition of it."""

    litmas_id: UUID
    section: Section
    act: WriteSection
    edition: int


@dataclass(frozen=True)
class Initialling:
    """The section head's initials, and the file that was set for the team: none where nothing waits for them."""

    act: Initial
    file: StoredObject | None


@dataclass(frozen=True)
class Signing:
    """The head's signature, and the report that was set for it: none where there was nothing to sign."""

    act: Sign
    report: papers.SetReport | None


async def write_section(command: OnSection, tx: Transaction) -> Saved:
    """The author saves a section; whoever read an older edition is told, and nothing is overwritten."""
    case = await found(tx, command.litmas_id)
    before = await tx.lock(store.SECTIONS, sections.key_of(command.litmas_id, command.section))
    written = sections.write(
        case, before, command.section, command.act, expected=command.edition, by=acting(tx), now=tx.now
    )
    if written is not before:
        tx.save(store.SECTIONS, written)
    return Saved(section=written.section, edition=written.edition)


async def submit_draft(command: OnCase[SubmitDraft], tx: Transaction) -> Receipt:
    """The report is complete and leaves its author."""
    case = await case_of(tx, command)
    texts = {section: row.text for section, row in (await store.sections(tx.reading, case.litmas_id)).items()}
    return keep(tx, case, sections.submit(case, command.act, texts, by=acting(tx), now=tx.now))


async def number(command: OnCase[Number], tx: Transaction) -> NumberGiven:
    """The registrar checks the report and numbers it; what came back keeps its number."""
    case = await case_of(tx, command)
    entry = await tx.enter(desks.number_line(case, command.act, by=acting(tx), reference=tx.reference))
    return with_number(keep(tx, case, desks.number(case, entry, by=acting(tx), now=tx.now)), entry.number)


async def return_draft(command: OnCase[ReturnDraft], tx: Transaction) -> Receipt:
    """A desk gives the report back to its author."""
    case = await case_of(tx, command)
    return keep(tx, case, desks.return_draft(case, command.act, by=acting(tx), now=tx.now))


async def initial(command: OnCase[Initialling], tx: Transaction) -> Receipt:
    """The section head initials the file that was set, and the report goes before the assessment team."""
    case, file = await case_of(tx, command), command.act.file
    paper = paper_of(case) if file is None else Paper(reference=file.reference, sha256=file.sha256)
    decided = desks.initial(case, command.act.act, paper, by=acting(tx), now=tx.now)
    if file is None:
        raise CaseChangedMeanwhile
    return keep(tx, case, decided)


async def resubmit(command: OnCase[Resubmit], tx: Transaction) -> Receipt:
    """A deferred report is to be heard again."""
    case = await case_of(tx, command)
    return keep(tx, case, desks.resubmit(case, command.act, by=acting(tx), now=tx.now))


async def return_decision(command: OnCase[Decide], tx: Transaction) -> Receipt:
    """The head returns a decision of the team, once and in writing."""
    case = await case_of(tx, command)
    return keep(tx, case, hearing.return_decision(case, command.act, by=acting(tx), now=tx.now))


async def rework(command: OnCase[Decide], tx: Transaction) -> Receipt:
    """A rejected report is written anew."""
    case = await case_of(tx, command)
    return keep(tx, case, hearing.rework(case, command.act, now=tx.now))


async def close_rejected(command: OnCase[Decide], tx: Transaction) -> Receipt:
    """A rejected report ends here."""
    case = await case_of(tx, command)
    return keep(tx, case, hearing.close_rejected(case, command.act, now=tx.now))


async def sign(command: OnCase[Signing], tx: Transaction) -> Receipt:
    """The head signs the file that was set; neither it nor the report can change any more."""
    case, report = await case_of(tx, command), command.act.report
    if report is None:
        desks.sign(case, command.act.act, paper_of(case), token=UNSET, by=acting(tx), now=tx.now)
        raise CaseChangedMeanwhile
    file, at = report.file, report.signed_at
    paper = Paper(reference=file.reference, sha256=file.sha256)
    decided = desks.sign(case, command.act.act, paper, token=report.token, by=acting(tx), now=at)
    issue(tx, papers.issued(decided.case, report))
    return keep(tx, case, decided)


async def deliver(command: OnCase[Deliver], tx: Transaction) -> Receipt:
    """The prison has the signed report."""
    case = await case_of(tx, command)
    return keep(tx, case, desks.deliver(case, command.act, by=acting(tx), now=tx.now))


async def archive(command: OnCase[Archive], tx: Transaction) -> Receipt:
    """The report lies in the archive."""
    case = await case_of(tx, command)
    return keep(tx, case, desks.archive(case, command.act, by=acting(tx), now=tx.now))


async def cancel(command: OnCase[Cancel], tx: Transaction) -> Receipt:
    """The report is no longer needed, and its number stays void."""
    case = await case_of(tx, command)
    decided = desks.cancel(case, command.act, by=acting(tx), now=tx.now)
    await void_number(tx, case, command.act.reason)
    return keep(tx, case, decided)


async def add_addendum(command: OnCase[AddAddendum], tx: Transaction) -> Receipt:
    """Something is added to a report that is out."""
    case, act = await case_of(tx, command), command.act
    sha256 = hashlib.sha256(act.text.encode()).hexdigest()
    paper = Paper(reference=f"litmas/{case.litmas_id}/addendum-{case.addenda + 1}", sha256=sha256)
    decided = desks.add(case, paper, reason=act.reason, now=tx.now)
    row = {"seq": decided.case.addenda, "text": act.text, "sha256": sha256, "added_by": tx.actor.id}
    tx.append(store.ADDENDA, row | {"litmas_id": case.litmas_id, "added_at": tx.now})
    return keep(tx, case, decided)


async def record_outcome(command: OnCase[RecordOutcome], tx: Transaction) -> Receipt:
    """Somebody learnt what became of the proposal."""
    case = await case_of(tx, command)
    return keep(tx, case, desks.record_outcome(case, command.act, now=tx.now))


def paper_of(case: Litmas) -> Paper:
    """The report as it left its author: its place in the store, and the hash of what it says."""
    if case.draft is None:
        message = "a report without a draft came to a desk"
        raise AssertionError(message)
    return Paper(reference=f"litmas/{case.litmas_id}/r{case.draft.revision}", sha256=case.draft.content_hash)
