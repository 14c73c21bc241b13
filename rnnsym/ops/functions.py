"""The functions of the language: one entry each.

An elementwise function is a SymPy scalar expression (the body of the function below), its TeX and
a NumPy text that is numerically stable. Everything else follows: the slope by `diff` (at a kink it
is the slope of the branch that the expression takes there, as Keras takes it), the value at 50
digits, the explicit matrices, the parser's list of known functions.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import sympy as sp
from sympy import Expr, Integer, Piecewise, Rational


@dataclass(frozen=True)
class Elementwise:
    """An elementwise function.

    Attributes:
        name: what the language and the generated code call it.
        scalar: its SymPy expression for one element; further arguments may have defaults.
        tex: the TeX that stands before the parenthesis.
        numpy: NumPy text in the names of the arguments; a bare dotted name is called directly.
        aliases: other spellings that are read.
        needs: other functions that the NumPy text calls.
        slopes: the derivative in each argument as a text of the language, in the names of the
            arguments and `y`, the function's value; at a kink the slope that Keras takes. A test
            holds each to the derivative of `scalar`.
        accurate: NumPy text of slopes whose text above would cancel in floating point, where the
            function is nearly flat, by argument; code takes it in the place of that text.
    """

    name: str
    scalar: Callable[..., Expr]
    tex: str
    numpy: str
    aliases: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    slopes: tuple[str, ...] = ()
    accurate: tuple[str, ...] = ()

    @property
    def arguments(self) -> tuple[str, ...]:
        return tuple(inspect.signature(self.scalar).parameters)

    @property
    def required(self) -> int:
        parameters = inspect.signature(self.scalar).parameters.values()
        return sum(p.default is inspect.Parameter.empty for p in parameters)

    @property
    def direct(self) -> bool:
        """Whether the NumPy text is the name of a function that can be called as it is."""
        return bool(self.numpy) and self.numpy.replace(".", "").isidentifier()

    @property
    def formula(self) -> Expr:
        """The expression in real symbols named like the arguments (defaults filled in)."""
        required = [sp.Symbol(a, real=True) for a in self.arguments[: self.required]]
        return self.scalar(*required)

    def slope(self, argument: int = 0) -> Expr:
        """The derivative in one of the arguments, in symbols named like the arguments."""
        symbols = [sp.Symbol(a, real=True) for a in self.arguments]
        return self.scalar(*symbols).diff(symbols[argument])

    @cached_property
    def symbol(self) -> Callable[..., Expr]:
        """A SymPy function for explicit matrices: SymPy's own where there is one."""
        z = sp.Symbol("z", real=True)
        if len(self.arguments) == 1 and self.direct:
            formula = self.scalar(z)
            if isinstance(formula, sp.Function) and formula.args == (z,):
                return formula.func
        entry = self

        def fdiff(self: Any, argindex: int = 1) -> Expr:
            names = [sp.Symbol(a, real=True) for a in entry.arguments[: len(self.args)]]
            return entry.scalar(*names).diff(names[argindex - 1]).subs(zip(names, self.args))

        def doit(self: Any, **hints: Any) -> Expr:
            return entry.scalar(*(a.doit(**hints) for a in self.args))

        def latex(self: Any, printer: Any, *_: Any) -> str:
            return f"{entry.tex}({', '.join(printer._print(a) for a in self.args)})"

        members = {"fdiff": fdiff, "doit": doit, "_latex": latex, "entry": entry}
        return type(self.name, (sp.Function,), members)


ELEMENTWISE: dict[str, Elementwise] = {}


#: A slope longer than this is not written out in formulas: it is a function of its own, gelu'.
LONGEST_SLOPE = 32


def _entry(
    tex: str,
    numpy: str,
    *aliases: str,
    needs: tuple[str, ...] = (),
    slopes: tuple[str, ...],
    accurate: tuple[str, ...] = (),
) -> Callable[..., Any]:
    def add(scalar: Callable[..., Expr]) -> Callable[..., Expr]:
        name = scalar.__name__.removesuffix("_")
        entry = Elementwise(name, scalar, tex, numpy, aliases, needs, slopes, accurate)
        ELEMENTWISE[name] = entry
        for i, text in enumerate(slopes):
            if len(text) > LONGEST_SLOPE:
                ELEMENTWISE[prime(name, i)] = _primed(entry, i)
        return scalar

    return add


