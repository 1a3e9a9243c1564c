"""From a paper to its PDF: the same paper gives the same bytes, and none of its words is ever taken for a command.

Each is set in a process of its own (`worker`) that knows nothing of the service, so that a paper that takes too long or
too much is ended without harm. The data go in as JSON and come into the template as values, not as markup.
"""

import asyncio
import hashlib
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import segno

from chassis.documents.papers import SIGNATURES_TITLE, TITLES, Paper, day_in_words

WORKER: Final = Path(__file__).with_name("worker.py")
SECONDS_MAX: Final = 30.0
AT_ONCE_MAX: Final = 2
PDF_BYTES_MAX: Final = 16 * 1024 * 1024
QR_BORDER_MODULES: Final = 4


class NotRendered(Exception):
    """A paper could not be set; `reason` says why in words that repeat nothing of it."""

    def __init__(self, paper: Paper, reason: str) -> None:
        """Name the template and why."""
        super().__init__(f"{template_of(paper)}: {reason}")
        self.reason = reason


@dataclass(frozen=True)
class Rendered:
    """A paper as a file."""

    pdf: bytes
    sha256: str
    template: str


class Renderer:
    """Sets papers, a few at a time."""

    def __init__(self, *, seconds_max: float = SECONDS_MAX, at_once_max: int = AT_ONCE_MAX) -> None:
        """Say how long one may take, and how many are set at once."""
        self._seconds_max = seconds_max
        self._turns = asyncio.Semaphore(at_once_max)

    async def render(self, paper: Paper) -> Rendered:
        """The PDF of a paper. Raises NotRendered."""
        job = json.dumps(
            {"template": template_of(paper), "dated_on": paper.dated_on.isoformat(), "paper": data_of(paper)}
        )
        async with self._turns:
            pdf = await self._set(paper, job.encode())
        return Rendered(pdf, hashlib.sha256(pdf).hexdigest(), template_of(paper))

    async def _set(self, paper: Paper, job: bytes) -> bytes:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", str(WORKER),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env={}, cwd="/",
        )  # fmt: skip
        try:
            async with asyncio.timeout(self._seconds_max):
                pdf, said = await process.communicate(job)
        except TimeoutError:
            raise NotRendered(paper, "it takes too long") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise NotRendered(paper, f"exit {process.returncode} at {said.decode(errors='replace')[-200:]}")
        if not pdf.startswith(b"%PDF-") or len(pdf) > PDF_BYTES_MAX:
            raise NotRendered(paper, f"{len(pdf)} bytes are no paper of ours")
        return pdf


def template_of(paper: Paper) -> str:
    """The file of a paper's template, with its version: one that was used is never changed, a next one is made."""
    return f"{paper.template}.v{paper.version}.typ"


def data_of(paper: Paper) -> dict[str, Any]:
    """What the template is given: the paper, its day in words, the titles, and the QR code."""
    return {
        **paper.model_dump(mode="json"),
        "dated_in_words": day_in_words(paper.dated_on),
        "titles": {chapter.value: title for chapter, title in TITLES.items()},
        "signatures_title": SIGNATURES_TITLE,
        "qr": None if paper.verify_at is None else qr_svg(paper.verify_at),
    }


def qr_svg(address: str) -> str:
    """The QR code of an address as SVG, with the quiet zone that readers need (ISO/IEC 18004)."""
    drawn = io.BytesIO()
    segno.make_qr(address, error="m").save(drawn, kind="svg", xmldecl=False, border=QR_BORDER_MODULES, light="#fff")
    return drawn.getvalue().decode()
