"""The calculus: how an expression changes, and the transpose of that linear change.

Two tables. `change` says what a small change of the quantities in an expression does to it (the
product rule, the chain rule, …): it is linear in the changes. `pull` reads such a linear
expression backwards: given ∂L by the whole it gives ∂L by one of the changes. Backpropagation is
the second table applied to the first; forward mode is the first alone; a Jacobian is the matrix
of the linear map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sympy import HadamardProduct, Integer, MatAdd, MatrixExpr, S, Transpose

from ..algebra.functions import ROWS
from ..algebra.nodes import (
    Apply,
    Concat,
    Diag,
    Diagonal,
    Divide,
    Eye,
    Filled,
    Inner,
    MatMul,
    Number,
    Power,
    RowApply,
    Scale,
    Size,
    Slice,
    Spread,
    is_negative,
    negative,
)
from ..errors import InputError
from ..nouns import Quantity
from .slopes import slope

#: The change of a quantity, or None if it does not change.
Changes = Callable[[Quantity], Quantity | None]


@dataclass(frozen=True)
class Change:
    """How an expression changes: a linear expression of changes, and the rules that gave it."""

    expr: MatrixExpr | None
    rules: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.expr is not None


NONE = Change(None)


# --- forward: the change of an expression --------------------------------------------------------


def change(expr: MatrixExpr, of: Changes, value: MatrixExpr | None = None) -> Change:
    """What a change of its quantities does to an expression, to first order.

    Args:
        expr: the expression; a nonlinear function stands only at its top, applied to names.
        of: the change of each quantity.
        value: a name for the value of the whole expression, in which slopes are written.

    Returns:
        The change, linear in the changes; it is false where nothing changes.

    Raises:
        InputError: for a function whose slope is not known.
    """
    found = _change(expr, of, value)
    return Change(lifted(found.expr), found.rules) if found else found


def _change(expr: MatrixExpr, of: Changes, value: MatrixExpr | None) -> Change:
    match expr:
        case Quantity():
            return Change(of(expr))
        case Number() | Size() | Eye() | Filled():
            return NONE
        case Spread():
            return _one(change(expr.args[0], of), lambda d: Spread(d, *expr.args[1:]), "spread")
        case Transpose():
            return _one(change(expr.args[0], of), transpose, "transpose")
        case Diag():
            return _one(change(expr.args[0], of), Diag, "diagonal matrix")
        case Diagonal():
            return _one(change(expr.args[1], of), lambda d: Diagonal(expr.args[0], d), "diagonal")
        case MatMul() if is_negative(expr):
            inner = change(expr.args[1], of)
            return Change(negated(inner.expr), inner.rules) if inner else NONE
        case MatAdd():
            return _sum([change(a, of) for a in expr.args], "sum")
        case MatMul():
            return _leibniz(expr, of, matmul, "matrix product")
        case HadamardProduct():
            return _leibniz(expr, of, hadamard, "elementwise product")
        case Scale():
            return _leibniz(expr, of, lambda args: scale(*args), "scalar multiple")
        case Inner():
            return _leibniz(expr, of, lambda args: Inner(*args), "inner product")
        case Concat():
            return _concat(expr, of)
        case Divide():
            return _divide(expr, of, value)
        case Power():
            return _power(expr, of, value)
        case Apply():
            return _apply(expr, of, value)
        case RowApply():
            return _row(expr, of, value)
    raise InputError(f"there is no rule for the change of {type(expr).__name__}")


def _one(inner: Change, make: Callable[[Any], Any], rule: str) -> Change:
    return Change(make(inner.expr), (*inner.rules, rule)) if inner else NONE


def _sum(changes: Iterable[Change], rule: str) -> Change:
    """d(A + B) = dA + dB."""
    parts = [c for c in changes if c]
    rules = tuple(dict.fromkeys([r for c in parts for r in c.rules] + [rule] * (len(parts) > 1)))
    return Change(add(c.expr for c in parts), rules) if parts else NONE


def _leibniz(expr: Any, of: Changes, make: Callable[[list[Any]], Any], rule: str) -> Change:
    """d(A B) = dA B + A dB, for every product there is."""
    args = list(expr.args)
    parts = []
    for i, argument in enumerate(args):
        inner = change(argument, of)
        if inner:
            parts.append(_one(inner, lambda d, i=i: make([*args[:i], d, *args[i + 1 :]]), rule))  # type: ignore[misc]
    return _sum(parts, "product rule")


def _concat(expr: Concat, of: Changes) -> Change:
    """d[A, B] = [dA, dB]."""
    inner = [change(a, of) for a in expr.operands]
    if not any(inner):
        return NONE
    zeros = [Filled(Integer(0), *a.shape) for a in expr.operands]
    whole = Concat(Integer(expr.axis), *(c.expr or z for c, z in zip(inner, zeros)))
    return Change(whole, ("concatenation",))


def _divide(expr: Divide, of: Changes, value: Any) -> Change:
    """d(A / B) = dA / B − (A / B) dB / B."""
    above, below = expr.args
    parts = [_one(change(above, of), lambda d: Divide(d, below), "quotient")]
    if inner := change(below, of):
        whole = value if value is not None else expr
        parts.append(Change(negated(Divide(hadamard([inner.expr, whole]), below)), ("quotient",)))
    return _sum(parts, "quotient rule")


def _power(expr: Power, of: Changes, value: Any) -> Change:
    """d(A^n) = n A^(n−1) dA + A^n log(A) dn."""
    base, exponent = expr.args
    parts = []
    constant = exponent.args[0] if isinstance(exponent, Spread) else exponent
    flat = isinstance(constant, Number) and constant.value == 0  # A^0 is 1 wherever A is
    if not flat and (inner := change(base, of)):
        parts.append(Change(hadamard([inner.expr, _power_slope(base, exponent)]), ("power",)))
    if inner := change(exponent, of):
        whole = value if value is not None else expr
        log: Any = Apply("log", base)
        if isinstance(base, Spread):  # of one number the logarithm is one number
            log = Spread(Apply("log", base.args[0]), *base.shape)
        factors = [inner.expr, whole, log]
        parts.append(Change(hadamard(factors), ("power",)))
    return _sum(parts, "sum")


def _power_slope(base: Any, exponent: Any) -> Any:
    """n A^(n−1), entry by entry."""

    def spread(expr: Any) -> Any:
        return _spread(expr, base.shape)

    minus = is_negative(exponent)
    bare = exponent.args[1] if minus else exponent
    number = bare.args[0] if isinstance(bare, Spread) else bare
    if not isinstance(number, Number):
        one = Number("1")
        if isinstance(bare, Spread):
            less: Any = spread(add([negated(number) if minus else number, negative(one)]))
        else:
            less = add([exponent, negative(spread(one))])
        return hadamard([exponent, Power(base, less)])
    value = -number.value if minus else number.value
    if value == 1:
        return spread(Number("1"))
    if value == 2:
        slope_: Any = scale(number, base)
    else:
        power = spread(Number(_plain(abs(value - 1))))
        slope_ = scale(number, Power(base, negative(power) if value < 1 else power))
    return negated(slope_) if minus else slope_


def _plain(value: Any) -> str:
    return str(value) if value.is_Integer else str(value.evalf(25)).rstrip("0")


def _apply(expr: Apply, of: Changes, value: Any) -> Change:
    """d f(A) = f'(A) ⊙ dA."""
    whole = value if value is not None else expr
    parts = []
    for i, operand in enumerate(expr.operands):
        if inner := change(operand, of):
            factor = slope(expr, i, whole)
            if factor is not None:
                parts.append(Change(times_slope(inner.expr, factor), (*inner.rules, "chain rule")))
    return _sum(parts, "sum")


