"""A model built again by Keras's ordinary constructors, and its numbers.

Keras's deserialiser is not called: every class here was found among those that are covered, and its
constructor gets plain numbers and names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...models import Model, Node, leaves
from ...nouns import Network
from .arithmetic import SLICE
from .builder import snake
from .graphs import is_operation
from .options import OLD_HARD_SIGMOID
from .witness import load

Array = NDArray[Any]

#: What has no bearing on numbers that are given, or is set otherwise.
_LEFT_OUT = re.compile(
    r"name|trainable|dtype|batch_shape|batch_input_shape|\w+_initializer|\w+_regularizer|"
    r"\w+_constraint|quantization_config|lora_rank|lora_alpha|time_major|input_length|masks_of_keras_2"
)


class Rebuilt:
    """A model built again from its configuration, in one dtype.

    Attributes:
        layer: the Keras layer or model.
        variables: its arrays, in the order of the model's weights.
    """

    def __init__(
        self, model: Model, dtype: str, samples: int | None = None,
        implementations: Mapping[str, int] | None = None,
    ) -> None:  # fmt: skip
        self.keras = load()
        self.model = model
        self.dtype = dtype
        self.samples = samples
        self.implementations = implementations or {}
        self.dropouts: list[Any] = []
        #: The layers of each model, in the order of its configuration.
        self.parts: dict[int, list[Any]] = {}
        item, kinds = model.spec
        self.layer = self._made(item)
        if not isinstance(self.layer, self.keras.Model):
            shapes = [(samples, *axes) for axes, _ in kinds]
            self.layer.build(shapes[0] if len(shapes) == 1 else shapes)
        self.variables = self._variables(self.layer)
        found = [(v.name, tuple(v.shape)) for v in self.variables]
        wanted = [(w.array, w.shape) for w in model.weights]
        if found != wanted:
            raise InputError(f"{model.name}: Keras builds the arrays {found}, not {wanted}")

    @property
    def parameter_count(self) -> int:
        """How many parameters Keras counts."""
        return int(self.layer.count_params())

    @property
    def weight_shapes(self) -> list[tuple[str, tuple[int, ...], tuple[int, ...]]]:
        """Every array: its key, its shape in the model, and its shape in Keras."""
        pairs = zip(self.model.weights, self.variables, strict=True)
        return [(w.key, w.shape, tuple(v.shape)) for w, v in pairs]

    # --- building

    def _made(self, item: Mapping[str, Any]) -> Any:
        kind, config = item["class_name"], item["config"]
        if item == OLD_HARD_SIGMOID:
            ops = self.keras.ops
            return lambda z: ops.clip(0.2 * z + 0.5, 0.0, 1.0)
        if kind == "Sequential":
            return self._sequential(config)
        if kind in ("Functional", "Model"):
            return self._functional(config)
        options: dict[str, Any] = {}
        for key, value in config.items():
            if _LEFT_OUT.fullmatch(key) or (value is None and key != "merge_mode"):
                continue
            if key in ("layer", "backward_layer", "cell"):
                value = self._made(value)
            elif key == "cells":
                value = [self._made(v) for v in value]
            elif isinstance(value, Mapping):  # an activation that is a layer
                value = self._made(value)
            options[key] = value
        if kind in ("LSTM", "GRU", "LSTMCell", "GRUCell") and "implementation" not in options:
            options["implementation"] = self.implementations.get(config.get("name", ""), 2)
        layer = getattr(self.keras.layers, kind)(dtype=self.dtype, **options)
        if kind == "Dropout":
            self.dropouts.append(layer)
        return layer

    def _input(self, config: Mapping[str, Any]) -> Any:
        shape = config.get("batch_shape") or config["batch_input_shape"]
        dtype = config.get("dtype")
        plain = isinstance(dtype, str) and not dtype.startswith("float")
        return self.keras.Input(
            batch_shape=(self.samples, *shape[1:]), dtype=dtype if plain else self.dtype
        )

    def _sequential(self, config: Mapping[str, Any]) -> Any:
        layers = []
        for i, item in enumerate(config["layers"]):
            if item["class_name"] == "InputLayer":
                layers.append(self._input(item["config"]))
                continue
            if i == 0 and config.get("build_input_shape") is not None:
                kind = "int32" if item["class_name"] == "Embedding" else self.dtype
                shape = (self.samples, *config["build_input_shape"][1:])
                layers.append(self.keras.Input(batch_shape=shape, dtype=kind))
            layers.append(self._made(item))
        model = self.keras.Sequential(layers)
        self.parts[id(model)] = layers
        return model

    def _variables(self, layer: Any) -> list[Any]:
        """The arrays of a layer, in the order of the configuration, each once."""
        if id(layer) in self.parts:
            inner = [v for part in self.parts[id(layer)] for v in self._variables(part)]
        elif type(layer).__name__ == "TimeDistributed":
            inner = self._variables(layer.layer)
        else:
            inner = [v for v in getattr(layer, "weights", ()) if "seed_generator" not in v.path]
        return list({id(v): v for v in inner}.values())

    def _functional(self, config: Mapping[str, Any]) -> Any:
        found: dict[tuple[str, int], list[Any]] = {}
        made: dict[str, Any] = {}
        waiting = []
        for item in config["layers"]:
            name = item.get("name", item["config"].get("name"))
            if item["class_name"] == "InputLayer":
                found[name, 0] = [self._input(item["config"])]
                continue
            made[name] = self._operation(item) if is_operation(item) else self._made(item)
            waiting += [(name, i, node) for i, node in enumerate(item["inbound_nodes"])]

        def tensor(value: Any) -> Any:
            if isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__":
                name, node, index = value["config"]["keras_history"][:3]
                return found[name, node][index]
            if isinstance(value, Mapping) and value.get("class_name") == "__slice__":
                return slice(*(value["config"].get(k) for k in ("start", "stop", "step")))
            if isinstance(value, Mapping) and value.get("class_name") == "__ellipsis__":
                return ...
            return [tensor(v) for v in value] if isinstance(value, list) else value

        while waiting:
            rest = []
            for name, i, node in waiting:
                try:
                    args = [tensor(a) for a in node["args"]]
                    kwargs = {k: tensor(v) for k, v in node["kwargs"].items() if v is not None}
                except KeyError:
                    rest.append((name, i, node))
                    continue
                kwargs.pop("training", None)
                found[name, i] = leaves(made[name](*args, **kwargs))
            waiting = rest

        models = {n for n, made_ in made.items() if type(made_).__name__ == "Functional"}

        def ends(value: Any, counted: bool = False) -> Any:
            if isinstance(value[0], str):
                name, node, index = value[:3]
                return found[name, node - (counted and name in models)][index]
            return [ends(v, counted) for v in value]

        # Among its outputs Keras counts the call that such a model is made with.
        model = self.keras.Model(ends(config["input_layers"]), ends(config["output_layers"], True))
        self.parts[id(model)] = list(made.values())
        return model

    def _operation(self, item: Mapping[str, Any]) -> Callable[..., Any]:
        """One of the operations on masks: `layers.build` has refused every other."""
        function = getattr(self.keras.ops, snake(item["class_name"]))
        if item["class_name"] == SLICE:
            return lambda x, key: x[tuple(key) if isinstance(key, list) else key]
        options = {
            k: tuple(v) if isinstance(v, list) else v
            for k, v in item["config"].items()
            if k in ("axis", "keepdims", "dtype") and v is not None
        }
        return lambda *args, **kwargs: function(*args, **{**options, **kwargs})

    # --- numbers

    def set_weights(self, values: Mapping[str, Any]) -> None:
        for weight, variable in zip(self.model.weights, self.variables, strict=True):
            variable.assign(np.asarray(values[weight.key], self.dtype))

    def _arguments(self, inputs: Any, initial_state: Any, mask: Any, dropout: Any) -> Any:
        ops = self.keras.ops
        tensors = []
        for value, x in zip(self.model.inputs, inputs, strict=True):
            dtype = {"integer": "int32", "mask": "bool"}.get(value.kind, self.dtype)
            tensors.append(ops.convert_to_tensor(x, dtype))
        options: dict[str, Any] = {}
        if initial_state is not None:
            leaves = iter(initial_state)
            options["initial_state"] = _nested(
                self.model.states, lambda: ops.convert_to_tensor(next(leaves), self.dtype)
            )
        if mask is not None and any(m is not None for m in mask):
            given = [None if m is None else ops.convert_to_tensor(m, "bool") for m in mask]
            options["mask"] = given if len(given) > 1 else given[0]
        if self.model.training:
            self._fix_dropout(dropout or {})
            options["training"] = True
        return (tensors if len(tensors) > 1 else tensors[0]), options

    def __call__(
        self, *inputs: Any, initial_state: Any = None, mask: Any = None, dropout: Any = None
    ) -> list[Array]:
        """What Keras gives, as a flat list.

        Args:
            inputs: the arrays of the model's inputs.
            initial_state: a flat list of states, or None.
            mask: a list with a mask or None for each input.
            dropout: in training, the dropout masks by our names.
        """
        x, options = self._arguments(inputs, initial_state, mask, dropout)
        return [np.asarray(a) for a in leaves(self.layer(x, **options))]

    def gradients(
        self, inputs: Any, targets: list[Array], initial_state: Any = None, mask: Any = None,
        dropout: Any = None,
    ) -> dict[str, Array]:  # fmt: skip
        """The gradients of Σ y · target by TensorFlow's `GradientTape`, by our names."""
        import tensorflow as tf

        x, options = self._arguments(inputs, initial_state, mask, dropout)
        tensors = x if isinstance(x, list) else [x]
        floats = {v.name: t for v, t in zip(self.model.inputs, tensors) if v.kind == "float"}
        if initial_state is not None:
            floats |= dict(zip(leaves(self.model.states), leaves(options["initial_state"])))
        with tf.GradientTape() as tape:
            tape.watch([*floats.values(), *(v.value for v in self.variables)])
            out = leaves(self.layer(x, **options))
            loss = sum(tf.reduce_sum(y * tf.constant(g, y.dtype)) for y, g in zip(out, targets))
        names = [*floats, *(w.key for w in self.model.weights)]
        sources = [*floats.values(), *(v.value for v in self.variables)]
        found = tape.gradient(loss, sources, unconnected_gradients="zero")
        return {n: np.asarray(tf.convert_to_tensor(g)) for n, g in zip(names, found)}

    def _fix_dropout(self, masks: Mapping[str, Any]) -> None:
        """Give Keras these dropout masks, in place of those that it would draw."""
        given = {k: self.keras.ops.convert_to_tensor(v, self.dtype) for k, v in masks.items()}
        owners = {id(getattr(c, "kernel", None)): c for c in self._cells()}
        keys = {w.key: v for w, v in zip(self.model.weights, self.variables)}
        tables: dict[int, tuple[Any, dict[str, Any]]] = {}
        for node in self.model.nodes:
            for state, name in node.initial.items():
                if name in given:
                    mask, key = _owner(node, state)
                    cell = owners[id(keys[key])]
                    tables.setdefault(id(cell), (cell, {}))[1][mask] = given[name]
        for cell, table in tables.values():
            gates = {"LSTMCell": "ifgo", "GRUCell": "zrh"}.get(type(cell).__name__, "")
            for letter, method in (("p", "get_dropout_mask"), ("q", "get_recurrent_dropout_mask")):
                if letter in table:
                    value: Any = table[letter]
                elif f"{letter}_{gates[:1]}" in table:
                    value = [table[f"{letter}_{g}"] for g in gates]
                else:
                    continue
                object.__setattr__(cell, method, lambda _, value=value: value)
        for layer in self.dropouts:
            fixed = given.get(f"{self._ident(layer)}_p")
            if fixed is not None:
                object.__setattr__(
                    layer, "call", lambda inputs, training=None, fixed=fixed: inputs * fixed
                )

    def _ident(self, layer: Any) -> str:
        """Our name of a dropout layer: they stand in the same order."""
        ours = [x.name for x in self.model.layers if x.kind == "Dropout"]
        return ours[self.dropouts.index(layer)]

    def _cells(self) -> list[Any]:
        return [c for c in self.layer._flatten_layers() if hasattr(c, "get_dropout_mask")]


def _owner(node: Node, state: str) -> tuple[str, str]:
    """The mask's name in the cell that it belongs to, and the key of that cell's kernel."""
    assert node.cell is not None
    cell: Any = node.cell
    if isinstance(cell, Network) and len(cell.originals) > 1:
        for original, layer in zip(cell.originals, cell.layers):
            here = {now.name: mine.name for mine, now in zip(original.variables, layer.variables)}
            if state in here:
                parameter = next(n for n, mine in here.items() if mine.split("_")[0] == "W")
                return here[state], node.places[parameter].key
    parameter = next(n for n in node.places if n.split("_")[0] == "W")
    return state, node.places[parameter].key


def _nested(names: Any, leaf: Any) -> Any:
    return leaf() if isinstance(names, str) else [_nested(n, leaf) for n in names]
