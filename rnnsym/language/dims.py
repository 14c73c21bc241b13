"""Sizes as unknowns: unification of linear forms (a concatenation is D + M wide)."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from sympy import Expr, Integer, Symbol


class Clash(Exception):
    """Two sizes that cannot be equal."""


class Dim:
    """A size: unknown, a declared name, or a sum of sizes and a number once it is known.

    Attributes:
        label: the name, for a declared size.
        nonunit: whose width it is, if it may never be 1 (the width of a time-indexed quantity).
    """

    __slots__ = ("label", "nonunit", "value")

    def __init__(self, label: str | None = None, nonunit: str | None = None) -> None:
        self.label = label
        self.nonunit = nonunit
        self.value: tuple[Counter[Dim], int] | None = None


def constant(number: int) -> Dim:
    """A size that is a number."""
    dim = Dim()
    dim.value = (Counter(), number)
    return dim


ONE = constant(1)


def total(dims: list[Dim]) -> Dim:
    """The sum of sizes."""
    dim = Dim()
    dim.value = (Counter(dims), 0)
    return dim


def linear(dim: Dim) -> tuple[Counter[Dim], int]:
    """A size as a sum of unknown and declared sizes, and a number."""
    renamed = []
    while (other := _renamed(dim)) is not None:
        renamed.append(dim)
        dim = other
    if dim.value is None:
        result, number = Counter({dim: 1}), 0
    else:
        parts, number = dim.value
        result = Counter()
        for part, times in parts.items():
            inner, more = linear(part)
            number += more * times
            for d, n in inner.items():
                result[d] += n * times
        renamed.append(dim)
    for each in renamed:
        each.value = (result, number)  # path compression
    return result, number


def _renamed(dim: Dim) -> Dim | None:
    """The size that another size is another word for."""
    if dim.value is None or dim.value[1] or len(dim.value[0]) != 1:
        return None
    ((other, times),) = dim.value[0].items()
    return other if times == 1 else None


def is_one(dim: Dim) -> bool:
    """Whether a size is known to be 1."""
    parts, number = linear(dim)
    return not parts and number == 1


def unify(a: Dim, b: Dim) -> None:
    """Make two sizes equal.

    Raises:
        Clash: if they cannot be.
    """
    (left, m), (right, n) = linear(a), linear(b)
    left, right = left - right, right - left
    shift = min(m, n)
    m, n = m - shift, n - shift
    if not left and not right and m == n:
        return
    for one, mine, other, theirs in ((left, m, right, n), (right, n, left, m)):
        for unknown, times in one.items():
            rest = Counter(one)
            del rest[unknown]
            if times != 1 or rest or mine or unknown.label is not None:
                continue
            if sum(other.values()) + theirs < 1:
                continue
            if unknown.nonunit:
                if not other and theirs == 1:
                    raise Clash
                if len(other) == 1 and not theirs:
                    (target,) = other
                    target.nonunit = target.nonunit or unknown.nonunit
            unknown.value = (other, theirs)
            return
    raise Clash


def expression(dim: Dim, names: dict[Dim, str]) -> Expr:
    """A size in SymPy symbols, unknowns by the names given."""
    parts, number = linear(dim)
    terms = [_times(times, d.label or names.get(d, "?")) for d, times in parts.items()]
    if number or not terms:
        terms.append(Integer(number))
    return terms[0] if len(terms) == 1 else sum(terms[1:], terms[0])


@lru_cache(maxsize=1024)
def _times(count: int, name: str) -> Expr:
    """A size so many times."""
    return count * Symbol(name)
