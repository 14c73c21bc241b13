"""SymPy expressions of trees whose shapes are solved."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sympy import Expr, Integer, Symbol

from ..names import T, t
from ..nouns import Quantity
from ..ops import CALLS
from ..ops.elementwise import BESIDE, POWER, PRODUCT, QUOTIENT, Apply
from ..ops.functions import ELEMENTWISE
from ..ops.inner import Inner
from ..ops.joins import Concat, Slice
from ..ops.leaves import Eye, Filled, Number, Size
from ..ops.node import Transpose
from ..ops.products import MatMul
from ..ops.rows import RowApply
from ..ops.sums import MatAdd, Minus, TimeSum
from .dims import Dim, expression
from .shapes import Inference
from .sizes import bounds_of, special_shape
from .tokens import MAX_DIGITS
from .tree import (
    Chain,
    Flip,
    Function,
    Identity,
    InnerProduct,
    Join,
    Measure,
    Num,
    Product,
    Raise,
    Ranged,
    Ref,
    Special,
    Sum,
    SumOverTime,
    Tree,
)


def plain_number(text: str) -> str:
    """A number as paper has it: 1e-5 is 0.00001, if that is no longer than the language reads."""
    if "e" not in text.lower():
        return text
    plain = format(Decimal(text), "f")
    return plain if len(plain) <= MAX_DIGITS else text


class Builder:
    """Makes SymPy expressions of trees whose shapes are solved."""

    def __init__(self, inference: Inference, sizes: dict[Dim, str]) -> None:
        self.inference = inference
        self.sizes = sizes

    def shape(self, tree: Tree) -> tuple[Expr, Expr]:
        rows, cols = self.inference.shapes[id(tree)]
        return expression(rows, self.sizes), expression(cols, self.sizes)

    def quantity(self, ref: Ref) -> Quantity:
        rows, cols = self.inference.symbols.shapes[ref.name]
        time: Any = None
        if ref.step is not None:
            time = Integer(ref.step)
        elif ref.last:
            time = T + (ref.lag or 0)
        elif ref.lag is not None:
            time = t + ref.lag
        return Quantity(ref.name, expression(rows, self.sizes), expression(cols, self.sizes), time)

    def expr(self, tree: Tree) -> Any:
        match tree:
            case Num():
                return Number(plain_number(tree.text))
            case Measure():
                return Size(Symbol(tree.name))
            case Identity():
                return Eye(self.shape(tree)[0])
            case Special():
                rows, cols = special_shape(tree, self.inference.symbols)
                letter = tree.text[0]
                return Eye(rows) if letter == "I" else Filled(Integer(int(letter)), rows, cols)
            case InnerProduct():
                return Inner(*map(self.expr, tree.items))
            case SumOverTime():
                names = {"T": T, "T-1": T - 1}
                first, last = (names.get(b) or Integer(int(b)) for b in tree.bounds)
                return TimeSum(self.expr(tree.items[0]), first, last)
            case Ranged():
                bounds = bounds_of(tree, self.inference.symbols)
                return Slice(Integer(1), self.expr(tree.items[0]), *bounds)
            case Ref():
                return self.quantity(tree)
            case Flip():
                inner = self.expr(tree.items[0])
                return inner if self.shape(tree) == (1, 1) else Transpose(inner)
            case Sum():
                return self.sum(tree)
            case Chain():
                return self.chain(tree)
            case Raise():
                return Apply(POWER, *map(self.expr, tree.items))
            case Product():
                return self.product(tree)
            case Join():
                return Concat(1, *(self.expr(item) for item in tree.items))
            case Function():
                return self.function(tree)
        raise TypeError(type(tree).__name__)

    def sum(self, tree: Sum) -> Any:
        terms = map(self.expr, tree.items)
        signed = [Minus(e) if s < 0 else e for e, s in zip(terms, tree.signs)]
        return signed[0] if len(signed) == 1 else MatAdd(*signed)

    def chain(self, tree: Chain) -> Any:
        run = [self.expr(tree.items[0])]
        for operator, item in zip(tree.operators, tree.items[1:]):
            factor = self.expr(item)
            if operator == "HADAMARD":
                run.append(factor)
            else:
                above = run[0] if len(run) == 1 else Apply(PRODUCT, *run)
                run = [Apply(QUOTIENT, above, factor)]
        return run[0] if len(run) == 1 else Apply(PRODUCT, *run)

    def product(self, tree: Product) -> Any:
        scalars = [item for item in tree.items if self.inference.scalar(item)]
        matrices = [item for item in tree.items if not self.inference.scalar(item)]
        factors = [self.expr(item) for item in matrices]
        if self.inference.symbols.column:
            scalars.reverse()  # the whole product was
        result = factors[0] if len(factors) == 1 else MatMul(*factors) if factors else None
        for item in reversed(scalars):
            factor = self.expr(item)
            result = factor if result is None else Apply(BESIDE, factor, result)
        return result

    def function(self, tree: Function) -> Any:
        arguments = map(self.expr, tree.items)
        if tree.name in ELEMENTWISE:
            return Apply(tree.name, *arguments)
        if tree.name in CALLS:
            return CALLS[tree.name].called(*arguments)
        return RowApply(tree.name, 1, *arguments)
