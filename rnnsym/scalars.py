"""Formulas of single elements: the nodes of `h_{t,j} = tanh(Σ_k x_{t,k} W_{k,j} + b_j)`.

They are derived from matrix equations, printed, read again and evaluated; nothing here knows how.
Two formulas are equal if they are written alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from sympy import Expr, Integer, Symbol


@dataclass(frozen=True)
class Scalar:
    """A node."""


@dataclass(frozen=True)
class Const(Scalar):
    """A decimal number as written, or `e` or `pi`."""

    text: str


@dataclass(frozen=True)
class Count(Scalar):
    """A size as a number (M, D + M), or the place that an index stands at (j)."""

    size: Expr


@dataclass(frozen=True)
class Entry(Scalar):
    """An element of a quantity; one index for each side of it that is longer than 1.

    Attributes:
        label: of the quantity.
        time: t, t - 1, a number or None.
        indices: letters, numbers counted from 1, or sums such as j - M.
    """

    label: str
    time: Expr | None = None
    indices: tuple[Expr, ...] = ()


@dataclass(frozen=True)
class Neg(Scalar):
    """A minus sign."""

    term: Scalar


@dataclass(frozen=True)
class Add(Scalar):
    """A sum; what is subtracted is a `Neg` term."""

    terms: tuple[Scalar, ...]


@dataclass(frozen=True)
class Mul(Scalar):
    """Factors side by side."""

    factors: tuple[Scalar, ...]


@dataclass(frozen=True)
class Div(Scalar):
    """A fraction."""

    above: Scalar
    below: Scalar


@dataclass(frozen=True)
class Pow(Scalar):
    """A power."""

    base: Scalar
    exponent: Scalar


@dataclass(frozen=True)
class Call(Scalar):
    """A function of the language."""

    name: str
    arguments: tuple[Scalar, ...]


@dataclass(frozen=True)
class Total(Scalar):
    """A sum of the body over an index from 1 to `upper`."""

    index: Symbol
    upper: Expr
    body: Scalar


@dataclass(frozen=True)
class Branch(Scalar):
    """A value, and the condition `left relation right` (one of < ≤ > ≥) under which it is taken."""

    value: Scalar
    left: Scalar
    relation: str
    right: Scalar


@dataclass(frozen=True)
class Cases(Scalar):
    """The value of the first branch whose condition holds, else `otherwise`."""

    branches: tuple[Branch, ...]
    otherwise: Scalar


@dataclass(frozen=True)
class Element:
    """An equation of elements: it holds for every value of the indices of its left side."""

    left: Entry
    right: Scalar


def children(node: Scalar) -> Iterator[Scalar]:
    """The nodes directly inside of a node."""
    for f in fields(node):
        value = getattr(node, f.name)
        if isinstance(value, Scalar):
            yield value
        elif isinstance(value, tuple):
            yield from (v for v in value if isinstance(v, Scalar))


def rebuilt(node: Scalar, change: Callable[[Scalar], Scalar]) -> Scalar:
    """The node with `change` applied to what is directly inside."""
    new: dict[str, Any] = {}
    for f in fields(node):
        value = getattr(node, f.name)
        if isinstance(value, Scalar):
            new[f.name] = change(value)
        elif isinstance(value, tuple) and value and isinstance(value[0], Scalar):
            new[f.name] = tuple(change(v) for v in value)
    return replace(node, **new) if new else node


def entries_in(node: Scalar) -> Iterator[Entry]:
    """Every element that a formula uses."""
    if isinstance(node, Entry):
        yield node
    for child in children(node):
        yield from entries_in(child)


def placed(node: Scalar, places: dict[Symbol, Expr]) -> Scalar:
    """The formula with other indices in the places of letters."""
    if isinstance(node, Entry):
        return replace(node, indices=tuple(i.xreplace(places) for i in node.indices))
    if isinstance(node, Count):
        return Count(node.size.xreplace(places))
    if isinstance(node, Total):
        inner = {k: v for k, v in places.items() if k != node.index}
        return Total(node.index, node.upper.xreplace(places), placed(node.body, inner))
    return rebuilt(node, lambda n: placed(n, places))


def added(terms: list[Scalar]) -> Scalar:
    """A sum, or the only term."""
    return terms[0] if len(terms) == 1 else Add(tuple(terms))


def multiplied(factors: list[Scalar]) -> Scalar:
    """A product, written without parentheses inside of it, or the only factor."""
    flat: list[Scalar] = []
    for factor in factors:
        flat += factor.factors if isinstance(factor, Mul) else [factor]
    return flat[0] if len(flat) == 1 else Mul(tuple(flat))


def whole(number: int) -> Const:
    """A whole number that is not negative."""
    return Const(str(int(number)))


ONE = Integer(1)
