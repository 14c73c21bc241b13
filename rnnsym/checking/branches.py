"""The branches of the piecewise functions in a text, and which of them a sample reaches.

A function such as relu6 is several formulas, and which of them counts is decided by the signs of
some margins, here z and z - 6. A check that has seen one sign alone has not seen the other formula.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import MatrixExpr, preorder_traversal

from ..errors import InputError
from ..nouns import Equation, Quantity
from ..ops.leaves import Number
from ..ops.margins import Margin
from ..ops.node import Node, Transpose
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
        margin: the margin, in the names of the function's arguments.
        side: the sign of it that has to be seen, 1 or -1.
    """

    equation: Equation
    function: str
    operands: tuple[MatrixExpr, ...]
    margin: Margin
    side: int

    @property
    def words(self) -> str:
        sign = ">" if self.side > 0 else "<"
        return f"{self.function} where {self.margin.words} {sign} 0, in {self.equation}"

    def met(self, values: Sequence[Array]) -> bool:
        """Whether some entry of the operands' values lies on its side."""
        with np.errstate(all="ignore"):
            margin = np.asarray(self.margin.value(*values))
        return bool((margin * self.side > 0).any())


def branches(equations: Iterable[Equation]) -> tuple[Branch, ...]:
    """Every branch of every piecewise operation in some equations."""
    return tuple(branch for e in equations for branch in _of(e, e.expr))


def _of(equation: Equation, expr: Any) -> Iterator[Branch]:
    if not isinstance(expr, Node):
        return
    for margin in expr.branches():
        for side in (1, -1):
            yield Branch(equation, expr.call or expr.name_, expr.operands, margin, side)
    for argument in expr.args:
        yield from _of(equation, argument)


def needs(equations: Iterable[Equation]) -> Iterator[str]:
    """Where some equations have a value, in words: `log: z > 0, in h_t = log(a_t)`."""
    for equation in equations:
        for node in preorder_traversal(equation.expr):
            if isinstance(node, Node):
                for margin in node.domain():
                    name = node.call or node.name_
                    yield f"{name}: {margin.words} {margin.relation} 0, in {equation}"


def no_values(name: str, equations: Iterable[Equation]) -> InputError:
    """What is said of a text that gives no numbers."""
    found = list(needs(equations))
    why = f"; it has values only where the operands allow it ({found[0]})" if found else ""
    return InputError(f"{name} gives no finite numbers at random inputs{why}")


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
    if not branch.margin.entrywise:
        return False
    spans = [span_of(o, equations) for o in branch.operands]
    low, high = image(branch.margin.value, spans)
    return high <= 0 if branch.side > 0 else low >= 0


def reached(branch: Branch, lookup: Lookup) -> bool:
    """Whether some entry of a sample lies on the side of a branch."""
    return branch.met([array_of(o, lookup) for o in branch.operands])


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
