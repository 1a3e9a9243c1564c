"""Which papers a request must bring, by what it asks for: the list that an incomplete one is returned with.

The list for conditional release is that of prisons' own guides, a superset of the others; where no list was found
nothing but the letter is asked for, and the counter may still name what it misses.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from contracts.inquiries import Programme

JUDGMENT_EXCERPT: Final = "JUDGMENT_EXCERPT"
EXECUTION_RECORD: Final = "EXECUTION_RECORD"
PROGRAMME_REPORT: Final = "PROGRAMME_REPORT"
PROSECUTOR_NOTICE: Final = "PROSECUTOR_NOTICE"
REGISTER_F: Final = "REGISTER_F"
CHANGE_LIST: Final = "CHANGE_LIST"
STATEMENT: Final = "STATEMENT"
FAMILY_GUARANTEE: Final = "FAMILY_GUARANTEE"

_INTEGRATION: Final = (
    JUDGMENT_EXCERPT,
    EXECUTION_RECORD,
    PROGRAMME_REPORT,
    PROSECUTOR_NOTICE,
    REGISTER_F,
    CHANGE_LIST,
    STATEMENT,
    FAMILY_GUARANTEE,
)
REQUIRED: Final[Mapping[Programme, tuple[str, ...]]] = {
    Programme.CONDITIONAL_RELEASE: _INTEGRATION,
    Programme.CONDITIONAL_LEAVE: _INTEGRATION,
    Programme.PRE_RELEASE_LEAVE: _INTEGRATION,
    Programme.ASSIMILATION: (JUDGMENT_EXCERPT, PROGRAMME_REPORT, REGISTER_F, FAMILY_GUARANTEE),
    # Permenkumham 3/2018 art. 67: the family asks and vouches, known to RT and lurah.
    Programme.FAMILY_VISIT_LEAVE: (JUDGMENT_EXCERPT, REGISTER_F, FAMILY_GUARANTEE),
    Programme.INITIAL_PROGRAMME: (JUDGMENT_EXCERPT,),
    Programme.INITIAL_PLACEMENT: (JUDGMENT_EXCERPT,),
    Programme.TRANSFER: (JUDGMENT_EXCERPT,),
    Programme.CLEMENCY: (JUDGMENT_EXCERPT,),
    Programme.SENTENCE_CHANGE: (JUDGMENT_EXCERPT,),
}


def missing(programmes: Iterable[Programme], brought: Iterable[str]) -> tuple[str, ...]:
    """The papers that a request for these programmes lacks, in the order of the list."""
    wanted = dict.fromkeys(kind for programme in programmes for kind in REQUIRED.get(programme, ()))
    there = frozenset(brought)
    return tuple(kind for kind in wanted if kind not in there)
