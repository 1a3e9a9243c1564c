"""R0: the record is whole: what each journal tells, from the first change to the last, is what its tables say."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Final

from tests.faults.checker.folder import Row, Run
from tests.faults.checker.history import Entry
from tests.faults.checker.verdict import Sight

UNTOLD: Final = frozenset({"schema_migration"})
"""Tables of which no journal is kept."""
SHOWN_CHARS: Final = 160


def look(run: Run, sight: Sight) -> None:
    """Tell each table anew from its journal, and compare."""
    if not run.is_quiet:
        return
    for service in run.services:
        tables, told = run.tables[service], run.final(service).by_table
        for table in sorted((tables.keys() | told.keys()) - UNTOLD):
            _look_at_table(service, table, told.get(table, ()), tables.get(table, ()), sight)


def _look_at_table(service: str, table: str, told: Sequence[Entry], rows: Sequence[Row], sight: Sight) -> None:
    every = [row for entry in told for row in (entry.row, entry.old) if row] + list(rows)
    # A schema that was widened in between has columns of which older changes know nothing.
    columns = sorted(set(every[0]).intersection(*every)) if every else []
    balance: Counter[str] = Counter()
    for entry in told:
        for row, count in ((entry.old, -1), (entry.row, 1)):
            if row:
                balance[_text(row, columns)] += count
    for row in rows:
        sight.look()
        balance[_text(row, columns)] -= 1
    for text, count in balance.items():
        if count:
            where = "the journal" if count > 0 else "the table"
            sight.wrong(service, table, f"{abs(count)} rows more in {where}: {text[:SHOWN_CHARS]}")


def _text(row: Row, columns: Sequence[str]) -> str:
    return json.dumps([row[name] for name in columns], sort_keys=True)
