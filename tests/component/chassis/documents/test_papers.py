"""Each paper opens in a reader, bears its mark and number on every page, and shows words as words."""

import asyncio
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pypdf
import pypdfium2
import pytest
import zxingcpp
from pydantic import ValidationError

from chassis.documents.papers import (
    SIGNATURES_TITLE,
    TITLES,
    Chapter,
    ChapterText,
    Labelled,
    Paper,
    day_in_words,
    time_in_words,
)
from chassis.documents.rendering import NotRendered, Rendered, Renderer, data_of, template_of
from contracts.reference import load_reference
from tests.component.chassis.documents.examples import NUMBER, VERIFY_AT, common, papers, signed_report

PAPERS = papers()
HOSTILE = (
    '#panic("run") #read("/etc/passwd") #sys.inputs \\#eval("1+1") *bold* _slanted_ $x^2$ @ref <label> `code` '
    "= Heading // comment /* note */ https://example.org/#a [b] {c} \\u{41} ~ -- ... &amp; %s {seq}"
)


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer()


def pages(rendered: Rendered) -> list[str]:
    """The text of each page, read by one library, once the other has opened the file too."""
    with pypdfium2.PdfDocument(rendered.pdf) as opened:
        assert len(opened) > 0
    return [
        " ".join(page.extract_text().split()) for page in pypdf.PdfReader(io.BytesIO(rendered.pdf), strict=True).pages
    ]


def codes(rendered: Rendered) -> Iterator[str]:
    """What the QR codes say that a camera finds on the pages."""
    with pypdfium2.PdfDocument(rendered.pdf) as opened:
        for page in opened:
            image = page.render(scale=2, grayscale=True)
            seen = memoryview(bytes(image.buffer)).cast("B", shape=[image.height, image.stride])
            yield from (code.text for code in zxingcpp.read_barcodes(seen))


@pytest.mark.parametrize("name", PAPERS)
async def test_a_paper_is_marked_and_numbered_on_every_page(renderer: Renderer, name: str) -> None:
    found = pages(await renderer.render(PAPERS[name]))

    assert found
    for place, page in enumerate(found, start=1):
        # Above and below.
        assert page.replace(" ", "").count("RAHASIA") >= 2
        assert PAPERS[name].number in page
        assert f"Halaman {place} dari {len(found)}" in page


@pytest.mark.parametrize("name", PAPERS)
async def test_the_code_on_a_paper_says_where_it_is_verified(renderer: Renderer, name: str) -> None:
    assert list(codes(await renderer.render(PAPERS[name]))) == [VERIFY_AT]


async def test_a_paper_that_cannot_be_verified_bears_no_code(renderer: Renderer) -> None:
    rendered = await renderer.render(signed_report(verify_at=None))

    assert list(codes(rendered)) == []
    assert "Pemeriksaan keaslian" not in " ".join(pages(rendered))


async def test_a_report_has_all_thirteen_sections_in_order(renderer: Renderer) -> None:
    whole = " ".join(pages(await renderer.render(signed_report())))

    titles = [f"{place}. {title}" for place, title in enumerate([*TITLES.values(), SIGNATURES_TITLE], start=1)]
    assert len(titles) == 13
    places = [whole.find(title) for title in titles]
    assert -1 not in places
    assert places == sorted(places)
    for words in (
        "Budi Santoso bin Harun",
        "Tanggapan korban",
        "wajib lapor setiap bulan",
        "Drs. Ahmad Fauzi",
        "Lampiran",
    ):
        assert words in whole


async def test_the_minutes_say_who_came_what_was_decided_and_who_dissented(renderer: Renderer) -> None:
    whole = " ".join(pages(await renderer.render(PAPERS["board-minutes"])))

    for words in (
        "paling sedikit 5 orang; hadir 5 orang. Kuorum tercapai.", "tidak hadir: dinas luar", "musyawarah mufakat",
        "setuju 1, tidak setuju 3, abstain 0", "Lingkungan dinilai cukup mendukung.", "keluarga klien",
        "mengikuti pelatihan kerja", "tidak menandatangani: cuti sejak 28 Mei 2026",
    ):  # fmt: skip
        assert words in whole, words


async def test_the_same_paper_gives_the_same_bytes_and_another_one_others(renderer: Renderer) -> None:
    """Each is set by a process of its own, so nothing of a process is in the file; nor is the time of day."""
    first, again, other = await asyncio.gather(
        renderer.render(signed_report()), renderer.render(signed_report()), renderer.render(signed_report(revision=3))
    )

    assert first == again
    assert first.sha256 != other.sha256
    metadata = pypdf.PdfReader(io.BytesIO(first.pdf)).metadata
    assert metadata is not None
    assert str(metadata["/CreationDate"]).startswith("D:20260529")