def times_slope(inner: Any, factor: Any) -> Any:
    """dA ⊙ f'(A); a slope 1 / B divides."""
    if isinstance(factor, Divide) and _is_one(factor.args[0]):
        return Divide(inner, factor.args[1])
    if is_negative(factor):
        return negated(times_slope(inner, factor.args[1]))
    return inner if _is_one(factor) else hadamard([inner, factor])


def _is_one(expr: Any) -> bool:
    while isinstance(expr, Spread):
        expr = expr.args[0]
    return isinstance(expr, Number) and expr.value == 1


def _row(expr: RowApply, of: Changes, value: Any) -> Change:
    """Functions of a row: sum and mean are linear; the others have their own rule below."""
    inner = change(expr.operand, of)
    axis = Integer(expr.axis)
    if ROWS[expr.name_].reduces:
        return _one(inner, lambda d: RowApply(expr.name_, axis, d), f"{expr.name_} of a row")
    whole = value if value is not None else expr
    rule = _ROW_CHANGES.get(expr.name_)
    if rule is None:
        raise InputError(f"the slope of {expr.name_} is not known, so it cannot be differentiated")
    return rule(expr, inner, of, whole)


def _along(name: str, axis: Any, expr: Any) -> Any:
    """A sum or mean along the axis, spread over it again."""
    return Spread(RowApply(name, axis, expr), *expr.shape)


