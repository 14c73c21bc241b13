"""Functions along a row: sums and means, softmax, layer norm and their kind."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

from sympy import Expr, Integer, MatrixExpr, Rational, S

from ..errors import InputError
from ..nouns import Shape
from ..pieces import ATOM, Spelled
from ..scalars import Const, Count, Entry, Scalar, Total, rebuilt
from .elementwise import PRODUCT, Apply, divided, hadamard, scale
from .entries import Compiled, Entering, Entries, flip
from .leaves import Filled, Number, Size
from .margins import Margin
from .node import NONE, Change, Node, letter, transpose
from .rowfunctions import ROWS, RowFunction
from .spans import Span
from .sums import MatAdd, Minus, negated, summed


class RowApply(Node):
    """A function along an axis: `RowApply("softmax", axis, X, *numbers)`.

    In the row form the axis is the last one (1); the column form is its transpose (0).
    """

    why = "every element of a row depends on the whole row"

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        epsilon = letter("epsilon", "1", "1")
        more = {"layer_norm": (epsilon,)}
        return tuple(RowApply(name, 1, letter("A"), *more.get(name, ())) for name in ROWS)

    @property
    def name_(self) -> str:
        return self.args[0].name

    @property
    def axis(self) -> int:
        return int(self.args[1])

    @property
    def operand(self) -> MatrixExpr:
        return self.args[2]

    @property
    def options(self) -> tuple[MatrixExpr, ...]:
        return self.args[3:]

    @property
    def entry(self) -> RowFunction:
        return ROWS[self.name_]

    @property
    def named(self) -> bool:
        return not self.entry.reduces

    @cached_property
    def shape(self) -> Shape:
        rows, cols = self.operand.shape
        if not self.entry.reduces:
            return (rows, cols)
        return (rows, S.One) if self.axis else (S.One, cols)

    def table(self, e: Entering) -> Compiled:
        entry, axis, operand = self.entry, self.axis, e(self.operand)
        options = [e(a) for a in self.options]
        rest = [e.number(Rational(d)) for _, d in entry.defaults[len(options) :]]

        def along(leaf: Any) -> Entries:
            values = [*(option(leaf)[0][0] for option in options), *rest]
            table = operand(leaf) if axis else flip(operand(leaf))
            table = [entry.row(row, e.call, *values) for row in table]
            return table if axis else flip(table)

        return along

    # --- the calculus

    def change(self, d: Any) -> Change:
        """A sum and a mean are linear; the others have their own rule below."""
        inner = d(self.operand)
        if self.entry.reduces:
            if not inner:
                return NONE
            operand = wide(inner.expr, self.operand.shape)
            whole = RowApply(self.name_, self.args[1], operand)
            return Change(whole, (*inner.rules, f"{self.name_} of a row"))
        rule = _CHANGES.get(self.name_)
        if rule is None:
            raise InputError(
                f"the slope of {self.name_} is not known, so it cannot be differentiated"
            )
        return rule(self, inner, d, d.whole(self))

    def along(self, name: str, expr: Any) -> Any:
        """A sum or mean along the same axis."""
        return RowApply(name, self.args[1], expr)

    def pull(self, outer: Any, p: Any) -> list[Change]:
        """A sum hands to each term what it gets; a mean also divides by the number of terms."""
        shape = self.operand.shape
        back = outer if self.name_ == "sum" else self._averaged(outer, shape)
        return p.named(self.name_, p(self.operand, back))

    def _averaged(self, outer: Any, shape: Shape) -> Any:
        """The share of one term in a mean; of a sum over as many terms it is a mean again."""
        bare = outer.args[0] if isinstance(outer, Minus) else outer
        terms: Any = None
        if isinstance(bare, RowApply) and bare.name_ == "sum" and bare.operand.shape == shape:
            terms = bare.operand
        elif getattr(bare, "is_MatMul", False) and shape[0] == 1 and len(bare.args) == 2:
            left, right = bare.args  # a b^⊤ is the sum of a ⊙ b
            if left.shape == shape:
                terms = hadamard([left, transpose(right)])
        if terms is None:
            return Apply("/", outer, Size(shape[self.axis]))
        mean = self.along("mean", terms)
        return negated(mean) if bare is not outer else mean

    # --- its values

    def span(self, of: Callable[[Any], Span]) -> Span:
        low, high = of(self.operand)
        if self.name_ == "mean":
            return low, high
        if self.name_ == "sum":
            return (0.0 if low >= 0 else -math.inf), (0.0 if high <= 0 else math.inf)
        return self.entry.span

    def branches(self) -> tuple[Margin, ...]:
        margin = self.entry.margin
        if margin is None:
            return ()
        words = "the element minus its threshold"
        return (Margin(words, lambda z, *options: margin(z), entrywise=False),)

    # --- how it is written

    def spelled(self, s: Any) -> Spelled:
        return s.called(self.name_, (self.operand, *self.options), self.entry.tex), ATOM

    def element(self, e: Any, i: Expr, j: Expr) -> Scalar:
        entry, place = self.entry, self.axis
        own = sorted(set(re.findall(r"∑_\{([a-z])", entry.element)))
        inside, deeper = e.letters(own)

        def fill(node: Scalar) -> Scalar:
            if isinstance(node, Entry) and node.label == "z":
                (at,) = node.indices
                where = inside.get(at, j if place else i)
                return deeper(self.operand, *((i, where) if place else (where, j)))
            if isinstance(node, Entry):
                number = [n for n, _ in entry.defaults].index(node.label)
                if number < len(self.options):
                    return deeper(self.options[number], i, j)
                return Const(entry.defaults[number][1])
            if isinstance(node, Count):
                return Count(self.operand.shape[place])
            if isinstance(node, Total):
                return Total(inside[node.index], self.operand.shape[place], fill(node.body))
            return rebuilt(node, fill)

        return fill(e.row_element(self.name_))

    def code(self, p: Any) -> str:
        return p.along_rows(self)

    def mirrored(self, *args: Any) -> Any:
        return RowApply(args[0], 1 - self.axis, *args[2:])


def wide(expr: Any, shape: Any) -> Any:
    """An expression made as wide as a shape where its width counts: beside ones."""
    if tuple(expr.shape) == tuple(shape):
        return expr
    return Apply(PRODUCT, expr, Filled(Integer(1), *shape))


# --- the Jacobians ---------------------------------------------------------------------------


def _softmax(expr: RowApply, inner: Change, d: Any, y: Any) -> Change:
    """dy = y ⊙ (dz − Σ y dz): the Jacobian is diag(y) − y^⊤ y."""
    if not inner:
        return NONE
    weighted = hadamard([inner.expr, y])
    whole = MatAdd(weighted, Minus(hadamard([expr.along("sum", weighted), y])))
    return Change(whole, (*inner.rules, "softmax's Jacobian"))


def _log_softmax(expr: RowApply, inner: Change, d: Any, y: Any) -> Change:
    """dy = dz − Σ exp(y) dz."""
    if not inner:
        return NONE
    total = expr.along("sum", hadamard([inner.expr, Apply("exp", y)]))
    return Change(MatAdd(inner.expr, Minus(total)), (*inner.rules, "log-softmax's Jacobian"))


def _layer_norm(expr: RowApply, inner: Change, d: Any, y: Any) -> Change:
    """dy = (dz − mean dz − y mean(y dz)) / s with s = √(variance + ε); also −y dε / (2 s²)."""
    z = expr.operand
    epsilon = expr.options[0] if expr.options else Number(ROWS["layer_norm"].defaults[0][1])
    centred = MatAdd(z, Minus(expr.along("mean", z)))
    within = MatAdd(expr.along("mean", hadamard([centred, centred])), epsilon)
    parts = []
    if inner:
        both = hadamard([expr.along("mean", hadamard([inner.expr, y])), y])
        above = MatAdd(inner.expr, Minus(expr.along("mean", inner.expr)), Minus(both))
        whole = divided(above, Apply("sqrt", within))
        parts.append(Change(whole, (*inner.rules, "layer norm's Jacobian")))
    if expr.options and (inner := d(expr.options[0])):
        whole = divided(hadamard([inner.expr, y]), scale(Number("2"), within))
        parts.append(Change(negated(whole), ("layer norm's epsilon",)))
    return summed(parts, "sum")


def _sparsemax(expr: RowApply, inner: Change, d: Any, y: Any) -> Change:
    """dy = s ⊙ (dz − Σ s dz / Σ s) with s = step(y), the elements that are not 0."""
    if not inner:
        return NONE
    kept = Apply("step", y)
    mean = divided(expr.along("sum", hadamard([inner.expr, kept])), expr.along("sum", kept))
    whole = hadamard([MatAdd(inner.expr, Minus(mean)), kept])
    return Change(whole, (*inner.rules, "sparsemax's Jacobian"))


def _keras_sparsemax(expr: RowApply, inner: Change, d: Any, y: Any) -> Change:
    """dy = step(y) ⊙ (dz − Σ w dz), where w counts in how many of Keras's sums an element is."""
    if not inner:
        return NONE
    weights = expr.along("keras_sparsemax_weights", expr.operand)
    total = expr.along("sum", hadamard([inner.expr, weights]))
    whole = hadamard([MatAdd(inner.expr, Minus(total)), Apply("step", y)])
    return Change(whole, (*inner.rules, "sparsemax's Jacobian, as Keras computes it"))


_CHANGES: dict[str, Callable[..., Change]] = {
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "layer_norm": _layer_norm,
    "sparsemax": _sparsemax,
    "keras_sparsemax": _keras_sparsemax,
    # Constant wherever it has a slope.
    "keras_sparsemax_weights": lambda *_: NONE,
}

__all__ = ["RowApply", "wide"]