def prime(name: str, argument: int = 0) -> str:
    """The name of the function that is another's slope: gelu', and celu'' in the second argument."""
    return name + "'" * (argument + 1)


def _primed(entry: Elementwise, argument: int) -> Elementwise:
    """The slope of a function as an entry: its expression by differentiation."""

    def scalar(*values: Expr) -> Expr:
        symbols = [sp.Symbol(a, real=True) for a in entry.arguments]
        defaults = list(inspect.signature(entry.scalar).parameters.values())
        given = [*values, *(p.default for p in defaults[len(values) :])]
        slope = entry.scalar(*symbols).diff(symbols[argument])
        return slope.xreplace(dict(zip(symbols, map(sp.sympify, given))))

    scalar.__signature__ = inspect.signature(entry.scalar)  # type: ignore[attr-defined]
    tex = entry.tex + "'" * (argument + 1)
    return Elementwise(prime(entry.name, argument), scalar, tex, "")


def operator(name: str) -> str:
    """The TeX of a function that is written in letters."""
    return rf"\operatorname{{{name}}}"


# 1 - y² has no digits left where y is near 1: the slope is computed from z.
@_entry(
    r"\tanh",
    "np.tanh",
    slopes=("1 - y ⊙ y",),
    accurate=("4 * np.exp(-2 * np.abs(z)) / (1 + np.exp(-2 * np.abs(z))) ** 2",),
)
def tanh(z: Expr) -> Expr:
    return sp.tanh(z)


# Written so that neither branch overflows, and small values keep their relative accuracy.
@_entry(
    r"\sigma",
    "np.exp(np.minimum(z, 0)) / (1 + np.exp(-np.abs(z)))",
    "sigma",
    "logistic",
    slopes=("y ⊙ (1 - y)",),
    accurate=("np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))) ** 2",),
)
def sigmoid(z: Expr) -> Expr:
    return 1 / (1 + sp.exp(-z))


@_entry(operator("ReLU"), "np.maximum(z, 0)", "ReLU", slopes=("step(z)",))
def relu(z: Expr) -> Expr:
    return Piecewise((z, z > 0), (Integer(0), True))


@_entry(
    operator("ReLU6"),
    "np.minimum(np.maximum(z, 0), 6)",
    "ReLU6",
    slopes=("step(z) ⊙ step(6 - z)",),
)
def relu6(z: Expr) -> Expr:
    return Piecewise((Integer(0), z <= 0), (z, z < 6), (Integer(6), True))


@_entry(
    operator("LeakyReLU"),
    "np.where(z > 0, z, alpha * z)",
    "LeakyReLU",
    "leaky",
    slopes=(
        "step(z) + alpha ⊙ (1 - step(z))",
        "min(z, 0)",
    ),
)
def leaky_relu(z: Expr, alpha: Expr = Rational(1, 5)) -> Expr:
    return Piecewise((z, z > 0), (alpha * z, True))


@_entry(
    operator("ELU"),
    "np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))",
    "ELU",
    slopes=(
        "step(z) + alpha ⊙ (1 - step(z)) ⊙ exp(min(z, 0))",
        "expm1(min(z, 0))",
    ),
)
def elu(z: Expr, alpha: Expr = Integer(1)) -> Expr:
    return Piecewise((z, z > 0), (alpha * (sp.exp(z) - 1), True))


_SELU_SCALE = "1.0507009873554804934193349852946"
_SELU_ALPHA = "1.6732632423543772848170429916717"


@_entry(
    operator("SELU"),
    "1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(np.minimum(z, 0)))",
    "SELU",
    slopes=(
        "1.0507009873554804934193349853 (1 - step(-z) + 1.6732632423543772848170429917 step(-z) ⊙ exp(min(z, 0)))",
    ),
)
def selu(z: Expr) -> Expr:
    scale, alpha = Rational(_SELU_SCALE), Rational(_SELU_ALPHA)
    # At 0 TensorFlow takes the slope from the right, for ELU of other scales that from the left.
    return Piecewise((scale * z, z >= 0), (scale * alpha * (sp.exp(z) - 1), True))


