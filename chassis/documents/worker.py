"""Sets one paper in a process of its own: the job comes by the standard input, the PDF goes by the standard output.

Run as a script by `chassis.documents.rendering`, without the environment of the service and within bounds of memory and
of processor time that the system enforces. Imports nothing of the house.
"""

import json
import re
import resource
import sys
from datetime import UTC, datetime
from pathlib import Path

import typst

MEMORY_BYTES_MAX = 2 * 1024 * 1024 * 1024
PROCESSOR_SECONDS_MAX = 20
EXIT_NOT_SET = 3
_PLACE = re.compile(r"[\w.-]+\.typ:\d+:\d+")


def main() -> None:
    """Set the paper that the job names."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS_MAX, PROCESSOR_SECONDS_MAX))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    job = json.load(sys.stdin)
    templates = Path(__file__).parent / "templates"
    compiler = typst.Compiler(
        templates / job["template"],
        root=templates,
        font_paths=typst.Fonts(include_system_fonts=False),
        sys_inputs={"paper": json.dumps(job["paper"])},
    )
    try:
        pdf = compiler.compile(format="pdf", timestamp=datetime.fromisoformat(job["dated_on"]).replace(tzinfo=UTC))
    except typst.TypstError as error:
        # The place alone: the words of a diagnostic may repeat what stands on the paper.
        sys.stderr.write(" ".join(sorted(set(_PLACE.findall(f"{error.diagnostic} {error.trace}")))) or "?")
        sys.exit(EXIT_NOT_SET)
    if not isinstance(pdf, bytes):
        sys.exit(EXIT_NOT_SET)
    sys.stdout.buffer.write(pdf)


if __name__ == "__main__":
    main()
