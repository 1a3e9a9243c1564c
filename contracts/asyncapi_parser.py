"""Asks the reference parser whether our AsyncAPI document is one; it needs Node and is left out where there is none."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PARSER: Final = "@asyncapi/parser@3.6.0"
INSTALL_SECONDS_MAX: Final = 180
PARSE_SECONDS_MAX: Final = 60
_SCRIPT: Final = """
const { Parser } = require("@asyncapi/parser");
new Parser().parse(require("fs").readFileSync(0, "utf8")).then(({ diagnostics }) => {
  const errors = diagnostics.filter((each) => each.severity === 0);
  for (const each of errors) console.log(each.path.join(".") + ": " + each.message);
  process.exit(errors.length ? 1 : 0);
});
"""


@dataclass(frozen=True)
class Verdict:
    """What the parser says: problems, or why it was not asked."""

    problems: tuple[str, ...] = ()
    skipped: str | None = None


def parse(document: Path) -> Verdict:
    """Let the reference parser read the document."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return Verdict(skipped="node and npm are not installed")
    home = _cache() / PARSER.rpartition("@")[2]
    if not (home / ".ready").exists():
        failure = _install(npm, home)
        if failure:
            return Verdict(skipped=failure)
    try:
        done = subprocess.run(  # noqa: S603  the node that was found, and our script
            [node, "--eval", _SCRIPT],
            cwd=home,
            input=document.read_text(encoding="utf-8"),
            capture_output=True,
            check=False,
            text=True,
            timeout=PARSE_SECONDS_MAX,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Verdict(skipped=f"the parser did not run: {type(error).__name__}")
    lines = tuple((done.stdout + done.stderr).splitlines())
    return Verdict(problems=lines or (f"the parser ended with {done.returncode}",)) if done.returncode else Verdict()


def _install(npm: str, home: Path) -> str | None:
    """Fetch the parser once; the answer is why that did not work."""
    options = ["--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=0", "--fetch-timeout=20000"]
    try:
        home.mkdir(parents=True, exist_ok=True)
        # A package file of its own, or npm would look for one in the folders above.
        (home / "package.json").write_text('{"private": true}\n', encoding="utf-8")
        done = subprocess.run(  # noqa: S603  the npm that was found
            [npm, "install", *options, PARSER],
            cwd=home,
            capture_output=True,
            check=False,
            timeout=INSTALL_SECONDS_MAX,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{PARSER} could not be fetched: {type(error).__name__}"
    if done.returncode:
        return f"{PARSER} could not be fetched"
    (home / ".ready").touch()
    return None


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bapas" / "asyncapi-parser"