@_entry(
    operator("CELU"),
    "np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0) / alpha))",
    "CELU",
    slopes=(
        "step(z) + (1 - step(z)) ⊙ exp(min(z, 0) / alpha)",
        "expm1(min(z, 0) / alpha) - min(z, 0) / alpha ⊙ exp(min(z, 0) / alpha)",
    ),
    accurate=(
        "",
        "np.where(np.minimum(z, 0) / alpha > -0.02, -((z / alpha) ** 2) * (1 / 2 + z / alpha * (1 / 3 + z / alpha * (1 / 8 + z / alpha * (1 / 30 + z / alpha * (1 / 144 + z / alpha / 840))))) * (z < 0), np.expm1(np.minimum(z, 0) / alpha) - np.minimum(z, 0) / alpha * np.exp(np.minimum(z, 0) / alpha))",
    ),
)
def celu(z: Expr, alpha: Expr = Integer(1)) -> Expr:
    return Piecewise((z, z > 0), (alpha * (sp.exp(z / alpha) - 1), True))


# erfc keeps its relative accuracy where 1 + erf would cancel.
@_entry(
    operator("GELU"),
    "z / 2 * erfc(-z / 2**0.5)",
    "GELU",
    needs=("erfc",),
    slopes=(
        "erfc(-0.7071067811865475244008443621 z) / 2 + 0.3989422804014326779399460599 z ⊙ exp(-z ⊙ z / 2)",
    ),
)
def gelu(z: Expr) -> Expr:
    # SymPy would turn erfc(-z) into 2 - erfc(z), which cancels.
    return z / 2 * sp.erfc(-z / sp.sqrt(2), evaluate=False)


# z σ(2u) is z/2 (1 + tanh u) without the cancellation.
@_entry(
    operator("GELUtanh"),
    "z * sigmoid(1.5957691216057308 * (z + 0.044715 * z**3))",
    "GELUtanh",
    needs=("sigmoid",),
    slopes=(
        "σ(1.5957691216057307117597842397 (z + 0.044715 z ⊙ z ⊙ z)) ⊙ (1 + 1.5957691216057307117597842397 z ⊙ (1 + 0.134145 z ⊙ z) ⊙ σ(-1.5957691216057307117597842397 (z + 0.044715 z ⊙ z ⊙ z)))",
    ),
    # Beyond 25 the slope is 0 or 1 to all digits, and a cube may not be finite.
    accurate=(
        "sigmoid(1.5957691216057308 * (Z + 0.044715 * Z**3)) * (1 + 1.5957691216057308 * Z"
        " * (1 + 0.134145 * Z**2) * sigmoid(-1.5957691216057308 * (Z + 0.044715 * Z**3)))"
        "".replace("Z", "np.clip(z, -25, 25)"),
    ),
)
def gelu_tanh(z: Expr) -> Expr:
    return z / 2 * (1 + sp.tanh(sp.sqrt(2 / sp.pi) * (z + Rational("0.044715") * z**3)))


@_entry(
    operator("SiLU"),
    "z * sigmoid(z)",
    "SiLU",
    "swish",
    "Swish",
    needs=("sigmoid",),
    slopes=("σ(z) + y ⊙ (1 - σ(z))",),
)
def silu(z: Expr) -> Expr:
    return z / (1 + sp.exp(-z))


@_entry(operator("softplus"), "np.logaddexp(z, 0)", "Softplus", slopes=("σ(z)",))
def softplus(z: Expr) -> Expr:
    return sp.log(1 + sp.exp(z))


@_entry(
    operator("softsign"),
    "z / (1 + np.abs(z))",
    "Softsign",
    slopes=("1 / ((1 + abs(z)) ⊙ (1 + abs(z)))",),
)
def softsign(z: Expr) -> Expr:
    return z / (1 + sp.Abs(z))


@_entry(
    operator("mish"),
    "z * np.tanh(np.logaddexp(z, 0))",
    "Mish",
    slopes=("tanh(softplus(z)) + z ⊙ σ(z) ⊙ (1 - tanh(softplus(z)) ⊙ tanh(softplus(z)))",),
)
def mish(z: Expr) -> Expr:
    return z * sp.tanh(sp.log(1 + sp.exp(z)))


@_entry(
    operator("HardSigmoid"),
    "np.clip(z / 6 + 0.5, 0, 1)",
    "HardSigmoid",
    "hardsigmoid",
    slopes=("step(z + 3) ⊙ step(3 - z) / 6",),
)
def hard_sigmoid(z: Expr) -> Expr:
    return Piecewise((Integer(0), z <= -3), (z / 6 + Rational(1, 2), z < 3), (Integer(1), True))


