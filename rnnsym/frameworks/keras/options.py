"""The configuration of one Keras layer, read key by key: what nobody reads is refused by name."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sympy import MatrixExpr

from ...derive.variants import Function
from ...errors import InputError
from ...ops.elementwise import BESIDE, PRODUCT, Apply
from ...ops.leaves import Number
from ...ops.rows import RowApply
from ...ops.sums import MatAdd, Minus

#: What has no bearing on what a trained layer computes.
_IGNORED = re.compile(
    r"name|trainable|dtype|seed|batch_shape|batch_input_shape|\w+_initializer|\w+_regularizer|"
    r"\w+_constraint|momentum|renorm_momentum|synchronized"
)
_POLICIES = ("float32", "float64")
#: No width, length or number of layers above this is believed.
LARGEST = 2**20


def refuse(place: str, reason: str) -> InputError:
    """What is raised: the layer's place in the model, and what is wrong there."""
    return InputError(f"{place}: {reason}")


class Options:
    """A layer's configuration; `done()` refuses every key that was not read and says something."""

    def __init__(self, config: Any, place: str) -> None:
        if not isinstance(config, Mapping) or not all(isinstance(k, str) for k in config):
            raise refuse(place, "its configuration is no table of options")
        self.config = config
        self.place = place
        self.read: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        self.read.add(name)
        return self.config.get(name, default)

    def size(self, name: str, default: Any = None) -> int:
        value = self.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LARGEST:
            raise refuse(self.place, f"{name} must be a whole number from 1 to {LARGEST:,}, not "
                                     f"{shown(value)}")  # fmt: skip
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.get(name, default)
        if not isinstance(value, bool):
            raise refuse(self.place, f"{name} must be true or false, not {shown(value)}")
        return value

    def number(self, name: str, default: float) -> float:
        value = self.get(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not finite(value):
            raise refuse(self.place, f"{name} must be a number, not {shown(value)}")
        if value and not 1e-12 <= abs(value) <= 1e9:
            raise refuse(self.place, f"{name} {shown(value)} is too large or too small")
        return value

    def rate(self, name: str) -> float:
        value = self.number(name, 0.0)
        if not 0 <= value <= 1:
            raise refuse(self.place, f"{name} must be from 0 to 1, not {shown(value)}")
        return value

    @property
    def trainable(self) -> bool:
        return self.config.get("trainable", True) is not False

    def dtype(self) -> str:
        """The name of the dtype policy, if it is one that is covered."""
        value = self.config.get("dtype", "float32")
        if isinstance(value, Mapping):
            pair = (value.get("module"), value.get("class_name"))
            inner = value.get("config")
            if pair not in (("keras", "DTypePolicy"), (None, "DTypePolicy")) or not isinstance(
                inner, Mapping
            ):
                raise refuse(self.place, f"its dtype policy {shown(pair[1])} is not covered")
            value = inner.get("name")
        if value is None:
            return "float32"
        if not isinstance(value, str) or value not in _POLICIES:
            raise refuse(
                self.place, f"dtype {shown(value)} is not covered; {', '.join(_POLICIES)} are"
            )
        return value

    def done(self) -> None:
        """Refuse what was not read, unless it says nothing (None, False) or is never computed."""
        for name, value in self.config.items():
            if name in self.read or value is None or value is False or _IGNORED.fullmatch(name):
                continue
            raise refuse(self.place, f"option {shown(name)} = {shown(value)} is not covered")


def finite(value: Any) -> bool:
    """Whether a number is finite as a float."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def shown(value: Any) -> str:
    """Text of a stranger as it may stand in one line of a message."""
    text = repr(value) if not isinstance(value, str) else f"'{value}'"
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 80 else text[:77] + "…"


def number(value: float) -> Number:
    """A number of a configuration as it is written in a formula; it must not be negative."""
    return Number(format(Decimal(repr(value)), "f"))


def signed(value: float) -> MatrixExpr:
    """A number of a configuration as it is written in a formula."""
    return Minus(number(-value)) if value < 0 else number(value)


def _plain(name: str) -> Function:
    return lambda z: Apply(name, z)


def _with(name: str, parameter: float) -> Function:
    return lambda z: Apply(name, z, signed(parameter))


def _rows(name: str) -> Function:
    return lambda z: RowApply(name, 1, z)


#: Keras's names of activations that are called otherwise in the language.
_CALLED = {
    "swish": "silu",
    "hard_swish": "hard_silu",
    "exponential": "exp",
    "sparsemax": "keras_sparsemax",  # it is not the paper's
}
_ELEMENTWISE = frozenset(
    ["relu", "leaky_relu", "relu6", "celu", "elu", "selu", "softplus", "softsign", "squareplus",
     "soft_shrink", "hard_shrink", "tanh_shrink", "sparse_plus", "sparse_sigmoid", "silu", "gelu",
     "tanh", "sigmoid", "exp", "hard_sigmoid", "hard_silu", "hard_tanh", "mish", "log_sigmoid"]
)  # fmt: skip
_ROWS = frozenset(["softmax", "log_softmax", "keras_sparsemax"])


#: What Keras 2 calls hard_sigmoid, as an entry that no file can hold under this name.
OLD_HARD_SIGMOID = {"module": "keras 2", "class_name": "hard_sigmoid", "config": {}}


#: An option of a layer that joins inputs: its masks are joined as Keras 2 does.
OLD_MASKS = "masks_of_keras_2"


def _old_hard_sigmoid(z: MatrixExpr) -> MatrixExpr:
    """0.2 z + 1/2 between 0 and 1."""
    line = MatAdd(Apply(BESIDE, number(0.2), z), signed(0.5))
    return Apply("max", Apply("min", line, signed(1)), signed(0))


def activation(value: Any, place: str, what: str = "activation") -> tuple[Function | None, str]:
    """An activation by name or as a layer object, as a function of the language, and in words.

    Returns:
        The function, None for the identity; and what it is called.

    Raises:
        InputError: for one that is not covered, or is code.
    """
    if value is None or value == "linear":
        return None, "linear"
    if isinstance(value, str):
        name = _CALLED.get(value, value)
        if name in _ELEMENTWISE:
            return _plain(name), value
        if name in _ROWS:
            return _rows(name), value
        raise refuse(place, f"{what} {shown(value)} is not covered")
    if value == OLD_HARD_SIGMOID:
        return _old_hard_sigmoid, "hard_sigmoid of Keras 2, 0.2 z + 0.5 from 0 to 1"
    if isinstance(value, Mapping):
        kind, module = value.get("class_name"), value.get("module")
        if module in ("keras.layers", None) and isinstance(kind, str) and kind in ACTIVATION_LAYERS:
            options = Options(value.get("config"), f"{place}, {what}")
            found = ACTIVATION_LAYERS[kind](options)
            options.done()
            return found
        if kind in ("function", "__lambda__", None) or module == "builtins":
            raise refuse(place, f"{what} is code ({shown(kind)}): refused")
        raise refuse(place, f"{what} {shown(kind)} is not covered")
    raise refuse(place, f"{what} {shown(value)} is not covered")


def _relu_layer(o: Options) -> tuple[Function | None, str]:
    top = o.get("max_value")
    if top is not None:
        top = o.number("max_value", 0)
    slope, threshold = o.number("negative_slope", 0.0), o.number("threshold", 0.0)
    if slope < 0 or threshold < 0 or (top is not None and top < threshold):
        raise refuse(o.place, "a ReLU with these limits is not covered")
    words = "relu" + "".join(
        f", {n} {v:g}" for n, v in (("slope", slope), ("threshold", threshold), ("max", top)) if v
    )

    def function(z: MatrixExpr) -> MatrixExpr:
        if threshold == 0:
            low = Apply("leaky_relu", z, signed(slope)) if slope else Apply("relu", z)
            return low if top is None else Apply("min", low, signed(top))
        beyond = MatAdd(z, Minus(signed(threshold)))
        above = Apply("step", beyond)
        high = z if top is None else Apply("min", z, signed(top))
        kept = Apply(PRODUCT, above, high)
        if not slope:
            return kept
        below = MatAdd(signed(1), Minus(above))
        return MatAdd(kept, Apply(BESIDE, number(slope), Apply(PRODUCT, below, beyond)))

    return function, words


def _softmax_layer(o: Options) -> tuple[Function | None, str]:
    axis = o.get("axis", -1)
    if axis not in (-1, [-1]):
        raise refuse(o.place, f"softmax along axis {shown(axis)} is not covered; the last one is")
    return _rows("softmax"), "softmax"


def _leaky_layer(o: Options) -> tuple[Function | None, str]:
    slope = o.number("negative_slope", 0.3)
    return _with("leaky_relu", slope), f"leaky_relu, slope {slope:g}"


def _elu_layer(o: Options) -> tuple[Function | None, str]:
    alpha = o.number("alpha", 1.0)
    return _with("elu", alpha), f"elu, α {alpha:g}"


#: Keras's layers that are activations, by class: from their options to a function and words.
ACTIVATION_LAYERS: dict[Any, Any] = {
    "Activation": lambda o: activation(o.get("activation"), o.place),
    "ReLU": _relu_layer,
    "LeakyReLU": _leaky_layer,
    "ELU": _elu_layer,
    "Softmax": _softmax_layer,
}
