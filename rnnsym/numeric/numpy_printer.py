"""NumPy text of an expression, as a person would write it, for a batch of samples.

On paper there is one sample; in code there are N. What carries a time index is batched:

    1 × 1      (N, 1)
    1 × M      (N, M)
    K × 1      (N, K, 1)
    K × V      (N, K, V)

and what does not (parameters, constants) is the matrix of the paper; a scalar is a number. A bias
of shape (1, M) is also twice as fast to add to one sample as one of shape (M,).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import mpmath
from sympy import Symbol
from sympy.printing.numpy import NumPyPrinter

from ..derive.slopes import written_out
from ..errors import InputError
from ..nouns import Quantity, quantities
from ..ops.diagonals import Diag
from ..ops.elementwise import BESIDE, POWER, PRODUCT, QUOTIENT, Apply, is_sign
from ..ops.entries import entries
from ..ops.functions import ELEMENTWISE, Elementwise
from ..ops.inner import Inner
from ..ops.joins import Concat, Slice
from ..ops.leaves import Number, is_number
from ..ops.node import Transpose, transposed
from ..ops.numbers import numeric
from ..ops.products import MatMul
from ..ops.rowfunctions import ROWS
from ..ops.rows import RowApply
from ..ops.sums import MatAdd, Minus, TimeSum

SCALAR, ROW, COLUMN, MATRIX = "scalar", "row", "column", "matrix"


def kind(expr: Any) -> str:
    """Which of the four layouts an expression has."""
    rows, cols = expr.shape
    if rows == 1:
        return SCALAR if cols == 1 else ROW
    return COLUMN if cols == 1 else MATRIX


def batched(expr: Any) -> bool:
    """Whether the value differs between samples: whether a time-indexed quantity is in it."""
    return any(q.time is not None for q in quantities(expr))


def _loose(expr: Any) -> bool:
    """Whether Python must see an expression in parentheses when it becomes an operand."""
    if isinstance(expr, Apply):
        return expr.name_ in (PRODUCT, QUOTIENT)
    return isinstance(expr, (MatAdd, MatMul, Minus, Diag))


def _is_call(text: str) -> bool:
    """Whether a text is one call or index from end to end, and so needs no parentheses."""
    head, bracket, rest = text.partition("(")
    if not bracket or not head.replace(".", "").replace("_", "").isalnum():
        return False
    depth = 1
    for i, c in enumerate(rest):
        depth += (c == "(") - (c == ")")
        if depth == 0:
            tail = rest[i + 1 :]
            return not tail or (tail[0] == "[" and tail.find("]") == len(tail) - 1)
    return False


class BatchPrinter(NumPyPrinter):
    """SymPy's NumPy printer for our nodes and for batches; `needed` collects helper functions."""

    def __init__(
        self,
        name_of: Callable[[Quantity], str] | None = None,
        size_of: Callable[[Any], str] = str,
        dtype: str = "float",
        turned: bool = False,
        powers: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__({"fully_qualified_modules": False})
        #: Of quantities that are powers, by name: the base.
        self.powers = powers or {}
        self.needed: dict[str, None] = {}
        self.name_of = name_of
        self.size = size_of
        self.dtype = dtype
        #: Whether matrices lie as a text in columns shows them: `W.T` is that of the row form.
        self.turned = turned

    def _module_format(self, fqn: str, register: bool = True) -> str:
        return fqn.replace("numpy.", "np.")

    # --- leaves

    def name(self, q: Quantity) -> str:
        """The name of an array, whichever way it lies."""
        return self.name_of(q) if self.name_of is not None else q.name

    def turns(self, expr: Any) -> bool:
        """Whether the array of an expression lies as its transpose."""
        return self.turned and kind(expr) in (COLUMN, MATRIX)

    def _print_Quantity(self, q: Quantity) -> str:
        if not self.turns(q):
            return self.name(q)
        return f"{self.name(q)}.mT" if batched(q) else f"{self.name(q)}.T"

    def laid(self, expr: Any) -> Any:
        """The expression whose array lies as that of a quantity of this shape is shown."""
        return transposed(expr) if self.turns(expr) else expr

    def _print_MatrixElement(self, expr: Any) -> str:
        q, i, j = expr.args
        name = self.name(q)
        if self.turns(q):
            i, j = j, i
            return f"{name}[:, {i}, {j}]" if q.time is not None else f"{name}[{i}, {j}]"
        if q.time is not None:
            return f"{name}[:, {j}]" if kind(q) in (SCALAR, ROW) else f"{name}[:, {i}, {j}]"
        return name if kind(q) == SCALAR else f"{name}[{i}, {j}]"

    # --- operations, as they ask for it

    @staticmethod
    def varies(expr: Any) -> bool:
        """Whether an operand has a value for each sample: the first axis of its array."""
        return batched(expr)

    def text(self, expr: Any) -> str:
        """An expression's code."""
        return self._print(expr)

    def _operand(self, expr: Any) -> str:
        text = self._print(expr)
        return f"({text})" if _loose(expr) and not _is_call(text) else text

    def indexed(self, expr: Any, index: str) -> str:
        """An expression's code with an index or a method behind it."""
        text = self._print(expr)
        simple = isinstance(expr, Quantity) or _is_call(text)
        return f"{text}{index}" if simple else f"({text}){index}"

    @staticmethod
    def _axes(expr: Any, whole: Any) -> str:
        """The index that gives a batch the axes of what it stands beside."""
        if not batched(expr) or kind(whole) not in (COLUMN, MATRIX):
            return ""
        return {SCALAR: "[:, :, None]", ROW: "[:, None, :]"}.get(kind(expr), "")

    def beside(self, expr: Any, whole: Any) -> str:
        """An operand's code, for NumPy to broadcast it to the shape of the whole."""
        index = self._axes(expr, whole)
        return self.indexed(expr, index) if index else self._print(expr)

    def operand_beside(self, expr: Any, whole: Any) -> str:
        """The same as an operand of * or /."""
        index = self._axes(expr, whole)
        return self.indexed(expr, index) if index else self._operand(expr)

    def product_of_elements(self, expr: Apply) -> str:
        """Factors side by side; a power beside its exponent, or the log of its base, by name."""
        found: list[str] = []
        args = list(expr.operands)
        while args:
            part = args.pop(0)
            sign, power = next(
                ((s, a) for a in args if (s := _slope_of_power(part, a)) is not None), ("", None)
            )
            if power is not None:  # p x^(p-1), which is 0 at p = 0 and x = 0
                args.remove(power)
                base = self.beside(power.operands[0], expr)
                p = self.operand_beside(part, expr) if sign else self.beside(part, expr)
                found.append(f"{sign}{self.helper('power_slope')}({base}, {sign}{p})")
            elif self._is_log_of_base(part, expr.operands):
                base = self.beside(part.operands[0], expr)
                found.append(f"{self.helper('log_of_base')}({base})")
            else:
                found.append(self.operand_beside(part, expr))
        return " * ".join(found)

    def _is_log_of_base(self, part: Any, others: Iterable[Any]) -> bool:
        """Whether this is the log(x) of x^p log(x), the slope of a power by its exponent."""
        if not isinstance(part, Apply) or part.name_ != "log":
            return False
        (base,) = part.operands
        return bool(quantities(base)) and any(
            (is_sign(o, POWER) and o.operands[0] == base)
            or (isinstance(o, Quantity) and self.powers.get(o.label) == base)
            for o in others
        )

    def power(self, expr: Apply) -> str:
        """A power of elements."""
        if (folded := self._number(expr)) is not None:
            return folded
        base, exponent = expr.operands
        # Printed once: each power in another one would be printed twice as often.
        text = self.beside(base, expr)
        if isinstance(base, Minus) or is_sign(base, POWER) or (
            _loose(base) and not _is_call(text)
        ):  # fmt: skip
            text = f"({text})"
        if isinstance(exponent, Number):
            return f"{text}**{self._print(exponent)}"
        return f"{text}**({self.beside(exponent, expr)})"

    def _number(self, expr: Any) -> str | None:
        """A function of numbers alone as a number: NumPy would make a float64 of it."""
        if quantities(expr) or tuple(expr.shape) != (1, 1):
            return None
        ((value,),) = entries(
            expr, lambda _: [], lambda f, *v: numeric(f, len(v))(*v),
            lambda r: mpmath.mpf(int(r.p)) / int(r.q),
        )  # fmt: skip
        value = float(value.real) if not getattr(value, "imag", 0) else float("nan")
        if not math.isfinite(value):
            raise InputError("a number in the equations is not finite in float64")
        return repr(value)

    def function(self, expr: Apply) -> str:
        """A function of the table, by its NumPy name or by a helper."""
        if (number := self._number(expr)) is not None:
            return number
        entry = ELEMENTWISE.get(expr.name_)
        if expr.name_ == "sqrt" and (parts := _mean_square(expr.operands[0])):
            vector, added = self._print(parts[0]), self.beside(parts[1], expr.operands[0])
            return f"{self.helper('root_mean_square')}({vector}, {added})"
        arguments = ", ".join(self.beside(a, expr) for a in expr.operands)
        if entry is not None and entry.direct:
            return f"{entry.numpy}({arguments})"
        return f"{self.helper(expr.name_)}({arguments})"

    def _print(self, expr: Any, **options: Any) -> str:
        # A function of the table may be called like one that SymPy prints in its own way (erf).
        if isinstance(getattr(type(expr), "entry", None), Elementwise):
            return self._print_entry(expr)
        return super()._print(expr, **options)

    def _print_entry(self, expr: Any) -> str:
        entry = type(expr).entry
        arguments = ", ".join(self._print(a) for a in expr.args)
        if entry.direct:
            return f"{entry.numpy}({arguments})"
        return f"{self.helper(entry.name)}({arguments})"

    def helper(self, name: str) -> str:
        """Note that a helper function is needed, and what it needs itself."""
        if name.endswith("'"):
            own = ELEMENTWISE[name.rstrip("'")].needs
            for other in own if _accurate(name) else _slope_source(name)[1]:
                self.helper(other)
        elif name in ELEMENTWISE:
            for other in ELEMENTWISE[name].needs:
                self.helper(other)
        self.needed.setdefault(name)
        return function_name(name)

    def along_rows(self, expr: RowApply) -> str:
        """A function of each row."""
        entry = ROWS[expr.name_]
        if (number := self._number(expr)) is not None:
            return number
        if kind(expr.operand) == SCALAR and not batched(expr.operand):
            if entry.reduces:
                return self._print(expr.operand)
            options = "".join(f", {self._print(a)}" for a in expr.options)
            one = f"np.reshape({self._print(expr.operand)}, (1, 1))"
            return f"{self.helper(expr.name_)}({one}{options})[0, 0]"
        if entry.reduces:
            return self.indexed(expr.operand, f".{expr.name_}(axis=-1, keepdims=True)")
        arguments = [self._print(expr.operand)]
        arguments += [self.beside(a, expr.operand) for a in expr.options]
        return f"{self.helper(expr.name_)}({', '.join(arguments)})"

    def joined(self, expr: Concat) -> str:
        """Matrices side by side; what is the same for every sample is repeated."""
        many = batched(expr)
        first = next((self.indexed(a, "") for a in expr.operands if batched(a)), "")
        parts = []
        for operand in expr.operands:
            text = self._print(operand)
            if many and not batched(operand):
                width = "1"
                if kind(operand) != SCALAR:
                    width = self.indexed(operand, ".shape[-1]")
                shape = f"{first}.shape[:-1] + ({width},)"
                text = f"np.broadcast_to(np.asarray({text}, {first}.dtype), {shape})"
            elif kind(operand) == SCALAR and not many:
                text = f"np.reshape({text}, (1, 1))"
            parts.append(text)
        return f"np.concatenate([{', '.join(parts)}], axis=-1)"

    def diagonal_matrix(self, inner: Any) -> str:
        """A vector on the diagonal of a matrix."""
        text = self._print(inner)
        if not batched(inner):
            return f"np.diagflat({text})"
        column = self.indexed(inner, "[:, :, None]")
        size, dtype = f"{text}.shape[-1]", f"{text}.dtype"
        if not isinstance(inner, Quantity):  # it is computed once
            rows, cols = inner.shape
            size, dtype = self.size(cols if rows == 1 else rows), self.dtype
        return f"{column} * np.eye({size}, dtype={dtype})"

    def diagonal_of(self, inner: Any) -> str:
        """The diagonal of a matrix; of an outer product nothing else is computed."""
        match inner:
            case Minus():
                return f"-({self.diagonal_of(inner.args[0])})"
            case MatMul(args=(Transpose(args=(one,)), two)) if kind(one) == kind(two) == ROW:
                return f"{self._operand(one)} * {self._operand(two)}"
        return f"np.diagonal({self._print(inner)}, axis1=-2, axis2=-1)"

    def inner_product(self, expr: Inner) -> str:
        """The sum of all products of entries."""
        whole = expr.args[0] if tuple(expr.args[0].shape) == tuple(expr.inside) else expr.args[1]
        product = " * ".join(self.operand_beside(a, whole) for a in expr.args)
        if not batched(expr):
            return f"({product}).sum()"
        if kind(whole) in (ROW, SCALAR):
            return f"({product}).sum(axis=-1, keepdims=True)"
        return f"({product}).sum(axis=(1, 2))[:, None]"

    def reduced(self, expr: Any) -> str:
        """Code for the sum of an expression over the batch: what reaches a parameter."""
        if isinstance(expr, Minus):
            return f"-{self._parenthesised(expr.args[0], self.reduced(expr.args[0]))}"
        if isinstance(expr, TimeSum):
            return self.reduced(expr.operand)
        if isinstance(expr, MatAdd):
            text = ""
            for i, term in enumerate(expr.args):
                bare = term.args[0] if isinstance(term, Minus) else term
                sign = "-" if isinstance(term, Minus) else "+"
                part = self.reduced(bare)
                text += f" {sign} {part}" if i else (f"-{part}" if sign == "-" else part)
            return text
        if not batched(expr):
            return self._print(expr)
        if kind(expr) == SCALAR:
            return f"{self._grouped(expr)}.sum()"
        if isinstance(expr, MatMul) and (pair := self._outer_pair(expr)):
            return pair
        if kind(expr) == MATRIX and (text := self._reduced_within(expr)):
            return text
        if isinstance(expr, Apply) and expr.beside:
            factor, other = expr.operands
            if kind(expr) == COLUMN and isinstance(other, Transpose):
                if batched(other) and batched(factor):
                    return f"{self._grouped(other.args[0])}.T @ {self._operand(factor)}"
            if not batched(factor):
                return f"{self._operand(factor)} * {self.reduced(other)}"
        if kind(expr) == ROW:
            return f"{self._grouped(expr)}.sum(axis=0, keepdims=True)"
        return f"{self._grouped(expr)}.sum(axis=0)"

    def _reduced_within(self, expr: Any) -> str:
        """What is linear in one matrix of each sample, of the sum of these; else the empty text.

        Without it an array of N·T matrices would be made to be summed at once.
        """

        def inner(part: Any) -> str:
            text = self.reduced(part)
            return text if _is_call(text) else f"({text})"

        match expr:
            case Transpose():
                return f"{inner(expr.args[0])}.T"
            case Apply(name_="/") if not batched(expr.operands[1]):
                return f"{inner(expr.operands[0])} / {self._operand(expr.operands[1])}"
            case Apply(beside=True) if isinstance(expr.operands[1], MatMul):
                # A number of each sample times an outer product: one of its rows is as much longer.
                factor, product = expr.operands
                first, *rest = product.args
                if isinstance(first, Transpose) and kind(first) == COLUMN:
                    row = Transpose(Apply(BESIDE, factor, first.args[0]))
                    return self._outer_pair(MatMul(row, *rest)) or ""
            case Apply(name_="⊙", beside=False) if sum(map(batched, expr.operands)) == 1:
                many = [inner(a) if batched(a) else self._operand(a) for a in expr.operands]
                return " * ".join(many)
            case Slice():
                start, stop = (self.size(e) for e in expr.args[2:])
                return f"{inner(expr.operand)}[..., {start}:{stop}]"
        return ""

    def _grouped(self, expr: Any) -> str:
        text = self._print(expr)
        return text if isinstance(expr, Quantity) or _is_call(text) else f"({text})"

    @staticmethod
    def _parenthesised(expr: Any, text: str) -> str:
        return f"({text})" if isinstance(expr, MatAdd) else text

    def _outer_pair(self, expr: MatMul) -> str | None:
        """A sum over samples of outer products as one product: x_t.T @ a_bar_t."""
        for i in range(1, len(expr.args)):
            left, right = expr.args[:i], expr.args[i:]
            if left[-1].shape[1] != 1 or right[0].shape[0] != 1:
                continue
            rows = [f.args[0] if isinstance(f, Transpose) else Transpose(f) for f in left[::-1]]
            one = rows[0] if len(rows) == 1 else MatMul(*rows)
            two = right[0] if len(right) == 1 else MatMul(*right)
            if not (batched(one) and batched(two) and kind(one) == kind(two) == ROW):
                return None
            return f"{self._grouped(one)}.T @ {self._operand(two)}"
        return None

    def turned_over(self, inner: Any) -> str:
        """The transpose of an expression."""
        if kind(inner) == SCALAR:
            return self._print(inner)
        if isinstance(inner, Quantity) and self.turns(inner):
            return self.name(inner)
        if not batched(inner):
            return self.indexed(inner, ".T")
        index = {ROW: "[:, :, None]", COLUMN: "[:, :, 0]", MATRIX: ".mT"}[kind(inner)]
        return self.indexed(inner, index)

    def matrix_product(self, expr: MatMul) -> str:
        """A matrix product, from left to right."""
        left: Any = expr.args[0]
        text = self._operand(left)
        for i, right in enumerate(expr.args[1:], 1):
            prefix = expr.args[0] if i == 1 else MatMul(*expr.args[:i])
            text = self._product(prefix, text, right)
        return text

    def _product(self, left: Any, text: str, right: Any) -> str:
        """One matrix product; `text` is the code of `left`."""
        kinds = kind(left), kind(right)
        many = batched(left), batched(right)
        if many == (False, False) or (kinds[0] == ROW and many == (True, False)):
            return f"{text} @ {self._operand(right)}"
        if kinds == (ROW, MATRIX) and many == (True, True):
            if isinstance(right, Quantity) and self.turned:
                return f"np.matvec({self.name(right)}, {text})"
            return f"np.vecmat({text}, {self._print(right)})"
        if many == (True, True) and kinds == (ROW, COLUMN) and isinstance(right, Transpose):
            return f"np.vecdot({text}, {self._print(right.args[0])})[:, None]"
        if many == (True, True) and kinds == (COLUMN, ROW) and isinstance(left, Transpose):
            row = self.indexed(left.args[0], "[:, :, None]")
            return f"{row} * {self.indexed(right, '[:, None, :]')}"
        if kinds[0] in (COLUMN, MATRIX) and kinds[1] in (COLUMN, MATRIX):
            return f"{text} @ {self._operand(right)}"
        # Any other pair goes through full matrices, and its result back to its layout.
        full = f"{self._full(left, text)} @ {self._full(right, self._operand(right))}"
        return f"({full})[:, 0]" if kinds[0] in (ROW, SCALAR) else full

    @staticmethod
    def _full(expr: Any, text: str) -> str:
        """Code of a batch of matrices, or of one, whatever the layout."""
        if kind(expr) in (COLUMN, MATRIX) or (kind(expr) == ROW and not batched(expr)):
            return text
        held = text if text.isidentifier() or _is_call(text) else f"({text})"
        if kind(expr) == ROW:
            return f"{held}[:, None, :]"
        return f"{held}[:, :, None]" if batched(expr) else f"np.reshape({text}, (1, 1))"


def base_of(expr: Any) -> Any:
    """Of a power the base, else None."""
    return expr.operands[0] if is_sign(expr, POWER) else None


def _slope_of_power(p: Any, power: Any) -> str | None:
    """Of two factors p and x^(p-1) an empty sign, of p and x^(-p-1) a minus; else None."""
    if not is_sign(power, POWER) or not quantities(p):
        return None
    less = power.operands[1]
    if not isinstance(less, MatAdd):
        return None
    rest = [a for a in less.args if not (isinstance(a, Minus) and is_number(a.args[0], 1))]
    if len(rest) != len(less.args) - 1:
        return None
    left = MatAdd(*rest) if len(rest) > 1 else rest[0]
    return {p: "", Minus(p): "-"}.get(left)


def _mean_square(expr: Any) -> tuple[Any, Any] | None:
    """a and ε of mean(a ⊙ a) + ε, where a ⊙ a of a large or a small a has no number."""
    match expr:
        case MatAdd(
            args=(RowApply(name_="mean", operand=Apply(name_="⊙", operands=(a, b))), added)
        ):
            return (a, added) if a == b else None
    return None


def function_name(name: str) -> str:
    """What a helper is called in code: the slope gelu' is `gelu_slope`."""
    bare = name.rstrip("'")
    return bare + {0: "", 1: "_slope"}.get(len(name) - len(bare), "_slope_2")


def _accurate(name: str) -> str:
    """The NumPy text of a slope that does not cancel, or "" where its own text does not."""
    bare = name.rstrip("'")
    texts = ELEMENTWISE[bare].accurate
    argument = len(name) - len(bare) - 1
    return texts[argument] if argument < len(texts) else ""


def _slope_source(name: str) -> tuple[str, dict[str, None]]:
    """The NumPy text of a slope and the helpers that it calls."""
    bare = name.rstrip("'")
    entry = ELEMENTWISE[bare]
    operands = tuple(Quantity(a, Symbol("R"), Symbol("C")) for a in entry.arguments)
    value = Apply(bare, *operands)
    printer = BatchPrinter()
    text = printer.doprint(written_out(bare, len(name) - len(bare) - 1, operands, value))
    return text, printer.needed


#: Functions that code needs and no formula names.
_HELPERS = {
    "root_mean_square": [
        "def root_mean_square(z, epsilon=0):",
        "    unit = np.abs(z).max(axis=-1, keepdims=True)",
        "    unit = np.where(unit > 0, unit, 1).astype(z.dtype)",
        "    mean = ((z / unit) ** 2).mean(axis=-1, keepdims=True)",
        "    return unit * np.hypot(np.sqrt(mean), np.sqrt(epsilon).astype(z.dtype) / unit)",
    ],
    "power_slope": [
        "def power_slope(x, p):  # p x^(p - 1), which is 0 for p = 0 whatever x is",
        "    return p * np.where(p == 0, 1, x) ** (p - 1)",
    ],
    "log_of_base": [
        "def log_of_base(x):  # beside a power of x, which is 0 at x = 0 or does not depend on x",
        "    return np.log(np.where(x == 0, 1, x))",
    ],
}


def helper_source(name: str) -> list[str]:
    """The definition of a helper function that generated code calls."""
    if name in _HELPERS:
        return _HELPERS[name]
    if name.endswith("'"):
        entry = ELEMENTWISE[name.rstrip("'")]
        given = [f"{a}={float(v)!r}" for a, v in _defaults(entry.name)]
        arguments = ", ".join([*entry.arguments[: entry.required], *given])
        text = _accurate(name) or _slope_source(name)[0]
        return [f"def {function_name(name)}({arguments}):", f"    return {text}"]
    if name in ELEMENTWISE:
        entry = ELEMENTWISE[name]
        given = [f"{a}={float(v)!r}" for a, v in _defaults(name)]
        arguments = ", ".join([*entry.arguments[: entry.required], *given])
        lines: tuple[str, ...] = ()
        numpy = entry.numpy
    else:
        row = ROWS[name]
        arguments = ", ".join(["z", *(f"{a}={d}" for a, d in row.defaults)])
        lines, numpy = row.needs, row.numpy
    body = [f"    {line}" for line in lines]
    return [f"def {name}({arguments}):", *body, f"    return {numpy}"]


def _defaults(name: str) -> list[tuple[str, Any]]:
    import inspect

    parameters = inspect.signature(ELEMENTWISE[name].scalar).parameters.values()
    return [(p.name, p.default) for p in parameters if p.default is not inspect.Parameter.empty]