def _softmax(expr: RowApply, inner: Change, of: Changes, y: Any) -> Change:
    """dy = y ⊙ (dz − Σ y dz): the Jacobian is diag(y) − y^⊤ y."""
    if not inner:
        return NONE
    weighted = hadamard([inner.expr, y])
    total = _along("sum", Integer(expr.axis), weighted)
    whole = MatAdd(weighted, negative(hadamard([total, y])))
    return Change(whole, (*inner.rules, "softmax's Jacobian"))


def _log_softmax(expr: RowApply, inner: Change, of: Changes, y: Any) -> Change:
    """dy = dz − Σ exp(y) dz."""
    if not inner:
        return NONE
    weighted = hadamard([inner.expr, Apply("exp", y)])
    spread = negative(_along("sum", Integer(expr.axis), weighted))
    return Change(MatAdd(inner.expr, spread), (*inner.rules, "log-softmax's Jacobian"))


def _layer_norm(expr: RowApply, inner: Change, of: Changes, y: Any) -> Change:
    """dy = (dz − mean dz − y mean(y dz)) / s with s = √(variance + ε); also −y dε / (2 s²)."""
    axis = Integer(expr.axis)
    z = expr.operand
    epsilon = expr.options[0] if expr.options else Number(ROWS["layer_norm"].defaults[0][1])
    centred = MatAdd(z, negative(_along("mean", axis, z)))
    variance = RowApply("mean", axis, hadamard([centred, centred]))
    added = epsilon if variance.shape == (1, 1) else Spread(epsilon, *variance.shape)
    deviation = Apply("sqrt", MatAdd(variance, added))
    parts = []
    if inner:
        centred_change = MatAdd(
            inner.expr,
            negative(_along("mean", axis, inner.expr)),
            negative(hadamard([_along("mean", axis, hadamard([inner.expr, y])), y])),
        )
        divided = Divide(centred_change, _spread(deviation, z.shape))
        parts.append(Change(divided, (*inner.rules, "layer norm's Jacobian")))
    if expr.options and (inner := change(expr.options[0], of)):
        twice = scale(Number("2"), MatAdd(variance, added))
        spread = hadamard([Spread(inner.expr, *z.shape), y])
        parts.append(
            Change(negated(Divide(spread, _spread(twice, z.shape))), ("layer norm's epsilon",))
        )
    return _sum(parts, "sum")


def _sparsemax(expr: RowApply, inner: Change, of: Changes, y: Any) -> Change:
    """dy = s ⊙ (dz − Σ s dz / Σ s) with s = step(y), the elements that are not 0."""
    if not inner:
        return NONE
    axis, kept = Integer(expr.axis), Apply("step", y)
    total = RowApply("sum", axis, hadamard([inner.expr, kept]))
    mean = Spread(Divide(total, RowApply("sum", axis, kept)), *expr.shape)
    whole = hadamard([MatAdd(inner.expr, negative(mean)), kept])
    return Change(whole, (*inner.rules, "sparsemax's Jacobian"))


