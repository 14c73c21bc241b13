"""A live Keras layer or model, read: its configuration as it says it itself, and its numbers."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ...errors import InputError
from ...models import Axes, Model, leaves
from .boxes import Output
from .graphs import KINDS_OF_DTYPES, build, shape_of
from .options import shown
from .witness import load


def is_live(subject: Any) -> bool:
    """Whether something is a layer or model of a Keras that is loaded."""
    import sys

    keras = sys.modules.get("keras")
    return keras is not None and isinstance(subject, keras.layers.Layer)


def from_live(subject: Any) -> Model:
    """A live layer or model: its configuration as its own `get_config` says it, and its numbers.

    Raises:
        InputError: for what is not covered, or a layer that is not built yet.
    """
    keras = load()
    for part in [subject, *subject._flatten_layers()]:
        _refuse_repeated(keras, part)
        _refuse_look_alikes(keras, part)
    item = _entry(keras, subject)
    if isinstance(subject, keras.Sequential):
        _name_layers(item, subject)
    axes = None if isinstance(subject, keras.Model) else _axes_of(subject)
    implementations = {
        layer.name: layer.cell.implementation
        for layer in subject._flatten_layers()
        if hasattr(layer, "cell") and hasattr(layer.cell, "implementation")
    }
    calls = _calls(subject) if isinstance(subject, keras.Model) else None
    told = None if calls is None else {at: _told(node) for at, node in calls.items()}
    model, _ = build(item, axes, implementations=implementations, told=told)
    variables = _variables(subject, model)
    if len(variables) != len(model.weights):
        raise InputError(
            f"{shown(subject.name)}: it has {len(variables)} arrays, and its configuration "
            f"{len(model.weights)}"
        )
    values = {}
    for weight, variable in zip(model.weights, variables):
        if tuple(variable.shape) != weight.shape or variable.name != weight.array:
            raise InputError(
                f"{shown(subject.name)}: array {shown(variable.path)} {tuple(variable.shape)} is "
                f"not the {weight.array} {weight.shape} that its configuration asks for"
            )
        values[weight.key] = np.array(variable.numpy())
    found = replace(model, values=values, kept=_kept(subject, model), live=subject)
    if not model.boxes:
        return found
    counts = {layer.name: layer.count_params() for layer in subject.layers}
    layers = tuple(replace(x, count=counts.get(x.title, 0)) if x.box else x for x in model.layers)
    around = Around(found, calls or {})
    return replace(found, layers=layers, around=around if around.complete else None)


def _name_layers(item: Mapping[str, Any], subject: Any) -> None:
    """Names for the entries of a sequence; a class of one's own may leave its name out."""
    entries = item["config"]["layers"]
    if len(entries) == len(subject._layers):
        for entry, layer in zip(entries, subject._layers):
            entry.setdefault("name", layer.name)


def _variables(subject: Any, model: Model) -> list[Any]:
    """The arrays of the layers that have equations, in their order."""
    titles = {x.title for x in model.boxes}
    layers = list(subject._flatten_layers(include_self=False, recursive=False))
    own = {id(v) for layer in layers if layer.name not in titles for v in layer.weights}
    others = {id(v) for layer in layers if layer.name in titles for v in layer.weights} - own
    return [v for v in subject.weights if "seed_generator" not in v.path and id(v) not in others]


def _calls(subject: Any) -> dict[tuple[str, int], Any]:
    """The calls in a model, by the name of the layer and their number, as a file counts them."""
    graph = getattr(subject, "_functional", None) or subject
    inside = {id(n) for row in getattr(graph, "_nodes_by_depth", {}).values() for n in row}
    found: dict[tuple[str, int], Any] = {}
    for operation in getattr(graph, "operations", ()):
        nodes = [n for n in operation._inbound_nodes if id(n) in inside]
        found |= {(operation.name, i): n for i, n in enumerate(nodes)}
    return found


def _told(call: Any) -> tuple[Output, ...]:
    """What a call gives."""
    return tuple(
        Output(tuple(y.shape[1:]) if len(y.shape) else None,
               KINDS_OF_DTYPES.get(str(y.dtype), "float"))
        for y in call.outputs
    )  # fmt: skip


