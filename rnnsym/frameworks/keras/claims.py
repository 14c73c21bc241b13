"""A layer of Keras as somebody names it: `keras.layers.GRU(reset_after=False)`."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...models import Model as ModelNoun
from ...models import leaves
from ...nouns import Cell
from .packing import LAYERS
from .witness import load

Array = NDArray[Any]
#: The layers that are a cell by themselves.
KINDS = ("SimpleRNN", "LSTM", "GRU", "Dense")
_CALL = re.compile(r"(?:tf\.)?keras\.layers\.([A-Za-z0-9_]+)\s*(\(.*\))?\s*\Z", re.S)


@dataclass(frozen=True)
class NamedLayer:
    """A layer of Keras with its options, as a cell and as a witness.

    Attributes:
        words: how it is called, such as "keras.layers.GRU(reset_after=False)".
        kind: its class; `options` are the arguments of its constructor but for the units.
        cell: what it computes, as equations.
    """

    words: str
    kind: str
    options: Mapping[str, Any]
    model: ModelNoun

    @property
    def cell(self) -> Cell:
        cell = self.model.nodes[0].cell
        assert cell is not None
        return cell

    def output(
        self, dtype: str, inputs: tuple[Array, ...], states: Mapping[str, Array],
        weights: Mapping[str, Any], units: int,
    ) -> Array:  # fmt: skip
        """What Keras's own layer gives at every step, its arrays packed from ours.

        Args:
            dtype: the precision.
            inputs: the (N, T, D) array of its input.
            states: the initial states by the cell's names.
            weights: by the cell's names.
            units: how many.
        """
        keras = load()
        options = dict(self.options)
        if self.kind != "Dense":
            options["return_sequences"] = True
        layer = getattr(keras.layers, self.kind)(units, dtype=dtype, **options)
        (x,) = inputs
        layer.build(x.shape)
        node = self.model.nodes[0]
        variables = [v for v in layer.weights if "seed_generator" not in v.path]
        arrays = {w.key: np.full(v.shape, np.nan) for w, v in zip(self.model.weights, variables)}
        for name, place in node.places.items():
            part = arrays[place.key][place.index(arrays[place.key].shape)]
            part[...] = np.reshape(weights[name], part.shape)
        for weight, variable in zip(self.model.weights, variables, strict=True):
            variable.assign(arrays[weight.key].astype(dtype))
        tensor = keras.ops.convert_to_tensor(x, dtype)
        if self.kind == "Dense":
            return np.asarray(layer(tensor))
        initial = [keras.ops.convert_to_tensor(states[v.name], dtype) for v in self.cell.states]
        return np.asarray(leaves(layer(tensor, initial_state=initial))[0])


def named_layer(text: str) -> NamedLayer | None:
    """The layer that a text names, or None where it names none.

    Args:
        text: `keras.layers.LSTM`, with options in parentheses, or a name of the catalogue that is
            a layer of Keras.

    Raises:
        InputError: for a layer or an option that is not covered.
    """
    if text in LAYERS:
        return layer_of(LAYERS[text].name, dict(LAYERS[text].options))
    match = _CALL.match(text.strip())
    if match is None:
        return None
    kind, arguments = match.groups()
    if kind not in KINDS:
        raise InputError(f"keras.layers.{kind} is no claim; there are {', '.join(KINDS)}")
    return layer_of(kind, _options(kind, arguments or "()"))


def _options(kind: str, text: str) -> dict[str, Any]:
    """The options of a constructor, which are plain values: nothing is executed."""
    try:
        call = ast.parse(f"f{text}", mode="eval").body
        assert isinstance(call, ast.Call)
        found = {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
        if len(call.args) > 1 or None in (k.arg for k in call.keywords):
            raise ValueError
        for argument in call.args:  # the number of units may stand first, and says nothing
            ast.literal_eval(argument)
    except (SyntaxError, ValueError, AssertionError, RecursionError, MemoryError):
        raise InputError(
            f"the options of keras.layers.{kind} are written as name=value with plain values"
        ) from None
    found.pop("units", None)
    return found


def layer_of(kind: str, options: Mapping[str, Any]) -> NamedLayer:
    """A layer by its class and the options of its constructor, made once."""
    key = (kind, tuple(sorted((n, repr(v)) for n, v in options.items())))
    if key not in _MADE:
        _MADE[key] = _layer(kind, dict(options))
    return _MADE[key]


_MADE: dict[Any, NamedLayer] = {}


def _layer(kind: str, options: dict[str, Any]) -> NamedLayer:
    keras = load()
    from .live import from_live

    refused = [n for n in ("return_state", "stateful", "go_backwards", "name", "dtype", "unroll")
               if options.get(n)]  # fmt: skip
    if refused:
        raise InputError(f"{refused[0]} says nothing of the equations of keras.layers.{kind}")
    options.pop("return_sequences", None)
    words = ", ".join(f"{n}={v!r}" for n, v in options.items())
    sequences = {} if kind == "Dense" else {"return_sequences": True}
    try:
        layer = getattr(keras.layers, kind)(3, **options, **sequences)
        layer.build((None, None, 2))
    except (TypeError, ValueError) as error:
        reason = (str(error).strip().splitlines() or ["it is refused"])[0][:160]
        raise InputError(f"keras.layers.{kind}({words}): {reason}") from None
    model = from_live(layer)
    name = f"keras.layers.{kind}" + (f"({words})" if words else "")
    if len(model.nodes) != 1 or model.nodes[0].cell is None:
        raise InputError(f"{name} is more than one cell")
    return NamedLayer(name, kind, options, model)


def variants(kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Layers near one that was claimed in vain: one of them may be what a text is."""
    near = [("GRU", {"reset_after": False}), ("GRU", {}), ("LSTM", {}), ("SimpleRNN", {})]
    near += [(k, {"use_bias": False}) for k in ("SimpleRNN", "LSTM", "GRU")]
    near += [("GRU", {"reset_after": False, "use_bias": False})]
    return sorted(near, key=lambda row: row[0] != kind)
