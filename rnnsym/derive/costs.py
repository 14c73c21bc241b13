"""What a cell costs, as formulas: parameters, multiply-adds, values to be kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sympy import Expr, Integer, MatrixExpr, Symbol, expand, factor

from ..names import T, t
from ..nouns import Cell, Equation, Quantity, Role, Step, quantities
from ..ops.elementwise import PRODUCT, Apply
from ..ops.joins import Slice
from ..ops.node import Transpose
from ..ops.products import MatMul
from ..ops.sums import MatAdd, Minus, TimeSum
from .backward import backpropagate
from .differentiated import Differentiated
from .parts import of_parts
from .steps import BACKWARD, RESULTS

N = Symbol("N")


@dataclass(frozen=True)
class Costs:
    """Costs of a cell over N samples and T steps, as formulas in the sizes.

    Attributes:
        cell: of what.
        parameters: the number of parameters.
        forward: multiply-adds of all matrix products of the forward pass (an outer product counts
            its entries; elementwise work is not counted).
        backward: the same for the backward pass that gives all gradients.
        kept: the values of the forward pass (inputs among them) that the backward pass reads.
    """

    cell: Cell
    parameters: Expr
    forward: Expr
    backward: Expr
    kept: Expr

    def rows(self) -> list[tuple[str, Expr]]:
        """What is counted, in words, and its formula, factored."""
        return [
            ("parameters", _tidy(self.parameters)),
            ("multiply-adds, forward", _tidy(self.forward)),
            ("multiply-adds, backward", _tidy(self.backward)),
            ("values kept for the backward pass", _tidy(self.kept)),
        ]

    def at(self, **sizes: int) -> dict[str, int | Expr]:
        """The formulas with sizes given as numbers, such as `N=1, T=10, D=3, M=5`."""
        values = {Symbol(name): Integer(value) for name, value in sizes.items()}
        values |= {s: Integer(v) for s, v in self.cell.sizes.items()}
        return {
            name: getattr(self, name).xreplace(values)
            for name in ("parameters", "forward", "backward", "kept")
        }


def _tidy(expr: Expr) -> Expr:
    return factor(expand(expr))


@of_parts()
def count(subject: Cell) -> Costs:
    """Count parameters, multiply-adds and kept values of a cell or network.

    Args:
        subject: the cell or network; of a model, each part by itself.

    Returns:
        The formulas, in N, T and the cell's sizes.

    Raises:
        InputError: for something that is no cell.
    """
    d = Differentiated(subject)
    derivation = backpropagate(subject)
    forward = forward_of(subject)
    lines = [s for s in derivation.steps if s.section in (BACKWARD, RESULTS)]
    backward = sum((_of_line(s) for s in lines), Integer(0))
    return Costs(
        subject, subject.parameter_count, expand(forward), expand(backward), _kept(d, lines)
    )


def forward_of(cell: Cell) -> Expr:
    """Multiply-adds of a cell's equations as they stand."""
    return sum((_of_equation(e) for e in cell.equations), Integer(0))


def _of_equation(equation: Equation) -> Expr:
    times = N * T if equation.time is not None else N  # all of it is of no sample
    return times * products(equation.expr)


def _of_line(step: Step) -> Expr:
    """A line's products: once for every sample and step, or summed up over both."""
    equation = step.equation
    if equation.time is None:
        return _of_sum(equation.expr)
    # What the next step brings is computed behind each step, behind the first for the initial
    # state; the boundary at T repeats terms of the general line.
    if equation.time != t:
        return Integer(0)
    return N * T * products(equation.expr)


def _of_sum(expr: Any) -> Expr:
    if isinstance(expr, MatAdd):
        return sum((_of_sum(a) for a in expr.args), Integer(0))
    if isinstance(expr, Minus):
        return _of_sum(expr.args[0])
    if isinstance(expr, TimeSum):
        inside = expr.operand
        terms = inside.args if isinstance(inside, MatAdd) else (inside,)
        return N * T * sum((_of_reduced(term) for term in terms), Integer(0))
    return N * products(expr)


def _of_reduced(expr: Any) -> Expr:
    """A term of a sum over samples: x^⊤ a is one product of all rows."""
    if isinstance(expr, Minus):
        return _of_reduced(expr.args[0])
    if _beside(expr) and expr.shape[1] == 1 and isinstance(expr.operands[1], Transpose):
        return expr.shape[0] + products(expr.operands[0])  # β x^⊤ is a product of rows as well
    if isinstance(expr, MatMul):
        for i in range(1, len(expr.args)):
            left, right = expr.args[:i], expr.args[i:]
            if left[-1].shape[1] == 1 and right[0].shape[0] == 1:
                return (
                    _chain([Transpose(a) for a in reversed(left)]) + _chain(right)
                    + left[0].shape[0] * right[-1].shape[1]
                )  # fmt: skip
    if 1 in expr.shape:
        return products(expr)
    # What is linear in one matrix of each sample is computed of the sum of these, once.
    match expr:
        case MatAdd():
            return sum((_of_reduced(a) for a in expr.args), Integer(0))
        case Transpose() | Slice():
            return _of_reduced(next(a for a in expr.args if isinstance(a, MatrixExpr)))
        case Apply(beside=True) if isinstance(expr.operands[1], MatMul):
            return products(expr.operands[0]) + _of_reduced(expr.operands[1])
        case Apply(name_="/" | "⊙", beside=False) if [_timed(a) for a in expr.operands].count(
            True
        ) == 1 and (expr.name_ == PRODUCT or _timed(expr.operands[0])):
            return sum((_of_reduced(a) if _timed(a) else products(a) / T for a in expr.operands),
                       Integer(0))  # fmt: skip
    return products(expr)


def _timed(expr: Any) -> bool:
    return any(q.time is not None for q in quantities(expr))


def products(expr: Any) -> Expr:
    """Multiply-adds of the matrix products in an expression, for one sample at one step."""
    if isinstance(expr, Quantity) or not isinstance(expr, MatrixExpr):
        return Integer(0)
    # What is of parameters alone is done at every step, but not for every sample.
    return expr.cost(products) if _timed(expr) else _once(expr) / N


def _once(expr: Any) -> Expr:
    return Integer(0) if isinstance(expr, Quantity) else expr.cost(_once)


def _beside(expr: Any) -> bool:
    return isinstance(expr, Apply) and expr.beside


def _chain(factors: Any) -> Expr:
    """A product of several matrices, from left to right as code computes it."""
    return products(factors[0]) if len(factors) == 1 else MatMul(*factors).cost(products)


def _kept(d: Differentiated, lines: list[Step]) -> Expr:
    """Everything of the forward pass that a line of the backward pass reads."""
    read = {q.label for s in lines for q in quantities(s.equation.expr)}
    total: Expr = Integer(0)
    for v in d.bare.variables:
        if v.name not in read or not v.timed:
            continue
        size = v.shape[0] * v.shape[1]
        total += N * T * size
        if v.role == Role.STATE:  # its initial value as well
            total += N * size
    return expand(total)


__all__ = ["Costs", "count", "products"]
