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
from sympy import HadamardProduct, MatAdd, Symbol, Transpose
from sympy.printing.numpy import NumPyPrinter

from ..algebra.entries import entries
from ..algebra.functions import ELEMENTWISE, ROWS, numeric
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
    TimeSum,
    is_negative,
    negative,
    transposed,
)
from ..derive.slopes import written_out
from ..errors import InputError
from ..nouns import Quantity, quantities

SCALAR, ROW, COLUMN, MATRIX = "scalar", "row", "column", "matrix"

#: Expressions that Python must see in parentheses when they become an operand.
_LOOSE = (MatAdd, MatMul, HadamardProduct, Scale, Divide, Diag)


def kind(expr: Any) -> str:
    """Which of the four layouts an expression has."""
    rows, cols = expr.shape
    if rows == 1:
        return SCALAR if cols == 1 else ROW
    return COLUMN if cols == 1 else MATRIX


def batched(expr: Any) -> bool:
    """Whether the value differs between samples: whether a time-indexed quantity is in it."""
    return any(q.time is not None for q in quantities(expr))


def narrow(expr: Any) -> bool:
    """Whether the array of an expression is narrower than its shape: it was spread, and NumPy
    spreads by itself only beside something wider."""
    if isinstance(expr, Spread):
        return True
    if is_negative(expr) or isinstance(expr, Scale):
        return narrow(expr.args[1])
    if isinstance(expr, (MatAdd, HadamardProduct, Divide, Power)):
        return all(narrow(a) for a in expr.args)
    if isinstance(expr, Apply):
        return all(narrow(a) for a in expr.operands)
    return False


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

    def _print_Number(self, expr: Any) -> str:
        if not isinstance(expr, Number):
            return super()._print_Number(expr)
        return repr(float(expr.value)) if "." in expr.text or "e" in expr.text else expr.text

    def _print_MatrixElement(self, expr: Any) -> str:
        q, i, j = expr.args
        name = self.name(q)
        if self.turns(q):
            i, j = j, i
            return f"{name}[:, {i}, {j}]" if q.time is not None else f"{name}[{i}, {j}]"
        if q.time is not None:
            return f"{name}[:, {j}]" if kind(q) in (SCALAR, ROW) else f"{name}[:, {i}, {j}]"
        return name if kind(q) == SCALAR else f"{name}[{i}, {j}]"

    # --- operations

    def _operand(self, expr: Any) -> str:
        text = self._print(expr)
        while isinstance(expr, Spread):
            expr = expr.args[0]
        return f"({text})" if isinstance(expr, _LOOSE) and not _is_call(text) else text

    def _indexed(self, expr: Any, index: str) -> str:
        text = self._print(expr)
        while isinstance(expr, Spread):
            expr = expr.args[0]
        simple = isinstance(expr, Quantity) or _is_call(text)
        return f"{text}{index}" if simple else f"({text}){index}"

    def _print_Spread(self, expr: Spread) -> str:
        inner = expr.args[0]
        if batched(inner) and kind(inner) == SCALAR and kind(expr) in (COLUMN, MATRIX):
            return self._indexed(inner, "[:, :, None]")
        return self._print(inner)

    def _print_MatAdd(self, expr: MatAdd) -> str:
        text = ""
        for i, term in enumerate(expr.args):
            sign = "-" if is_negative(term) else "+"
            bare = term.args[1] if is_negative(term) else term
            inner: Any = bare
            while isinstance(inner, Spread):
                inner = inner.args[0]
            # A sum in a sum keeps its parentheses, as on paper.
            loose = isinstance(inner, MatAdd) or is_negative(inner)
            part = f"({self._print(bare)})" if loose else self._print(bare)
            text += f" {sign} {part}" if i else (f"-{part}" if sign == "-" else part)
        return text

    def _print_HadamardProduct(self, expr: HadamardProduct) -> str:
        found: list[str] = []
        args = list(expr.args)
        while args:
            part = args.pop(0)
            sign, power = next(
                ((s, a) for a in args if (s := _slope_of_power(part, a)) is not None), ("", None)
            )
            if power is not None:  # p x^(p-1), which is 0 at p = 0 and x = 0
                args.remove(power)
                base, p = self._print(power.args[0]), _bare(part)
                p = self._operand(p) if sign else self._print(p)
                found.append(f"{sign}{self.helper('power_slope')}({base}, {sign}{p})")
            elif self._is_log_of_base(part, expr.args):
                found.append(
                    f"{self.helper('log_of_base')}({self._print(_bare(part).operands[0])})"
                )
            else:
                found.append(self._operand(part))
        return " * ".join(found)

    def _is_log_of_base(self, part: Any, others: Iterable[Any]) -> bool:
        """Whether this is the log(x) of x^p log(x), the slope of a power by its exponent."""
        log = _bare(part)
        if not isinstance(log, Apply) or log.name_ != "log":
            return False
        (base,) = map(_bare, log.operands)
        return bool(quantities(base)) and any(
            (isinstance(o, Power) and _bare(o.args[0]) == base)
            or (isinstance(o, Quantity) and self.powers.get(o.label) == base)
            for o in map(_bare, others)
        )

    def _print_Scale(self, expr: Scale) -> str:
        factor, other = expr.args
        text = self._operand(factor)
        if batched(factor) and kind(other) in (COLUMN, MATRIX):
            text = self._indexed(factor, "[:, :, None]")
        return f"{text} * {self._operand(other)}"

    def _print_Divide(self, expr: Divide) -> str:
        return " / ".join(self._operand(a) for a in expr.args)

    def _print_Power(self, expr: Power) -> str:
        if (folded := self._number(expr)) is not None:
            return folded
        base, exponent = expr.args
        number = exponent.args[0] if isinstance(exponent, Spread) else exponent
        # Printed once: each power in another one would be printed twice as often.
        grouped = isinstance(base, Power) or is_negative(base) or isinstance(base, Number)
        text = f"({self._print(base)})" if grouped else self._operand(base)
        if isinstance(number, Number):
            return f"{text}**{self._print(number)}"
        return f"{text}**({self._print(exponent)})"

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

    def _print_Apply(self, expr: Apply) -> str:
        if (number := self._number(expr)) is not None:
            return number
        entry = ELEMENTWISE.get(expr.name_)
        if expr.name_ == "sqrt" and (parts := _mean_square(expr.operands[0])):
            return f"{self.helper('root_mean_square')}({', '.join(map(self._print, parts))})"
        arguments = ", ".join(self._print(a) for a in expr.operands)
        if entry is not None and entry.direct:
            return f"{entry.numpy}({arguments})"
        return f"{self.helper(expr.name_)}({arguments})"

    def _print(self, expr: Any, **options: Any) -> str:
        # A function of the table may be called like one that SymPy prints in its own way (erf).
        if getattr(type(expr), "entry", None) is not None:
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

    def _print_RowApply(self, expr: RowApply) -> str:
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
            return self._indexed(expr.operand, f".{expr.name_}(axis=-1, keepdims=True)")
        arguments = ", ".join(self._print(a) for a in (expr.operand, *expr.options))
        return f"{self.helper(expr.name_)}({arguments})"

    def _print_Concat(self, expr: Concat) -> str:
        many = batched(expr)
        first = next((self._indexed(a, "") for a in expr.operands if batched(a)), "")
        parts = []
        for operand in expr.operands:
            text = self._print(operand)
            if many and not batched(operand):
                width = "1"
                if kind(operand) != SCALAR:
                    width = self._indexed(operand, ".shape[-1]")
                shape = f"{first}.shape[:-1] + ({width},)"
                text = f"np.broadcast_to(np.asarray({text}, {first}.dtype), {shape})"
            elif kind(operand) == SCALAR and not many:
                text = f"np.reshape({text}, (1, 1))"
            parts.append(text)
        return f"np.concatenate([{', '.join(parts)}], axis=-1)"

    def _print_Diag(self, expr: Diag) -> str:
        inner = expr.args[0]
        text = self._print(inner)
        if not batched(inner):
            return f"np.diagflat({text})"
        held = text if isinstance(inner, Quantity) or _is_call(text) else f"({text})"
        return (
            f"{self._indexed(inner, '[:, :, None]')} * np.eye({held}.shape[-1], dtype={held}.dtype)"
        )

    def _print_Diagonal(self, expr: Diagonal) -> str:
        match expr.args[1]:
            case MatMul() if is_negative(expr.args[1]):
                return f"-({self._print(Diagonal(expr.axis, expr.args[1].args[1]))})"
            case MatMul(args=(Transpose(args=(one,)), two)) if kind(one) == kind(two) == ROW:
                return f"{self._operand(one)} * {self._operand(two)}"
        return f"np.diagonal({self._print(expr.args[1])}, axis1=-2, axis2=-1)"

    def _print_Inner(self, expr: Inner) -> str:
        product = " * ".join(self._operand(a) for a in expr.args)
        if not batched(expr):
            return f"({product}).sum()"
        if kind(expr.args[0]) in (ROW, SCALAR):
            return f"({product}).sum(axis=-1, keepdims=True)"
        return f"({product}).sum(axis=(1, 2))[:, None]"

    def _print_Slice(self, expr: Slice) -> str:
        start, stop = (self.size(e) for e in expr.args[2:])
        return self._indexed(expr.operand, f"[..., {start}:{stop}]")

    def _print_Eye(self, expr: Eye) -> str:
        return f"np.eye({self.size(expr.args[0])}, dtype={self.dtype})"

    def _print_Filled(self, expr: Filled) -> str:
        word = "ones" if expr.args[0] == 1 else "zeros"
        shape = f"({self.size(expr.args[1])}, {self.size(expr.args[2])})"
        return f"np.{word}({shape}, {self.dtype})"

    def _print_Size(self, expr: Size) -> str:
        return self.size(expr.args[0])

    def reduced(self, expr: Any) -> str:
        """Code for the sum of an expression over the batch: what reaches a parameter."""
        if is_negative(expr):
            return f"-{self._parenthesised(expr.args[1], self.reduced(expr.args[1]))}"
        if isinstance(expr, TimeSum):
            return self.reduced(expr.operand)
        if isinstance(expr, MatAdd):
            text = ""
            for i, term in enumerate(expr.args):
                bare = term.args[1] if is_negative(term) else term
                sign = "-" if is_negative(term) else "+"
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
        if isinstance(expr, Scale) and kind(expr) == COLUMN and isinstance(expr.args[1], Transpose):
            column = expr.args[1].args[0]
            if batched(column) and batched(expr.args[0]):
                return f"{self._grouped(column)}.T @ {self._operand(expr.args[0])}"
        if isinstance(expr, Scale) and not batched(expr.args[0]):
            return f"{self._operand(expr.args[0])} * {self.reduced(expr.args[1])}"
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
            case Divide() if not batched(expr.args[1]):
                return f"{inner(expr.args[0])} / {self._operand(expr.args[1])}"
            case HadamardProduct() if sum(map(batched, expr.args)) == 1:
                many = [inner(a) if batched(a) else self._operand(a) for a in expr.args]
                return " * ".join(many)
            case Scale() if isinstance(expr.args[1], MatMul):
                # A number of each sample times an outer product: one of its rows is as much longer.
                first, *rest = expr.args[1].args
                if isinstance(first, Transpose) and kind(first) == COLUMN:
                    row = Transpose(Scale(expr.args[0], first.args[0]))
                    return self._outer_pair(MatMul(row, *rest)) or ""
            case Slice():
                start, stop = (self.size(e) for e in expr.args[2:])
                return f"{inner(expr.operand)}[..., {start}:{stop}]"
        return ""

    def _grouped(self, expr: Any) -> str:
        text = self._print(expr)
        while isinstance(expr, Spread):
            expr = expr.args[0]
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

    def _print_Transpose(self, expr: Transpose) -> str:
        inner = expr.args[0]
        if kind(inner) == SCALAR:
            return self._print(inner)
        if isinstance(inner, Quantity) and self.turns(inner):
            return self.name(inner)
        if not batched(inner):
            return self._indexed(inner, ".T")
        index = {ROW: "[:, :, None]", COLUMN: "[:, :, 0]", MATRIX: ".mT"}[kind(inner)]
        return self._indexed(inner, index)

    def _print_MatMul(self, expr: MatMul) -> str:
        if is_negative(expr):
            inner = expr.args[1]
            loose = isinstance(inner, MatAdd) or is_negative(inner)
            return f"-({self._print(inner)})" if loose else f"-{self._print(inner)}"
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
            row = self._indexed(left.args[0], "[:, :, None]")
            return f"{row} * {self._indexed(right, '[:, None, :]')}"
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
        if kind(expr) == ROW:
            return f"{text}[:, None, :]"
        return f"{text}[:, :, None]" if batched(expr) else f"np.reshape({text}, (1, 1))"


