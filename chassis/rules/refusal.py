"""The two ways in which a rule ends a piece of work without a change: refused, and irrelevant."""

import re

_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


class Outcome(Exception):
    """Nothing was changed."""

    def __init__(self, reason: str | None = None) -> None:
        """Take the words for the person who reads it; without any, the first line of the class docstring."""
        self.reason = reason if reason is not None else _first_line(type(self).__doc__)
        super().__init__(self.reason)

    @property
    def rule(self) -> str:
        """The name of the rule in kebab-case: a bounded word for metrics, problem documents and dead letters."""
        return _WORD_START.sub("-", type(self).__name__).lower()


class Refused(Outcome):
    """A rule of the office does not allow this."""


class Irrelevant(Outcome):
    """What is told is true, but too late or not ours."""


def _first_line(docstring: str | None) -> str:
    return (docstring or "").strip().partition("\n")[0]