def with_words(paper: Any, words: str) -> Any:
    """The same data with every text replaced, but for what has a form of its own."""
    if isinstance(paper, dict):
        kept = {"dated_on", "verify_at", "chapter", "letterhead"}
        return {name: value if name in kept else with_words(value, words) for name, value in paper.items()}
    if isinstance(paper, list):
        return [with_words(each, words) for each in paper]
    return words if isinstance(paper, str) else paper


@pytest.mark.parametrize("name", PAPERS)
async def test_words_are_shown_and_never_run(renderer: Renderer, name: str) -> None:
    """In every place of every paper at once; a template that took one for markup would fail or lose characters."""
    paper = type(PAPERS[name]).model_validate(with_words(PAPERS[name].model_dump(mode="json"), HOSTILE))

    whole = "".join(pages(await renderer.render(paper))).replace(" ", "")

    for words in ('#panic("run")', '#read("/etc/passwd")', "*bold*", "$x^2$", "@ref", "`code`", "//comment", "\\u{41}"):
        assert words.replace(" ", "") in whole, words
    assert "root:" not in whole


@pytest.mark.parametrize(
    "words", ["名前 имя اسم 🙂", "a" * 500, "- \n- \n- ", "\n\n\n", "x\u200by", "\t", "e\u0301" * 100]
)
async def test_whatever_is_written_the_paper_can_be_set(renderer: Renderer, words: str) -> None:
    chapters = [
        ChapterText(chapter=chapter, text=words, form=(Labelled(label="Nama", value=words),)) for chapter in Chapter
    ]

    assert pages(await renderer.render(signed_report(chapters=chapters)))


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\u202e", "\u2066", "\ud800"])
def test_what_no_paper_can_show_is_refused(character: str) -> None:
    with pytest.raises(ValidationError):
        Labelled(label="Nama", value=f"Budi{character}")
    with pytest.raises(ValidationError):
        Labelled(label=f"Nama{character}", value="Budi")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"chapters": ()}, id="no chapters"),
        pytest.param({"chapters": tuple(reversed(signed_report().chapters))}, id="in another order"),
        pytest.param({"chapters": signed_report().chapters[:-1]}, id="one is missing"),
        pytest.param({"verify_at": "javascript:alert(1)"}, id="an address that is none"),
        pytest.param({"stamp": "BIASA"}, id="something that a paper does not have"),
    ],
)
def test_a_report_that_is_not_whole_is_no_report(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        signed_report(**change)


async def test_a_chapter_that_does_not_apply_says_why(renderer: Renderer) -> None:
    chapters = list(signed_report().chapters)
    chapters[7] = ChapterText(chapter=Chapter.RESPONSES, left_out="Tidak berlaku bagi litmas pembinaan awal")

    whole = " ".join(pages(await renderer.render(signed_report(chapters=chapters))))

    assert "8. Tanggapan Tidak berlaku bagi litmas pembinaan awal" in whole
    with pytest.raises(ValidationError):
        ChapterText(chapter=Chapter.RESPONSES)


class Unset(Paper):
    """A paper without a template."""

    template = "unset"


async def test_a_paper_that_cannot_be_set_says_so_and_repeats_nothing(renderer: Renderer) -> None:
    with pytest.raises(NotRendered) as raised:
        await renderer.render(Unset(**common(number=NUMBER)))

    assert "Ahmad" not in str(raised.value)


async def test_a_paper_that_takes_too_long_is_ended_and_the_loop_goes_on() -> None:
    """Meanwhile others are served."""
    cases = [case for case in papers()["board-minutes"].cases for _ in range(200)]  # type: ignore[attr-defined]
    large = PAPERS["board-minutes"].model_copy(
        update={"cases": tuple(case.model_copy(update={"discussion": "kata " * 8_000}) for case in cases)}
    )
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.01)

    serving = asyncio.create_task(others())
    with pytest.raises(NotRendered, match="too long"):
        await Renderer(seconds_max=0.5).render(large)
    serving.cancel()

    assert turns > 20


def test_days_and_times_are_written_as_the_office_writes_them() -> None:
    paper = signed_report()

    assert day_in_words(paper.dated_on) == "29 Mei 2026"
    assert (
        time_in_words(datetime(2026, 5, 29, 9, 30, tzinfo=UTC), load_reference().zone) == "29 Mei 2026 pukul 16.30 WIB"
    )


def test_what_a_template_is_given_is_json_and_its_name_has_a_version() -> None:
    assert json.loads(json.dumps(data_of(signed_report())))["number"] == NUMBER
    assert template_of(signed_report()) == "adult-report.v1.typ"
