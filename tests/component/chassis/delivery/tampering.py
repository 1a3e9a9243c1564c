"""What somebody with every right on the database may do to the audit trail, and what the verifier says of each."""

from collections.abc import Mapping, Sequence
from typing import Final

OPEN_THE_TABLES: Final = """
    ALTER TABLE audit_entry DISABLE TRIGGER USER;
    ALTER TABLE audit_link DISABLE TRIGGER USER;
    ALTER TABLE audit_anchor DISABLE TRIGGER USER;
"""
REWRITE_A_BODY = "UPDATE audit_entry SET body = replace(body, 'shown', 'taken') WHERE seq = 3"
DIGEST = """
    sha256(convert_to('bapas.audit.entry.v1' || E'\\n' || entry_id::text || E'\\n'
           || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || E'\\n' || body, 'UTF8'))
"""
HASH_IT_ANEW = f"UPDATE audit_entry SET digest = {DIGEST} WHERE seq = 3"  # noqa: S608  an attacker composes
SWAP_TWO_BODIES = """
    UPDATE audit_entry AS e SET body = o.body, digest = o.digest FROM audit_entry AS o
     WHERE (e.seq, o.seq) IN ((2, 4), (4, 2))
"""
PUT_ONE_BESIDE = """
    INSERT INTO audit_entry (at, body, digest, actor, action, outcome, subjects)
    VALUES (now() - interval '1 hour', '{}', '\\x00', 'x', 'x', 'done', '{}')
"""
TAMPERING: Final[Mapping[str, tuple[Sequence[str], set[str]]]] = {
    "a row is edited": ([REWRITE_A_BODY], {"edited"}),
    "a row is edited and its digest too": ([REWRITE_A_BODY, HASH_IT_ANEW], {"edited"}),
    "a row gets another time": (["UPDATE audit_entry SET at = at - interval '1 hour' WHERE seq = 3"], {"edited"}),
    "a row is hidden from who looks it up": (["UPDATE audit_entry SET subjects = '{}' WHERE seq = 3"], {"edited"}),
    "a row is deleted": (["DELETE FROM audit_entry WHERE seq = 3"], {"removed"}),
    "a row is deleted with its link": (
        ["DELETE FROM audit_link USING audit_entry AS e WHERE e.entry_id = audit_link.entry_id AND e.seq = 3",
         "DELETE FROM audit_entry WHERE seq = 3"],
        {"removed", "rewritten"},
    ),
    "two rows are swapped": (
        [SWAP_TWO_BODIES],
        {"edited"},
    ),
    "two places in the chain are swapped": (
        ["UPDATE audit_link SET position = -position WHERE position IN (2, 4)",
         "UPDATE audit_link SET position = CASE position WHEN -2 THEN 4 ELSE 2 END WHERE position < 0"],
        {"link", "order"},
    ),
    "the tail is cut off": (
        ["DELETE FROM audit_entry WHERE seq > 4", "DELETE FROM audit_link WHERE position > 4"],
        {"cut"},
    ),
    "the tail is cut off and the anchors too": (
        ["DELETE FROM audit_entry WHERE seq > 4", "DELETE FROM audit_link WHERE position > 4",
         "DELETE FROM audit_anchor WHERE position > 4"],
        {"cut"},
    ),
    "everything is deleted": (
        ["DELETE FROM audit_entry", "DELETE FROM audit_link", "DELETE FROM audit_anchor"],
        {"cut"},
    ),
    "a link is edited": (
        ["UPDATE audit_link SET sealed_at = sealed_at - interval '1 day' WHERE position = 3"],
        {"link"},
    ),
    "a row is put beside the chain": (
        [PUT_ONE_BESIDE],
        {"outside", "edited"},
    ),
}  # fmt: skip