def _bare(expr: Any) -> Any:
    """What is spread over a row or a matrix; anything else as it is."""
    while isinstance(expr, Spread):
        expr = expr.args[0]
    return expr


def base_of(expr: Any) -> Any:
    """Of a power the base, else None."""
    power = _bare(expr)
    return _bare(power.args[0]) if isinstance(power, Power) else None


def _slope_of_power(exponent: Any, power: Any) -> str | None:
    """Of two factors p and x^(p-1) an empty sign, of p and x^(-p-1) a minus; else None."""
    p = _bare(exponent)
    if not isinstance(power, Power) or not quantities(p):
        return None
    less = _bare(power.args[1])
    if not isinstance(less, MatAdd):
        return None
    rest = [a for a in less.args if not (is_negative(a) and _is_one(_bare(a.args[1])))]
    if len(rest) != len(less.args) - 1:
        return None
    left = MatAdd(*rest) if len(rest) > 1 else rest[0]
    return {p: "", negative(p): "-"}.get(left)


def _is_one(expr: Any) -> bool:
    return isinstance(expr, Number) and expr.value == 1


def _mean_square(expr: Any) -> tuple[Any, Any] | None:
    """a and ε of mean(a ⊙ a) + ε, where a ⊙ a of a large or a small a has no number."""
    match expr:
        case MatAdd(args=(RowApply(args=(_, _, HadamardProduct(args=(a, b)))) as mean, added)):
            return (a, added) if mean.name_ == "mean" and a == b else None
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