class Around:
    """What stands around the boxes of a live model, as the model itself computes it.

    Attributes:
        gives: the tensors that boxes give, by the names of the values.
        reads: the tensors that boxes read.
        complete: whether every box can be asked; not where Keras could not build the model in
            symbols.
    """

    def __init__(self, model: Model, calls: Mapping[tuple[str, int], Any]) -> None:
        self.model = model
        self.gives: dict[str, Any] = {}
        self.reads: dict[str, Any] = {}
        boxes = [n for n in model.nodes if n.operation == "box"]
        for node in boxes:
            at, references = node.spec
            if at not in calls:
                continue
            self.gives |= dict(zip(node.gives, calls[at].outputs))
            for value, (name, number, index) in zip(node.reads, references):
                if (name, number) in calls:  # the input of a sequence has another name
                    self.reads[value] = calls[name, number].outputs[index]
        self.complete = all(g in self.gives for n in boxes for g in n.gives[:1])

    def __call__(self, inputs: list[Any]) -> dict[str, Any]:
        """What the boxes give, by the names of the values.

        Raises:
            InputError: for a model with layers that keep their states from call to call, or one
                that cannot be run so.
        """
        subject = self.model.live
        if any(node.stateful for node in self.model.nodes):
            raise InputError(
                f"{shown(subject.name)}: it keeps states from call to call, and has layers that "
                "are not covered: what those give cannot be asked without a change of them"
            )
        found, _ = self.ask(inputs, self.gives)
        return found

    def ask(
        self,
        inputs: list[Any],
        tensors: Mapping[str, Any],
        weights: Mapping[str, Any] | None = None,
    ) -> tuple[dict[str, Any], list[Any]]:
        """Some tensors of the model and what it gives, everything that a call changes put back.

        Args:
            inputs: the arrays of the model's inputs.
            tensors: which tensors, by name.
            weights: arrays by our keys, in place of the model's own.

        Raises:
            InputError: if the model cannot be run so.
        """
        keras, subject = load(), self.model.live
        parts = [subject, *subject._flatten_layers()]
        kept = {id(v): v for p in parts for v in (*p.variables, *leaves(getattr(p, "states", None)))
                if hasattr(v, "assign")}  # fmt: skip
        before = [(v, np.array(v.numpy())) for v in kept.values()]
        names = list(tensors)
        states = [v for p in parts for v in leaves(getattr(p, "states", None)) if v is not None]
        try:
            for state in states:  # a comparison begins where ours does
                state.assign(np.zeros(state.shape, state.dtype))
            for weight, variable in zip(self.model.weights, _variables(subject, self.model)):
                if weights is not None:
                    variable.assign(np.asarray(weights[weight.key], variable.dtype))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what Keras said of masks when it was made
                probe = keras.Model(
                    subject.inputs, [*(tensors[n] for n in names), *subject.outputs]
                )
            given = [
                keras.ops.convert_to_tensor(x, i.dtype) for x, i in zip(inputs, subject.inputs)
            ]
            found = leaves(probe(given if len(given) > 1 else given[0], training=False))
            arrays = [np.asarray(a) for a in found]
        except Exception as error:
            plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
            words = " ".join(plain.split())[:200] or type(error).__name__
            raise InputError(f"{shown(subject.name)} cannot be run so: {words}") from None
        finally:
            for variable, array in before:
                variable.assign(array)
        return dict(zip(names, arrays)), arrays[len(names) :]