def _keras_sparsemax(expr: RowApply, inner: Change, of: Changes, y: Any) -> Change:
    """dy = step(y) ⊙ (dz − Σ w dz), where w counts in how many of Keras's sums an element is."""
    if not inner:
        return NONE
    axis = Integer(expr.axis)
    weights = RowApply("keras_sparsemax_weights", axis, expr.operand)
    total = _along("sum", axis, hadamard([inner.expr, weights]))
    whole = hadamard([MatAdd(inner.expr, negative(total)), Apply("step", y)])
    return Change(whole, (*inner.rules, "sparsemax's Jacobian, as Keras computes it"))


_ROW_CHANGES = {
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "layer_norm": _layer_norm,
    "sparsemax": _sparsemax,
    "keras_sparsemax": _keras_sparsemax,
    # Constant wherever it has a slope.
    "keras_sparsemax_weights": lambda *_: NONE,
}


# --- backward: the transpose of a linear expression ----------------------------------------------


def pull(linear: MatrixExpr, outer: MatrixExpr, of: Quantity) -> list[Change]:
    """∂L by one change, through a linear expression of changes.

    Args:
        linear: the change of an equation, from `change`.
        outer: ∂L by the left side of that equation, of its shape.
        of: the change that is asked for.

    Returns:
        Parts whose sum is ∂L by `of`, each with the rules on the way; none if it is not in it.
    """
    return [Change(lifted(p.expr), p.rules) for p in _pull(linear, outer, of)]


def _pull(linear: MatrixExpr, outer: MatrixExpr, of: Quantity) -> list[Change]:
    if linear == of:
        return [Change(outer)]
    if not contains(linear, of):
        return []
    match linear:
        case MatAdd():
            return [p for a in linear.args for p in pull(a, outer, of)]
        case MatMul() if is_negative(linear):
            return pull(linear.args[1], negated(outer), of)
        case Transpose():
            return _named(pull(linear.args[0], transpose(outer), of), "transpose")
        case Spread():
            return _named(pull(linear.args[0], _collected(linear, outer), of), "a spread is summed")
        case Diag():
            diagonal = Diagonal(Integer(int(linear.args[0].shape[0] == 1)), outer)
            return _named(pull(linear.args[0], diagonal, of), "diagonal")
        case Diagonal():
            return _named(pull(linear.args[1], Diag(outer), of), "diagonal")
        case Concat():
            return _pull_concat(linear, outer, of)
        case MatMul():
            return _pull_product(linear, outer, of)
        case HadamardProduct():
            return [
                p
                for i, a in enumerate(linear.args)
                if contains(a, of)
                for p in _named(
                    pull(a, hadamard([outer, *linear.args[:i], *linear.args[i + 1 :]]), of),
                    "elementwise",
                )
            ]
        case Scale():
            factor, other = linear.args
            if contains(factor, of):
                return _named(pull(factor, inner(outer, other), of), "inner product")
            return _named(pull(other, scale(factor, outer), of), "scalar multiple")
        case Inner():
            one, two = linear.args if contains(linear.args[0], of) else linear.args[::-1]
            return _named(pull(one, scale(outer, two), of), "inner product")
        case Divide():
            return _pull_quotient(linear, outer, of)
        case RowApply():
            return _named(pull(linear.operand, _spread_back(linear, outer), of), linear.name_)
    raise InputError(f"there is no rule for the transpose of {type(linear).__name__}")


def _named(parts: list[Change], rule: str) -> list[Change]:
    return [Change(p.expr, (rule, *p.rules)) for p in parts]


def _pull_product(linear: MatMul, outer: Any, of: Quantity) -> list[Change]:
    """Through A X B the adjoint goes as A^⊤ · B^⊤."""
    parts: list[Change] = []
    for i, factor in enumerate(linear.args):
        if contains(factor, of):
            left = [transpose(a) for a in reversed(linear.args[:i])]
            right = [transpose(a) for a in reversed(linear.args[i + 1 :])]
            through = matmul([*left, outer, *right])
            parts += _named(pull(factor, through, of), "transpose of a product")
    return parts


