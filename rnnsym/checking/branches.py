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
from sympy import MatrixExpr
from sympy.core.relational import Relational

from ..nouns import Equation, Quantity
from ..ops.elementwise import is_function
from ..ops.functions import ELEMENTWISE
from ..ops.leaves import Number
from ..ops.node import Transpose
from ..ops.rowfunctions import ROWS
from ..ops.rows import RowApply
from ..ops.spans import EVERYWHERE, Span, image
from ..ops.sums import Minus

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
    if is_function(expr):
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
        if isinstance(e, Transpose):
            return np.swapaxes(go(e.args[0]), -1, -2)
        if isinstance(e, Minus):
            return -go(e.args[0])
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
    low, high = image(branch.value, spans)
    return high <= 0 if branch.side > 0 else low >= 0


def reached(branch: Branch, lookup: Lookup) -> bool:
    """Whether some entry of a sample lies on the side of a branch."""
    values = [array_of(o, lookup) for o in branch.operands]
    with np.errstate(all="ignore"):
        margin = np.asarray(branch.value(*values))
    return bool((margin * branch.side > 0).any())


# --- which values an expression can have at all ---------------------------------------------------


def span_of(expr: Any, equations: Iterable[Equation], seen: tuple[str, ...] = ()) -> Span:
    """The least interval that is known to hold every entry of an expression."""
    defined = {e.variable.name: e for e in equations}

    def go(e: Any) -> Span:
        if not isinstance(e, Quantity):
            return e.span(go)  # type: ignore[no-any-return]
        equation = defined.get(e.label)
        if equation is None or e.label in seen or e.time != equation.time:
            return EVERYWHERE  # given, or of the step before: it may start anywhere
        return span_of(equation.expr, defined.values(), (*seen, e.label))

    return go(expr)