@_entry(
    operator("HardTanh"),
    "np.clip(z, -1, 1)",
    "HardTanh",
    "hardtanh",
    slopes=("1 - step(-1 - z) - step(z - 1)",),
)
def hard_tanh(z: Expr) -> Expr:
    # TensorFlow's clipping has slope 1 at both ends.
    return Piecewise((Integer(-1), z < -1), (z, z <= 1), (Integer(1), True))


@_entry(
    operator("HardSiLU"),
    "z * np.clip(z / 6 + 0.5, 0, 1)",
    "HardSiLU", "hard_swish", "hardswish", "HardSwish", slopes=("step(z + 3) ⊙ (1 - step(3 - z) ⊙ (0.5 - z / 3))",))  # fmt: skip
def hard_silu(z: Expr) -> Expr:
    return Piecewise((Integer(0), z <= -3), (z * (z / 6 + Rational(1, 2)), z < 3), (z, True))


@_entry(
    operator("LogSigmoid"), "-np.logaddexp(-z, 0)", "LogSigmoid", "logsigmoid", slopes=("σ(-z)",)
)
def log_sigmoid(z: Expr) -> Expr:
    return -sp.log(1 + sp.exp(-z))


@_entry(
    operator("squareplus"),
    # Keras's own text cancels below zero; there the function is the inverse of its mirror image.
    "np.where(z > 0, np.abs(z) / 2 + np.hypot(z, 2) / 2, 2 / (np.abs(z) + np.hypot(z, 2)))",
    slopes=("0.5 + z / (2 sqrt(z ⊙ z + 4))",),
    accurate=(
        "np.where(z > 0, 0.5 + z / np.hypot(z, 2) / 2,"
        " 2 / (np.abs(z) + np.hypot(z, 2)) / np.hypot(z, 2))",
    ),
)
def squareplus(z: Expr) -> Expr:
    return (z + sp.sqrt(z**2 + 4)) / 2


@_entry(
    operator("SoftShrink"),
    "np.sign(z) * np.maximum(np.abs(z) - 0.5, 0)",
    "softshrink",
    slopes=("step(z - 0.5) + step(-0.5 - z)",),
)
def soft_shrink(z: Expr) -> Expr:
    half = Rational(1, 2)
    # Outer branches strict: the slope is 0 at both ends, as Keras takes it.
    return Piecewise((z - half, z > half), (z + half, z < -half), (Integer(0), True))


@_entry(
    operator("HardShrink"),
    "np.where(np.abs(z) > 0.5, z, 0)",
    "hardshrink",
    slopes=("step(abs(z) - 0.5)",),
)
def hard_shrink(z: Expr) -> Expr:
    half = Rational(1, 2)
    return Piecewise((z, z > half), (z, z < -half), (Integer(0), True))


# Near 0 the two terms cancel, and the series is taken: to 1e-13 of the value below 0.1.
@_entry(
    operator("TanhShrink"),
    "np.where(np.abs(z) < 0.1, z**3 * (1 / 3 - z**2 * (2 / 15 - z**2 * (17 / 315 - z**2 * (62 / 2835"
    " - z**2 * (1382 / 155925 - z**2 * (21844 / 6081075)))))), z - np.tanh(z))",
    "tanhshrink",
    slopes=("tanh(z) ⊙ tanh(z)",),
)
def tanh_shrink(z: Expr) -> Expr:
    return z - sp.tanh(z)


@_entry(
    operator("SparsePlus"),
    "np.where(z < 1, np.maximum(z + 1, 0) ** 2 / 4, z)",
    slopes=("min(max(z + 1, 0), 2) / 2",),
)
def sparse_plus(z: Expr) -> Expr:
    return Piecewise((Integer(0), z <= -1), ((z + 1) ** 2 / 4, z < 1), (z, True))


@_entry(
    operator("SparseSigmoid"),
    "np.clip((z + 1) / 2, 0, 1)",
    slopes=("step(z + 1) ⊙ step(1 - z) / 2",),
)
def sparse_sigmoid(z: Expr) -> Expr:
    return Piecewise((Integer(0), z <= -1), ((z + 1) / 2, z < 1), (Integer(1), True))


@_entry(r"\exp", "np.exp", "exponential", slopes=("y",))
def exp(z: Expr) -> Expr:
    return sp.exp(z)


