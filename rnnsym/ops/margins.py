"""Where an operation has a value, and where its formula changes: formulas of which the sign counts.

Those of a function of the table follow from its SymPy expression.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import sympy as sp
from numpy.typing import NDArray
from sympy.core.relational import Relational

from .functions import ELEMENTWISE

Array = NDArray[Any]


@dataclass(frozen=True)
class Margin:
    """A formula in the operands of an operation.

    Attributes:
        words: the formula, in the names of the operands.
        value: the same as a NumPy function of their arrays.
        relation: how it has to stand to 0: ">" or "<" on the sides of a branch; ">", "≥" or "≠"
            where there is a value.
        entrywise: whether an entry of it depends on the entries in its place alone.
    """

    words: str
    value: Callable[..., Array] = field(compare=False, repr=False)
    relation: str = ">"
    entrywise: bool = True


@cache
def branches_of(name: str, arguments: int) -> tuple[Margin, ...]:
    """Where the formula of a function of the table changes: the conditions in its expression."""
    symbols, formula = _formula(name, arguments)
    found: dict[Any, None] = {}
    for piecewise in formula.atoms(sp.Piecewise):
        for _, condition in piecewise.args:
            for relation in condition.atoms(Relational):
                found.setdefault(relation.lhs - relation.rhs)
    for absolute in formula.atoms(sp.Abs):
        found.setdefault(absolute.args[0])
    rows: dict[Any, None] = {}
    for margin in found:
        if margin.free_symbols and -margin not in rows:
            rows.setdefault(margin)
    return tuple(_margin(symbols, m, ">") for m in rows)


@cache
def domain_of(name: str, arguments: int) -> tuple[Margin, ...]:
    """Where a function of the table has a value: the logarithms and roots in its expression."""
    symbols, formula = _formula(name, arguments)
    found = dict.fromkeys(c for node in sp.preorder_traversal(formula) for c in _needed(node))
    return tuple(_margin(symbols, margin, relation) for margin, relation in found)


def power_domain(exponent: Any) -> str:
    """What the base of a power has to be for its exponent, a number or None; "" for anything."""
    if exponent is None:
        return ">"
    if exponent.is_integer:
        return "" if exponent >= 0 else "≠"
    return "≥" if exponent > 0 else ">"


def _needed(node: Any) -> Iterator[tuple[Any, str]]:
    """What has to be positive, or no zero, for a node to have a value; what always is not."""
    if isinstance(node, sp.log) and not node.args[0].is_positive:
        yield node.args[0], ">"
    elif isinstance(node, sp.Pow) and node.args[0].free_symbols:
        base, exponent = node.args
        relation = power_domain(exponent if exponent.is_Rational else None)
        if relation and not base.is_positive:
            yield base, relation


def _formula(name: str, arguments: int) -> tuple[list[sp.Symbol], Any]:
    entry = ELEMENTWISE[name]
    symbols = [sp.Symbol(a, real=True) for a in entry.arguments[:arguments]]
    return symbols, entry.scalar(*symbols)


def _margin(symbols: list[sp.Symbol], formula: Any, relation: str) -> Margin:
    # The expressions are those of the table, never a text of a user's.
    return Margin(str(formula), sp.lambdify(symbols, formula, "numpy"), relation)


__all__ = ["Margin", "branches_of", "domain_of", "power_domain"]
