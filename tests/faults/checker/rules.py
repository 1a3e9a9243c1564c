"""All rules, in the order in which they are said."""

from typing import Final

from tests.faults.checker import (
    atomicity,
    clocks,
    effects,
    mails,
    offsets,
    order,
    outbox,
    outcomes,
    reconciling,
    recording,
    settling,
    traces,
)
from tests.faults.checker.folder import Run
from tests.faults.checker.verdict import Rule, Verdict

RULES: Final = (
    Rule("R0", "the record is whole", recording.look),
    Rule("R1", "one outcome for each delivery", outcomes.look_at_deliveries),
    Rule("R1h", "one effect for each request", outcomes.look_at_requests),
    Rule("R2", "no effect twice", effects.look),
    Rule("R3", "the outbox and the topics agree", outbox.look),
    Rule("R4", "one transaction for a delivery and its effects", atomicity.look),
    Rule("R5", "the order of a subject", order.look),
    Rule("R6", "offsets pass nothing undone", offsets.look),
    Rule("R7", "no mail twice without a mark", mails.look),
    Rule("R8", "everything settles", settling.look),
    Rule("R9", "the services reconcile", reconciling.look),
    Rule("R10", "traces reach the publisher", traces.look),
    Rule("R11", "clocks ring once", clocks.look),
)


def judge(run: Run) -> Verdict:
    """Let every rule look at a run."""
    return Verdict(run, [(rule, rule.judge(run)) for rule in RULES])