def _pull_quotient(linear: Divide, outer: Any, of: Quantity) -> list[Change]:
    above, below = linear.args
    if isinstance(below, Spread) and _has_row_function(above):
        # One divisor for a whole row: sums over the row do not see it, so it may wait.
        parts = pull(above, outer, of)
        whole = _divided(add(p.expr for p in parts), below)
        rules = [r for p in parts for r in p.rules]
        return [Change(whole, ("quotient", *dict.fromkeys(rules)))]
    return _named(pull(above, _divided(outer, below), of), "quotient")


def _divided(expr: Any, by: Any) -> Any:
    return negated(_divided(expr.args[1], by)) if is_negative(expr) else Divide(expr, by)


def _has_row_function(expr: Any) -> bool:
    if isinstance(expr, RowApply):
        return True
    return any(_has_row_function(a) for a in expr.args if isinstance(a, MatrixExpr))


def _pull_concat(linear: Concat, outer: Any, of: Quantity) -> list[Change]:
    parts: list[Change] = []
    start: Any = Integer(0)
    for operand in linear.operands:
        stop = start + operand.shape[linear.axis]
        if contains(operand, of):
            part = Slice(Integer(linear.axis), outer, start, stop)
            parts += _named(pull(operand, part, of), "the part of a concatenation")
        start = stop
    return parts


def _collected(spread: Spread, outer: Any) -> Any:
    """The transpose of spreading is summing up, along each direction that was spread."""
    rows, cols = spread.args[0].shape
    if cols == 1 and outer.shape[1] != 1:
        outer = _row_sum(outer)
    if rows == 1 and outer.shape[0] != 1:
        outer = transpose(_row_sum(transpose(outer)))
    return outer


def _row_sum(expr: Any) -> Any:
    if is_negative(expr):
        return negated(_row_sum(expr.args[1]))
    if isinstance(expr, HadamardProduct) and expr.shape[0] == 1 and len(expr.args) == 2:
        return MatMul(expr.args[0], transpose(expr.args[1]))  # Σ a_j b_j = a b^⊤
    return RowApply("sum", S.One, expr)


def _spread_back(linear: RowApply, outer: Any) -> Any:
    """The transpose of a sum spreads; that of a mean also divides by the number of terms."""
    shape = linear.operand.shape
    if linear.name_ == "sum":
        return _spread(outer, shape)
    bare = outer.args[1] if is_negative(outer) else outer
    total: Any = None
    if isinstance(bare, RowApply) and bare.name_ == "sum" and bare.operand.shape == shape:
        total = RowApply("mean", Integer(linear.axis), bare.operand)
    elif (
        isinstance(bare, MatMul) and not is_negative(bare) and shape[0] == 1 and len(bare.args) == 2
    ):
        left, right = bare.args  # a b^⊤ is the sum of a ⊙ b
        if left.shape == shape:
            total = RowApply("mean", Integer(linear.axis), hadamard([left, transpose(right)]))
    if total is not None:
        back = _spread(total, shape)
        return negated(back) if bare is not outer else back
    count = Size(shape[linear.axis])
    return _spread(Divide(outer, _spread(count, outer.shape)), shape)


# --- building, with as few signs and parentheses as a person would write -------------------------


def contains(expr: Any, quantity: Quantity) -> bool:
    """Whether a quantity stands in an expression."""
    stack = [expr]
    while stack:
        node = stack.pop()
        if node == quantity:
            return True
        if isinstance(node, MatrixExpr) and not isinstance(node, Quantity):
            stack.extend(node.args)
    return False


