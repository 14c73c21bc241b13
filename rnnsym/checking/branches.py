"""The branches of the piecewise functions in a text, and which of them a sample reaches.

A function such as relu6 is several formulas, and which of them counts is decided by the signs of
some margins, here z and z - 6. A check that has seen one sign alone has not seen the other formula.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from sympy import HadamardProduct, MatAdd, MatrixExpr, Transpose
from sympy.core.relational import Relational

from ..algebra.functions import ELEMENTWISE, ROWS
from ..algebra.nodes import (
    Apply,
    Concat,
    Divide,
    MatMul,
    Number,
    Power,
    RowApply,
    Scale,
    Spread,
    is_negative,
)
from ..nouns import Equation, Quantity

Array = NDArray[Any]
#: Gives the array of a quantity; those of one equation lie beside each other, entry by entry.
Lookup = Callable[[Quantity], Array]


@dataclass(frozen=True)
class Branch:
    """A margin whose sign decides between two formulas.

    Attributes:
        equation: where the function stands.
        function: which function; `operands` are what it is applied to.
        margin: the margin as a formula in the names of the function's arguments.
        side: the sign of it that has to be seen, 1 or -1.
    """

    equation: Equation
    function: str
    operands: tuple[MatrixExpr, ...]
    margin: str
    side: int
    value: Callable[..., Array] = field(compare=False, repr=False)

    @property
    def words(self) -> str:
        sign = ">" if self.side > 0 else "<"
        return f"{self.function} where {self.margin} {sign} 0, in {self.equation}"


@cache
def margins(name: str, arguments: int) -> tuple[tuple[str, Callable[..., Array]], ...]:
    """The margins of an elementwise function, from the conditions in its expression."""
    entry = ELEMENTWISE[name]
    symbols = [sp.Symbol(a, real=True) for a in entry.arguments[:arguments]]
    formula = entry.scalar(*symbols)
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
    # The expressions are those of the table, never a text of a user's.
    return tuple((str(m), sp.lambdify(symbols, m, "numpy")) for m in rows)


def branches(equations: Iterable[Equation]) -> tuple[Branch, ...]:
    """Every branch of every piecewise function in some equations."""
    return tuple(branch for e in equations for branch in _of(e, e.expr))


def _of(equation: Equation, expr: Any) -> Iterator[Branch]:
    if not isinstance(expr, MatrixExpr) or isinstance(expr, Quantity):
        return
    rows: Iterable[tuple[str, Callable[..., Array]]] = ()
    operands: tuple[Any, ...] = ()
    if isinstance(expr, Apply):
        operands = expr.operands
        rows = margins(expr.name_, len(operands))
    elif isinstance(expr, RowApply):
        margin = ROWS[expr.name_].margin
        operands = (expr.operand,)
        rows = [("the element minus its threshold", margin)] if margin is not None else ()
    for words, value in rows:
        for side in (1, -1):
            yield Branch(equation, expr.name_, operands, words, side, value)
    for argument in expr.args:
        yield from _of(equation, argument)


def array_of(expr: Any, lookup: Lookup) -> Array:
    """The values of an expression whose parts lie as `lookup` gives them: (…, rows, columns).

    Raises:
        TypeError: for what is not entry by entry; a cell whose nested parts are named has none
            of it where a branch is decided.
    """

    def go(e: Any) -> Array:
        if isinstance(e, Quantity):
            return lookup(e)
        if isinstance(e, Number):
            return np.full((1, 1), float(e.value))
        if isinstance(e, Spread):
            return go(e.args[0])
        if isinstance(e, Transpose):
            return np.swapaxes(go(e.args[0]), -1, -2)
        if is_negative(e):
            return -go(e.args[1])
        raise TypeError(type(e).__name__)

    return go(expr)


class Coverage:
    """Which branches have been reached by the samples seen so far.

    Attributes:
        missing: the branches that no sample has reached, and that could be.
    """

    def __init__(self, equations: Iterable[Equation]) -> None:
        self.equations = tuple(equations)
        self.missing = [b for b in branches(self.equations) if not self._impossible(b)]

    def see(self, lookup: Lookup) -> bool:
        """Take note of a sample; whether it reached a branch that none had reached before."""
        left = [b for b in self.missing if not reached(b, lookup)]
        found = len(left) < len(self.missing)
        self.missing = left
        return found

    @property
    def words(self) -> str:
        """Which branch was not reached, for a verdict; empty if all were."""
        if not self.missing:
            return ""
        more = f" (and {len(self.missing) - 1} more)" if len(self.missing) > 1 else ""
        return f"a branch was not reached: {self.missing[0].words}{more}"

    def _impossible(self, branch: Branch) -> bool:
        """Whether a branch can never be reached: relu6 never sees 6 behind a sigmoid."""
        return impossible(branch, self.equations)


def impossible(branch: Branch, equations: Iterable[Equation]) -> bool:
    """Whether no numbers whatever reach a branch."""
    if branch.function in ROWS:
        return False
    spans = [span_of(o, equations) for o in branch.operands]
    low, high = _image(branch.value, spans)
    return high <= 0 if branch.side > 0 else low >= 0


def reached(branch: Branch, lookup: Lookup) -> bool:
    """Whether some entry of a sample lies on the side of a branch."""
    values = [array_of(o, lookup) for o in branch.operands]
    with np.errstate(all="ignore"):
        margin = np.asarray(branch.value(*values))
    return bool((margin * branch.side > 0).any())


# --- which values an expression can have at all ---------------------------------------------------

Span = tuple[float, float]
_ALL: Span = (-np.inf, np.inf)
#: Where functions are looked at: dense near zero, and far out.
_GRID = np.unique(np.concatenate(
    [np.linspace(-12, 12, 2401), *(s * np.logspace(1, 4, 61) for s in (1, -1))]
))  # fmt: skip


def span_of(expr: Any, equations: Iterable[Equation], seen: tuple[str, ...] = ()) -> Span:
    """The least interval that is known to hold every entry of an expression."""
    defined = {e.variable.name: e for e in equations}

    def go(e: Any) -> Span:
        if isinstance(e, Quantity):
            equation = defined.get(e.label)
            if equation is None or e.label in seen or e.time != equation.time:
                return _ALL  # given, or of the step before: it may start anywhere
            return span_of(equation.expr, defined.values(), (*seen, e.label))
        if isinstance(e, Number):
            return float(e.value), float(e.value)
        if isinstance(e, (Spread, Transpose)):
            return go(e.args[0])
        if is_negative(e):
            low, high = go(e.args[1])
            return -high, -low
        if isinstance(e, MatAdd):
            spans = [go(a) for a in e.args]
            return sum(s[0] for s in spans), sum(s[1] for s in spans)
        if isinstance(e, (HadamardProduct, Scale)):
            if isinstance(e, HadamardProduct) and len(set(e.args)) == 1 and len(e.args) % 2 == 0:
                return 0.0, np.inf
            span = go(e.args[0])
            for a in e.args[1:]:
                span = _times(span, go(a))
            return span
        if isinstance(e, Divide):
            low, high = go(e.args[1])
            if low > 0 or high < 0:
                return _times(go(e.args[0]), (1 / high if high else np.inf,
                                              1 / low if low else np.inf))  # fmt: skip
            return _ALL
        if isinstance(e, Power):
            exponent = e.args[1].args[0] if isinstance(e.args[1], Spread) else e.args[1]
            even = isinstance(exponent, Number) and exponent.value % 2 == 0
            return (0.0, np.inf) if even else _ALL
        if isinstance(e, Concat):
            spans = [go(a) for a in e.operands]
            return min(s[0] for s in spans), max(s[1] for s in spans)
        if isinstance(e, Apply):
            value = _function(e.name_, len(e.operands))
            return _image(value, [go(a) for a in e.operands])
        if isinstance(e, RowApply) and e.name_ in ("sum", "mean"):
            low, high = go(e.operand)
            if e.name_ == "mean":
                return low, high
            return (0.0 if low >= 0 else -np.inf), (0.0 if high <= 0 else np.inf)
        if isinstance(e, RowApply):
            return ROWS[e.name_].span
        if isinstance(e, MatMul):
            spans = [go(a) for a in e.args]
            if all(s[0] >= 0 for s in spans):
                return 0.0, np.inf
        return _ALL

    return go(expr)


def _times(a: Span, b: Span) -> Span:
    products = [0.0 if 0 in (x, y) else x * y for x in a for y in b]
    return min(products), max(products)


@cache
def _function(name: str, arguments: int) -> Callable[..., Array]:
    entry = ELEMENTWISE[name]
    symbols = [sp.Symbol(a, real=True) for a in entry.arguments[:arguments]]
    formula = entry.scalar(*symbols)
    if formula.has(sp.erf, sp.erfc):
        return lambda *z: np.full(np.broadcast(*z).shape, np.nan)  # NumPy has none: not known
    return sp.lambdify(symbols, formula, "numpy")


def _image(function: Callable[..., Array], spans: list[Span]) -> Span:
    """The values of a function over a box, as far as a fine grid shows them."""
    near, far = (_extremes(function, spans, scale) for scale in (1.0, _FAR))
    if near is None or far is None:
        return _ALL
    # What goes on growing far out, grows without bound.
    slack = 1e-9 * max(1.0, *(abs(v) for v in near if np.isfinite(v)), 0.0)
    low = -np.inf if far[0] < near[0] - slack else near[0]
    high = np.inf if far[1] > near[1] + slack else near[1]
    return low, high


#: How much farther out a function is looked at, to see whether it still grows there.
_FAR = 1e6


def _extremes(function: Callable[..., Array], spans: list[Span], scale: float) -> Span | None:
    axes = []
    for low, high in spans:
        points = np.concatenate([_GRID, _GRID * scale])
        ends = [v for v in (low, high) if np.isfinite(v)]
        axes.append(np.unique([*points[(points >= low) & (points <= high)], *ends]))
    if len(axes) > 1:
        axes = [a[:: max(1, len(a) // 200)] for a in axes]
        axes = [np.unique([*a, a[-1]]) for a in axes]
    if not all(len(a) for a in axes):
        return None
    with np.errstate(all="ignore"):
        values = np.broadcast_to(function(*np.meshgrid(*axes)), [len(a) for a in axes][::-1])
    finite = values[~np.isnan(values)]
    if not finite.size or finite.size < values.size // 3:
        return None
    return float(finite.min()), float(finite.max())