@_entry(operator("expm1"), "np.expm1", slopes=("y + 1",), accurate=("np.exp(z)",))
def expm1(z: Expr) -> Expr:
    return sp.exp(z) - 1


@_entry(r"\log", "np.log", "ln", slopes=("1 / z",))
def log(z: Expr) -> Expr:
    return sp.log(z)


@_entry(r"\operatorname{log1p}", "np.log1p", slopes=("1 / (1 + z)",))
def log1p(z: Expr) -> Expr:
    return sp.log(1 + z)


@_entry(r"\sqrt", "np.sqrt", slopes=("1 / (2 y)",))
def sqrt(z: Expr) -> Expr:
    return sp.sqrt(z)


@_entry(r"\sin", "np.sin", slopes=("cos(z)",))
def sin(z: Expr) -> Expr:
    return sp.sin(z)


@_entry(r"\cos", "np.cos", slopes=("-sin(z)",))
def cos(z: Expr) -> Expr:
    return sp.cos(z)


@_entry(r"\arctan", "np.arctan", "atan", slopes=("1 / (1 + z ⊙ z)",))
def arctan(z: Expr) -> Expr:
    return sp.atan(z)


@_entry(r"\sinh", "np.sinh", slopes=("cosh(z)",))
def sinh(z: Expr) -> Expr:
    return sp.sinh(z)


@_entry(r"\cosh", "np.cosh", slopes=("sinh(z)",))
def cosh(z: Expr) -> Expr:
    return sp.cosh(z)


@_entry(operator("abs"), "np.abs", slopes=("sign(z)",))
def abs_(z: Expr) -> Expr:
    return sp.Abs(z)


@_entry(operator("sign"), "np.sign", "sgn", slopes=("0",))
def sign(z: Expr) -> Expr:
    return Piecewise((Integer(1), z > 0), (Integer(-1), z < 0), (Integer(0), True))


# The unit step is 0 at 0: it is the slope that Keras gives ReLU there.
@_entry(operator("step"), "(z > 0).astype(z.dtype)", "heaviside", slopes=("0",))
def step(z: Expr) -> Expr:
    return Piecewise((Integer(1), z > 0), (Integer(0), True))


# NumPy has no error function; the standard library's is exact to the last digit or so.
@_entry(
    operator("erf"),
    "np.array([math.erf(v) for v in np.ravel(z)], z.dtype).reshape(z.shape)",
    slopes=("1.1283791670955125738961589031 exp(-z ⊙ z)",),
)
def erf(z: Expr) -> Expr:
    return sp.erf(z)


@_entry(
    operator("erfc"),
    "np.array([math.erfc(v) for v in np.ravel(z)], z.dtype).reshape(z.shape)",
    slopes=("-1.1283791670955125738961589031 exp(-z ⊙ z)",),
)
def erfc(z: Expr) -> Expr:
    return sp.erfc(z)


@_entry(
    r"\max",
    "np.maximum",
    "maximum",
    slopes=(
        "1 - step(b - a)",
        "step(b - a)",
    ),
)
def max_(a: Expr, b: Expr) -> Expr:
    return Piecewise((a, a >= b), (b, True))


@_entry(
    r"\min",
    "np.minimum",
    "minimum",
    slopes=(
        "1 - step(a - b)",
        "step(a - b)",
    ),
)
def min_(a: Expr, b: Expr) -> Expr:
    return Piecewise((a, a <= b), (b, True))


@cache
def kinks(name: str) -> tuple[tuple[Expr, Expr], ...]:
    """Where a function of one argument has no slope, and the slope that is taken there."""
    entry = ELEMENTWISE[name]
    z = sp.Symbol("z", real=True)
    formula = entry.formula.subs(sp.Symbol(entry.arguments[0], real=True), z)
    places = {z_0 for a in formula.atoms(sp.Abs) for z_0 in sp.solve(a.args[0], z)}
    for piecewise in formula.atoms(Piecewise):
        for _, condition in piecewise.args:
            for bound in condition.atoms(sp.core.relational.Relational):
                if bound.free_symbols == {z}:
                    places |= set(sp.solve(bound.lhs - bound.rhs, z))
    slope = formula.diff(z)
    return tuple(
        (place, slope.subs(z, place))
        for place in sorted(places)
        if slope.subs(z, place - Rational(1, 10**9)).evalf(6)
        != slope.subs(z, place + Rational(1, 10**9)).evalf(6)
    )
