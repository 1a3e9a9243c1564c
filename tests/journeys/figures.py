"""Figures that journeys measure: nothing is asserted on them, they are shown at the end of the run."""

FIGURES: dict[str, str] = {}


def figure(what: str, value: str) -> None:
    """Show this at the end of the run."""
    FIGURES[what] = value