def lifted(expr: Any) -> Any:
    """An expression with spreading as far outside as it goes: what is one number stays one.

    It is how the language reads what is printed, where spreading does not show.
    """
    if not isinstance(expr, MatrixExpr) or isinstance(expr, Quantity):
        return expr
    args = [lifted(a) for a in expr.args]
    matrices = [a for a in args if isinstance(a, MatrixExpr)]
    whole = expr.func(*args)
    if is_negative(whole):
        return whole
    liftable = (MatAdd, HadamardProduct, Divide, Power, Apply)
    if isinstance(expr, Scale):
        inner = args[1]
        if isinstance(inner, Spread):
            return Spread(Scale(args[0], inner.args[0]), *inner.shape)
        return whole
    if isinstance(expr, liftable):
        bare = [a.args[1] if is_negative(a) else a for a in matrices]
        if all(isinstance(b, Spread) for b in bare):
            shapes = {tuple(b.args[0].shape) for b in bare}
            if len(shapes) == 1:
                it = iter(matrices)
                lifted_args = [
                    _lift_one(next(it)) if isinstance(a, MatrixExpr) else a for a in args
                ]
                return Spread(expr.func(*lifted_args), *expr.shape)
    return whole


def _lift_one(expr: Any) -> Any:
    return negative(expr.args[1].args[0]) if is_negative(expr) else expr.args[0]


def _spread(expr: Any, shape: Any) -> Any:
    if is_negative(expr):
        return negated(_spread(expr.args[1], shape))
    return expr if tuple(expr.shape) == tuple(shape) else Spread(expr, *shape)


def negated(expr: Any) -> Any:
    """−A, without a double sign."""
    return expr.args[1] if is_negative(expr) else negative(expr)


def add(terms: Iterable[Any]) -> Any:
    """The sum of terms; sums in it are joined."""
    flat = [t for term in terms for t in (term.args if isinstance(term, MatAdd) else (term,))]
    return flat[0] if len(flat) == 1 else MatAdd(*flat)


def transpose(expr: Any) -> Any:
    """A^⊤, without a double transpose; 1 × 1 matrices are their own."""
    if isinstance(expr, Transpose):
        return expr.args[0]
    if is_negative(expr):
        return negated(transpose(expr.args[1]))
    if isinstance(expr, Diag):
        return expr
    if isinstance(expr, Scale):
        return Scale(expr.args[0], transpose(expr.args[1]))
    if isinstance(expr, Spread):
        return Spread(transpose(expr.args[0]), expr.args[2], expr.args[1])
    if isinstance(expr, Filled):
        return Filled(expr.args[0], expr.args[2], expr.args[1])
    if isinstance(expr, MatMul) and 1 in expr.shape:
        return matmul([transpose(a) for a in reversed(expr.args)])
    return expr if tuple(expr.shape) == (1, 1) else Transpose(expr)


def _signed(args: Iterable[Any]) -> tuple[bool, list[Any]]:
    """The sign of a product, and its factors without signs."""
    minus, bare = False, []
    for a in args:
        if is_negative(a):
            minus, a = not minus, a.args[1]
        bare.append(a)
    return minus, bare


def hadamard(args: Iterable[Any]) -> Any:
    """An elementwise product; products in it are joined, signs stand in front."""
    minus, bare = _signed(args)
    flat = [f for a in bare for f in (a.args if isinstance(a, HadamardProduct) else (a,))]
    whole = flat[0] if len(flat) == 1 else HadamardProduct(*flat)
    return negative(whole) if minus else whole


def matmul(args: Iterable[Any]) -> Any:
    """A matrix product; products in it are joined, signs and scalars stand in front."""
    minus, bare = _signed(args)
    scalars: list[Any] = []
    flat: list[Any] = []
    for a in bare:
        while isinstance(a, Scale):
            scalars.append(a.args[0])
            a = a.args[1]
        if isinstance(a, Spread):  # in a product the ones are written, or its shape were lost
            a = _with_ones(a, scalars)
        flat += a.args if isinstance(a, MatMul) and not is_negative(a) else (a,)
    factors = [f for f in flat if tuple(f.shape) != (1, 1)]
    factors = _ones_summed([f for f in factors if not isinstance(f, Eye)] or factors[:1])
    scalars += [f for f in flat if tuple(f.shape) == (1, 1)]
    if not factors:
        *scalars, whole = scalars
    else:
        whole = factors[0] if len(factors) == 1 else MatMul(*factors)
    for s in reversed(scalars):
        whole = times(s, whole)
    return negative(whole) if minus else whole


