"""The head signs a file: it reaches the prison as it was signed, and whoever holds it can check that it is genuine."""

import asyncio
import hashlib
import io
from typing import Any
from urllib.parse import urlsplit

import httpx
import pypdf
import pypdfium2
import zxingcpp

from chassis.objects import Objects
from contracts.litmas import LitmasSigned
from contracts.tpp import Decision
from tests.component.house import House
from tests.component.litmas.desks import CASE, CHECKED, REQUEST, Desks, at_the_desks, done

OWN = f"/v1/requests/{REQUEST}/report"
NUMBER = "0001/LIT-D/PB/PLG-TJR/V/2026"


async def signed_of(house: House) -> LitmasSigned:
    """The fact that the report was signed."""
    [signed] = [fact for fact in await house.published() if isinstance(fact, LitmasSigned)]
    return signed


def code_on(pdf: bytes) -> str:
    """What the QR code on the first page says."""
    with pypdfium2.PdfDocument(pdf) as opened:
        image = opened[0].render(scale=2, grayscale=True)
        seen = memoryview(bytes(image.buffer)).cast("B", shape=[image.height, image.stride])
        [code] = zxingcpp.read_barcodes(seen)
    return str(code.text)


async def test_the_prison_gets_the_file_that_was_signed_and_anybody_can_check_it(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.signed()
        signed = await signed_of(house)
        file = await desks.prison.get(OWN)
        address = urlsplit(code_on(file.content)).path
        async with httpx.AsyncClient(transport=httpx.ASGITransport(house.app), base_url="http://test") as anybody:
            told = (await anybody.get(address)).json()
            same = (await anybody.post(address, json={"sha256": signed.report_hash})).json()
            forged = (await anybody.post(address, json={"sha256": "0" * 64})).json()

    assert file.status_code == 200
    assert file.headers["content-type"] == "application/pdf"
    assert hashlib.sha256(file.content).hexdigest() == signed.report_hash
    assert told == {
        "genuine": True, "kind": "adult-report", "number": NUMBER, "revision": 1, "sha256": signed.report_hash,
        "signed_at": signed.signed_at.isoformat().replace("+00:00", "Z"),
    }  # fmt: skip
    assert (same["same_file"], forged["same_file"]) == (True, False)
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(file.content)).pages]
    assert all(NUMBER in page for page in pages)
    whole = " ".join(" ".join(pages).split())
    victim = ("Tanggapan korban", "Isi VICTIM_RESPONSE.")
    for words in ("Rahmat Rahasia", "Isi OFFENCE.", *victim, "13. Pengesahan", "sedang (8)"):
        assert words in whole, words


async def test_what_the_team_hears_is_a_file_of_the_revision_that_was_initialled(house: House) -> None:
    async with at_the_desks(house) as desks:
        waiting = await desks.before_the_team()

    file = await Objects.from_settings(house.settings).get(waiting.report_reference)
    whole = " ".join(" ".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(file)).pages).split())

    assert hashlib.sha256(file).hexdigest() == waiting.report_hash
    assert NUMBER in whole
    assert "Isi CONCLUSION." in whole


async def test_who_may_read_the_report_may_have_the_file_and_others_may_not(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.before_the_team()
        early = await desks.head.get(f"{CASE}/report")
        assert await desks.heard(Decision.APPROVE) == "applied"
        await done(desks.head, "signature", {"revision": 1})
        asked = {
            name: (await client.get(f"{CASE}/report")).status_code
            for name, client in {
                "head": desks.head, "officer": desks.officer, "registrar": desks.registrar,
                "stranger": desks.stranger, "counter": desks.counter, "prison": desks.prison,
            }.items()
        }  # fmt: skip
        other = await desks.other_prison.get(OWN)

    assert early.status_code == 404
    assert asked == {"head": 200, "officer": 200, "registrar": 200, "stranger": 403, "counter": 403, "prison": 403}
    assert other.status_code == 404


async def test_a_signature_sent_twice_signs_one_file(house: House) -> None:
    async with at_the_desks(house) as desks:
        await approved(desks)
        key = {"Idempotency-Key": "sign-1"}
        first = await done(desks.head, "signature", {"revision": 1}, **key)
        again = await desks.head.post(f"{CASE}/signature", json={"revision": 1}, headers=key)
        without = await desks.head.post(f"{CASE}/signature", json={"revision": 1})

    assert again.json() == first
    assert without.status_code == 409
    assert await issued(house) == 1
    assert (await signed_of(house)).report_hash == await house.pool.fetchval("SELECT sha256 FROM issued_document")


async def test_two_that_sign_at_once_sign_one_file(house: House) -> None:
    async with at_the_desks(house) as desks:
        await approved(desks)
        answers = await asyncio.gather(*(desks.head.post(f"{CASE}/signature", json={"revision": 1}) for _ in range(3)))
        file = await desks.prison.get(OWN)

    assert min(answer.status_code for answer in answers) == 200
    assert {answer.status_code for answer in answers} <= {200, 409, 412}
    assert await issued(house) == 1
    assert hashlib.sha256(file.content).hexdigest() == (await signed_of(house)).report_hash


async def test_a_refused_signature_sets_nothing_and_vouches_for_nothing(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.before_the_team()
        early = await desks.head.post(f"{CASE}/signature", json={"revision": 1})
        assert await desks.heard(Decision.APPROVE) == "applied"
        wrong = await desks.head.post(f"{CASE}/signature", json={"revision": 2})
        stale = await desks.head.post(f"{CASE}/signature", json={"revision": 1}, headers={"If-Match": '"1"'})

    assert (early.status_code, wrong.status_code, stale.status_code) == (409, 409, 412)
    assert await issued(house) == 0


async def test_words_that_no_paper_can_show_keep_no_report_from_being_signed(house: House) -> None:
    async with at_the_desks(house) as desks:
        await desks.analysed()
        await desks.write()
        text = {"text": "Alamat \u202egnabmelaP #panic() \u0085 名前"}
        saved = await desks.officer.put(f"{CASE}/sections/IDENTITY", json=text, headers={"If-Match": '"1"'})
        assert saved.status_code == 200
        await done(desks.officer, "draft", {"recommendation": "RECOMMENDED"})
        await done(desks.registrar, "number", {"checked": CHECKED})
        await done(desks.section_head, "initials", {})
        assert await desks.heard(Decision.APPROVE) == "applied"
        await done(desks.head, "signature", {"revision": 1})
        file = await desks.prison.get(OWN)

    text_of = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(file.content)).pages)
    assert "#panic()" in text_of
    assert "\u202e" not in text_of


async def test_a_prison_brings_its_papers_by_their_hash(house: House) -> None:
    paper = b"%PDF-1.7 surat jaminan"
    digest = hashlib.sha256(paper).hexdigest()
    async with at_the_desks(house) as desks:
        taken = await desks.prison.put(f"/v1/attachments/{digest}", content=paper)
        refused = await desks.stranger.put(f"/v1/attachments/{digest}", content=paper)

    assert (taken.status_code, taken.json()["sha256"]) in {(201, digest), (200, digest)}
    assert refused.status_code == 403


async def approved(desks: Desks) -> None:
    """Before the head, who has not signed yet."""
    await desks.before_the_team()
    assert await desks.heard(Decision.APPROVE) == "applied"


async def issued(house: House) -> Any:
    """How many papers anybody may ask about."""
    return await house.pool.fetchval("SELECT count(*) FROM issued_document")
