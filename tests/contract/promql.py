"""PromQL as the alerts and the dashboard use it: which series are read, and which labels a result bears."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import promql_parser as promql

OF_PROMETHEUS: Final = {"up": frozenset({"job", "instance"})}
"""What Prometheus itself knows of every target."""


def selectors(expression: Any) -> Iterator[promql.VectorSelector]:
    """Every series that an expression reads."""
    match expression:
        case promql.VectorSelector():
            yield expression
        case promql.MatrixSelector():
            yield expression.vector_selector
        case promql.Call():
            for argument in expression.args:
                yield from selectors(argument)
        case promql.BinaryExpr():
            yield from selectors(expression.lhs)
            yield from selectors(expression.rhs)
        case promql.AggregateExpr() | promql.SubqueryExpr() | promql.ParenExpr() | promql.UnaryExpr():
            yield from selectors(expression.expr)
        case promql.NumberLiteral() | promql.StringLiteral():
            return
        case _:
            raise TypeError(expression)


def problems(expression: Any, exported: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """What an expression reads or groups by and nobody exports; labels are those of the series and of the scrape."""
    for selector in selectors(expression):
        labels = exported.get(selector.name or "")
        if labels is None:
            yield f"{selector.name} is exported by nobody"
            continue
        for matcher in selector.matchers.matchers:
            if matcher.name not in labels:
                yield f"{selector.name} has no label {matcher.name}"
    yield from _grouping_problems(expression, exported)


def labels_of(  # noqa: PLR0911  one answer for each kind of expression
    expression: Any, exported: Mapping[str, frozenset[str]]
) -> frozenset[str]:
    """The labels that a result can bear."""
    match expression:
        case promql.VectorSelector():
            return exported.get(expression.name or "", frozenset())
        case promql.MatrixSelector():
            return labels_of(expression.vector_selector, exported)
        case promql.AggregateExpr():
            if expression.modifier is None:
                return frozenset()
            named = frozenset(expression.modifier.labels)
            by = expression.modifier.type == promql.AggModifierType.By
            return named if by else labels_of(expression.expr, exported) - named
        case promql.Call():
            return frozenset().union(*(labels_of(argument, exported) for argument in expression.args))
        case promql.BinaryExpr():
            return labels_of(expression.lhs, exported) or labels_of(expression.rhs, exported)
        case promql.SubqueryExpr() | promql.ParenExpr() | promql.UnaryExpr():
            return labels_of(expression.expr, exported)
        case _:
            return frozenset()


def _grouping_problems(expression: Any, exported: Mapping[str, frozenset[str]]) -> Iterator[str]:
    match expression:
        case promql.AggregateExpr():
            inside = labels_of(expression.expr, exported)
            for label in expression.modifier.labels if expression.modifier else ():
                if label not in inside:
                    yield f"grouped by {label}, which no series in it has"
            yield from _grouping_problems(expression.expr, exported)
        case promql.BinaryExpr():
            yield from _grouping_problems(expression.lhs, exported)
            yield from _grouping_problems(expression.rhs, exported)
        case promql.Call():
            for argument in expression.args:
                yield from _grouping_problems(argument, exported)
        case promql.SubqueryExpr() | promql.ParenExpr() | promql.UnaryExpr():
            yield from _grouping_problems(expression.expr, exported)
        case _:
            return