def _ones_summed(factors: list[Any]) -> list[Any]:
    """1 A is the sums of A's columns, A 1 those of its rows: no product is needed."""
    done: list[Any] = []
    for f in factors:
        before = done[-1] if done else None
        if isinstance(before, Filled) and before.args[0] == 1 and before.shape[0] == 1:
            if f.shape[1] != 1 and isinstance(f, (Quantity, Transpose)):
                done[-1] = transpose(RowApply("sum", S.One, transpose(f)))
                continue
        elif isinstance(f, Filled) and f.args[0] == 1 and f.shape[1] == 1:
            if isinstance(before, (Quantity, Transpose)) and before.shape[0] != 1:
                done[-1] = RowApply("sum", S.One, before)
                continue
        done.append(f)
    return done


def _with_ones(spread: Spread, scalars: list[Any]) -> Any:
    """A spread matrix as a product with ones; a 1 × 1 one goes to the scalars."""
    inner, (rows, cols) = spread.args[0], spread.shape
    if tuple(inner.shape) == (1, 1):
        scalars.append(inner)
        return Filled(Integer(1), rows, cols)
    if inner.shape[1] == 1:
        return MatMul(inner, Filled(Integer(1), 1, cols))
    return MatMul(Filled(Integer(1), rows, 1), inner)


def times(factor: Any, other: Any) -> Any:
    """A 1 × 1 matrix times another: written side by side only if it is a scalar by itself."""
    if is_scalar(factor):
        return Scale(factor, other)
    return hadamard([_spread(factor, other.shape), other])


def is_scalar(expr: Any) -> bool:
    """Whether an expression is made of numbers and 1 × 1 quantities alone, as the language asks."""
    if isinstance(expr, (Quantity, Inner)):
        return tuple(expr.shape) == (1, 1)
    if isinstance(expr, (Number, Size)):
        return True
    if isinstance(expr, (RowApply, Spread, Slice, Diag, Diagonal, Concat)):
        return False
    return all(is_scalar(a) for a in expr.args if isinstance(a, MatrixExpr))


def common_factor(terms: list[Any]) -> Any:
    """The sum of terms, an elementwise factor of all of them in front of it."""
    if len(terms) < 2:
        return add(terms)
    rows = []
    for term in terms:
        minus, (bare,) = _signed([term])
        if not isinstance(bare, HadamardProduct):
            return add(terms)
        rows.append((minus, list(bare.args)))
    shared = [f for f in rows[0][1] if all(f in factors for _, factors in rows)]
    if not shared:
        return add(terms)
    rest = []
    for minus, factors in rows:
        left = list(factors)
        for f in shared:
            left.remove(f)
        if not left:
            return add(terms)
        inside = hadamard(left)
        rest.append(negated(inside) if minus else inside)
    if is_negative(rest[0]):
        positive = [r for r in rest if not is_negative(r)]
        rest = positive + [r for r in rest if is_negative(r)]
    if is_negative(rest[0]):
        return negated(hadamard([*shared, add(map(negated, rest))]))
    return hadamard([*shared, add(rest)])


def scale(factor: Any, other: Any) -> Any:
    """A scalar times a matrix, signs in front."""
    minus, (factor, other) = _signed((factor, other))
    whole = Scale(factor, other)
    return negative(whole) if minus else whole


def inner(a: Any, b: Any) -> Any:
    """Σ A_ij B_ij: as a b^⊤ for rows, as k A v^⊤ where B is k^⊤ v."""
    minus, (a, b) = _signed((a, b))
    if tuple(a.shape) == (1, 1):
        whole: Any = hadamard([a, b])
    elif a.shape[0] == 1:
        whole = matmul([a, transpose(b)])
    elif isinstance(b, MatMul) and len(b.args) == 2 and b.args[0].shape[1] == 1:
        left, right = b.args
        whole = matmul([transpose(left), a, transpose(right)])
    else:
        whole = Inner(a, b)
    return negated(whole) if minus else whole