def _refuse_look_alikes(keras: Any, part: Any) -> None:
    """Refuse a class or a function that only is called like one of Keras's.

    A configuration has names alone; an own `hard_sigmoid` would be read as Keras's.
    """
    kind = type(part)
    known = getattr(keras.layers, kind.__name__, None)
    if known is not None and known is not kind:
        raise InputError(
            f"{shown(part.name)}: its class {shown(kind.__name__)} is not Keras's own of that name"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # code in a layer: it is refused by us, in one line
            config = part.get_config()
    except (NotImplementedError, OSError, TypeError, ValueError):
        return  # it is refused where its configuration is read
    for key, name in config.items():
        function = getattr(part, key, None)
        if not isinstance(name, str) or not callable(function) or not key.endswith("activation"):
            continue
        try:
            own = keras.activations.get(name)
        except ValueError:
            own = None
        if function is not own:
            raise InputError(
                f"{shown(part.name)}: its {key} is a function of its own called {shown(name)}, "
                "which is not Keras's function of that name"
            )


class Live:
    """A live layer or model as a witness of its own.

    Its arrays are replaced for a question and put back behind it, whatever happens; so are the
    states that it keeps.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.layer = model.live
        self.keras = load()
        parts = [self.layer, *self.layer._flatten_layers()]
        states = [leaves(p.states) for p in parts if getattr(p, "stateful", False)
                  and getattr(p, "states", None) is not None]  # fmt: skip
        self.variables = _variables(self.layer, model)
        self.states = [v for s in states for v in s]

    @property
    def dtype(self) -> str:
        return str(self.layer.compute_dtype)

    @property
    def samples(self) -> int | None:
        """The number of samples that it is built for, or None for any."""
        if isinstance(self.layer, self.keras.Model):
            return self.layer.inputs[0].shape[0]
        if not getattr(self.layer, "stateful", False):
            return None
        shape = self.layer.get_build_config().get("input_shape")
        return shape[0] if shape else None

    def __call__(self, inputs: list[Any], weights: Mapping[str, Any]) -> list[Any]:
        """What it gives with these weights, from states of zero.

        Args:
            inputs: the arrays of the model's inputs.
            weights: arrays by our keys.
        """
        ops = self.keras.ops
        tensors = []
        count = self.samples
        if count is not None:  # a stateful model takes so many samples and no others
            inputs = [np.resize(x, (count, *np.shape(x)[1:])) for x in inputs]
        for value, x in zip(self.model.inputs, inputs, strict=True):
            dtype = {"integer": "int32", "mask": "bool"}.get(value.kind, self.dtype)
            tensors.append(ops.convert_to_tensor(x, dtype))
        before = [np.array(v.numpy()) for v in (*self.variables, *self.states)]
        try:
            for weight, variable in zip(self.model.weights, self.variables, strict=True):
                variable.assign(np.asarray(weights[weight.key], variable.dtype))
            for state in self.states:
                state.assign(np.zeros(state.shape, state.dtype))
            found = self.layer(tensors if len(tensors) > 1 else tensors[0], training=False)
            return [np.asarray(a) for a in leaves(found)]
        finally:
            for variable, array in zip((*self.variables, *self.states), before):
                variable.assign(array)


def _kept(subject: Any, model: Model) -> dict[str, dict[str, Any]]:
    """The states that stateful layers are in, by node and state."""
    layers = {layer.name: layer for layer in subject._flatten_layers()}
    kept = {}
    for node in model.nodes:
        if not node.stateful or node.spec is None:
            continue
        layer = layers.get(node.spec["config"].get("name"))
        states = getattr(layer, "states", None)
        if states is not None:
            flat = [np.array(v.numpy()) for v in leaves(states)]
            kept[node.name] = dict(zip(node.initial, flat))
    return kept


def _refuse_repeated(keras: Any, part: Any) -> None:
    """Refuse a sequence with a layer in two places: Keras's configuration of it has it once."""
    if not isinstance(part, keras.Sequential):
        return
    names = [layer.name for layer in part.layers]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise InputError(
            f"{shown(part.name)}: layer {shown(twice)} stands in it twice, which Keras's own "
            "configuration leaves out; write it as a functional model"
        )


def _entry(keras: Any, subject: Any) -> Mapping[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # code in a layer: it is refused by us, in one line
            item = keras.saving.serialize_keras_object(subject)
        return json.loads(json.dumps(item))
    except (TypeError, ValueError, NotImplementedError, OSError) as error:
        text = str(error).strip().splitlines() or ["it cannot be written"]
        words = f"its configuration cannot be read: {text[0][:200]}"
        raise InputError(f"{shown(subject.name)}: {words}") from None


def _axes_of(layer: Any) -> list[tuple[Axes, str]]:
    """The shapes of what a layer by itself reads, from how it was built."""
    config = layer.get_build_config() if layer.built else None
    shape = None
    if isinstance(config, Mapping):
        shapes = config.get("shapes_dict")
        shape = config.get("input_shape")
        if shape is None and isinstance(shapes, Mapping):
            shape = next(iter(shapes.values()), None)
    if shape is None:
        raise InputError(
            f"{shown(layer.name)} does not tell what it reads: build(…) it, or put it into a "
            "model with an Input"
        )
    kind = "integer" if type(layer).__name__ == "Embedding" else "float"
    if shape and isinstance(shape[0], (list, tuple)):
        return [(shape_of(list(s), shown(layer.name)), kind) for s in shape]
    axes = shape_of(list(shape), shown(layer.name))
    if type(layer).__name__ in ("SimpleRNN", "LSTM", "GRU", "RNN", "Bidirectional") and not (
        layer.stateful or getattr(layer, "unroll", False)
    ):
        axes = (None, *axes[1:])
    return [(axes, kind)]
