"""Files of Keras 2 (and tf_keras) as Keras 3 would write them.

Their arrays mean the same; their configuration says some things otherwise, and one function of the
same name is another: hard_sigmoid is 0.2 z + 1/2 between 0 and 1 there, z/6 + 1/2 in Keras 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .graphs import OPERATIONS
from .options import OLD_HARD_SIGMOID, OLD_MASKS, refuse, shown

#: Options of Keras 2 without a bearing on what is computed, at any value.
_WITHOUT_BEARING = ("implementation", "input_length", "input_dtype", "ragged", "input_spec")
#: Options that Keras 3 calls otherwise, by class.
_CALLED = {"LeakyReLU": {"alpha": "negative_slope"}}
#: Where a layer stands in the options of another.
_INNER = ("layer", "backward_layer", "cell")
_ACTIVATIONS = ("activation", "recurrent_activation")
#: Options that were lists of one number and are a number now.
_AXES = ("axis",)
#: Modules of Keras itself, under the names that it had.
_MODULES = ("keras", "tf_keras", "tensorflow.keras")
_OWN = ("keras.", "tf_keras.", "tensorflow.keras.", "tensorflow.python.keras.")
_CONTAINERS = ("Sequential", "Functional", "Model")
_RECURRENT = ("SimpleRNN", "LSTM", "GRU", "RNN", "Bidirectional")
#: Layers that hold an operation of TensorFlow, and the operation's class in Keras 3.
_LAMBDAS = ("TFOpLambda", "SlicingOpLambda")
_OPERATIONS = {
    "__operators__.getitem": "GetItem", "__operators__.add": "Add", "math.add": "Add",
    "math.subtract": "Subtract", "math.multiply": "Multiply", "math.truediv": "TrueDivide",
    "math.divide": "TrueDivide", "math.negative": "Negative", "math.pow": "Power",
    "math.square": "Square",
}  # fmt: skip
#: Layers that join the masks of their inputs otherwise than Keras 3 does.
_MERGES = ("Add", "Subtract", "Multiply", "Average", "Concatenate", "Dot")
_DEEPEST = 12


def modern(item: Any, version: str) -> Any:
    """A model's entry of Keras 2 as Keras 3 writes it; what is not understood stays as it is.

    Args:
        item: `{"class_name", "config"}` of a stranger, of any form.
        version: of Keras, as the file says it.

    Raises:
        InputError: for an option that changes what is computed and is not covered.
    """
    return _entry(item, version, "model", 0)


def _entry(item: Any, version: str, place: str, depth: int) -> Any:
    config = item.get("config") if isinstance(item, Mapping) else None
    kind = item.get("class_name") if isinstance(item, Mapping) else None
    if depth > _DEEPEST or not isinstance(kind, str):
        return item
    if kind == "Sequential" and isinstance(config, list):  # as Keras 2.1 wrote it
        config = {"name": "sequential", "layers": config}
    if not isinstance(config, Mapping):
        return item
    found = {k: v for k, v in item.items() if k != "build_config"}
    module = item.get("module")
    if isinstance(module, str) and (module in _MODULES or module.startswith(_OWN)):
        found["module"] = None  # a layer of another module is refused by that name
    name = item.get("name", config.get("name", kind))
    place = f"{place}, layer {shown(name)}" if depth else place
    if kind in _LAMBDAS and config.get("function") in _OPERATIONS:
        return _operation(found, str(config["function"]), name)
    if kind in _CONTAINERS:
        return found | _model(kind, config, version, place, depth)
    if found.get("module") is None:  # a layer, and no operation, which has no module either
        found["module"] = "keras.layers"
    return found | {"config": _options(kind, config, version, place, depth)}


def _operation(item: dict[str, Any], function: str, name: Any) -> dict[str, Any]:
    """`x[:, -1, :]` or `2 * x` between layers, as Keras 3 records it."""
    return {
        "module": OPERATIONS, "class_name": _OPERATIONS[function], "config": {"name": name},
        "name": name, "inbound_nodes": item.get("inbound_nodes"), "registered_name": None,
    }  # fmt: skip


def _options(
    kind: str, config: Mapping[str, Any], version: str, place: str, depth: int
) -> dict[str, Any]:
    if config.get("time_major"):
        raise refuse(place, "time_major: inputs of shape (T, N, D) are not covered")
    options: dict[str, Any] = {}
    for key, value in config.items():
        if key in _WITHOUT_BEARING or key == "time_major":
            continue
        key = _CALLED.get(kind, {}).get(key, key)
        if key in _INNER:
            value = _entry(value, version, place, depth + 1)
        elif key == "cells" and isinstance(value, list):
            value = [_entry(v, version, place, depth + 1) for v in value]
        elif key in _ACTIVATIONS:
            value = _activation(value, version, place, depth)
        elif key in _AXES and isinstance(value, list) and len(value) == 1:
            value = value[0]
        elif key == "dtype":
            value = _dtype(value)
        options[key] = value
    if kind in _MERGES:
        options[OLD_MASKS] = True
    if kind in ("GRU", "GRUCell"):  # the option is younger than Keras 2
        options.setdefault("reset_after", False)
    return options


def _activation(value: Any, version: str, place: str, depth: int) -> Any:
    if value == "hard_sigmoid":
        return OLD_HARD_SIGMOID
    return _entry(value, version, place, depth + 1) if isinstance(value, Mapping) else value


def _dtype(value: Any) -> Any:
    """The policy's name: {"class_name": "Policy", "config": {"name": "float32"}}."""
    inner = value.get("config") if isinstance(value, Mapping) else None
    if isinstance(inner, Mapping) and value.get("class_name") == "Policy":
        return inner.get("name")
    return value


def _model(
    kind: str, config: Mapping[str, Any], version: str, place: str, depth: int
) -> dict[str, Any]:
    layers = config.get("layers")
    if not isinstance(layers, list):
        return {"config": config}
    entries = [_entry(e, version, place, depth + 1) for e in layers]
    if kind == "Sequential":
        return {"config": {**config, "layers": entries}}
    shifts = _shifts(layers, config)
    for entry in entries:
        if isinstance(entry, dict) and isinstance(entry.get("inbound_nodes"), list):
            kind_ = entry.get("class_name")
            operation = entry.get("module") == OPERATIONS
            entry["inbound_nodes"] = [
                _node(n, shifts, kind_, operation) for n in entry["inbound_nodes"]
            ]
    # Keras 3 counts the call that a nested model is made with in this list alone.
    models = {_name(e) for e in layers if isinstance(e, Mapping)
              and e.get("class_name") in ("Functional", "Model")}  # fmt: skip
    outputs = _moved(config.get("output_layers"), shifts)
    return {
        "class_name": "Functional",
        "config": {
            **config,
            "layers": entries,
            "input_layers": _moved(config.get("input_layers"), shifts),
            "output_layers": _moved(outputs, dict.fromkeys(models, -1)),
        },
    }


def _name(entry: Any) -> Any:
    config = entry.get("config") if isinstance(entry, Mapping) else None
    inner = config.get("name") if isinstance(config, Mapping) else None
    return entry.get("name", inner) if isinstance(entry, Mapping) else None


def _is_reference(value: Any) -> bool:
    return isinstance(value, list) and len(value) in (3, 4) and isinstance(value[0], str) and all(
        isinstance(n, int) and not isinstance(n, bool) for n in value[1:3]
    )  # fmt: skip


def _references(value: Any) -> list[Any]:
    """Every reference to an output of a layer, wherever it stands."""
    found, stack = [], [value]
    while stack:
        item = stack.pop()
        if _is_reference(item):
            found.append(item)
            stack += [item[3]] if len(item) == 4 else []
        elif isinstance(item, Mapping):
            stack += list(item.values())
        elif isinstance(item, list):
            stack += item
    return found


def _shifts(layers: list[Any], config: Mapping[str, Any]) -> dict[str, int]:
    """By how much calls of nested models are counted too high.

    Since Keras 2.4 the call that such a model is made with counts as its first; it is not among its
    nodes, so a reference to the call behind the last tells.
    """
    counts = {_name(e): len(e["inbound_nodes"]) for e in layers
              if isinstance(e, Mapping) and e.get("class_name") in _CONTAINERS
              and isinstance(e.get("inbound_nodes"), list)}  # fmt: skip
    every = [e.get("inbound_nodes") for e in layers if isinstance(e, Mapping)]
    shifts = {}
    for name, node, *_ in _references([every, config.get("output_layers")]):
        if name in counts and node == counts[name]:
            shifts[name] = 1
    return shifts


def _moved(value: Any, shifts: Mapping[str, int]) -> Any:
    if _is_reference(value):
        return [value[0], value[1] - shifts.get(value[0], 0), *value[2:]]
    return [_moved(v, shifts) for v in value] if isinstance(value, list) else value


def _is_constant(value: Any) -> bool:
    """Of 3 - x the number, in the place of a tensor: ["_CONSTANT_VALUE", -1, 3.0, {…}]."""
    return isinstance(value, list) and len(value) in (3, 4) and value[0] == "_CONSTANT_VALUE"


def _tensor(reference: list[Any], shifts: Mapping[str, int]) -> Any:
    if _is_constant(reference):
        return reference[2]
    return {"class_name": "__keras_tensor__",
            "config": {"keras_history": _moved(reference, shifts)[:3]}}  # fmt: skip


def _argument(value: Any, shifts: Mapping[str, int]) -> Any:
    if _is_reference(value):
        return _tensor(value, shifts)
    if isinstance(value, list):
        return [_argument(v, shifts) for v in value]
    if isinstance(value, Mapping):
        return {k: _argument(v, shifts) for k, v in value.items()}
    return value


def _called(tensors: list[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The call of an operation: behind the tensor its other operand, or the index."""
    rest = {k: v for k, v in kwargs.items() if k != "name" and v is not None}
    if "slice_spec" in rest:
        parts = rest.pop("slice_spec")
        parts = parts if isinstance(parts, list) else [parts]  # of x[0] and x[...]
        return {"args": [*tensors, [_slice(p) for p in parts]], "kwargs": rest}
    second = next((k for k in ("y", "b") if k in rest), None)
    if second is not None:
        return {"args": [*tensors, rest.pop(second)], "kwargs": rest}
    first = next((k for k in ("x", "a") if k in rest), None)
    if first is not None:  # 3 - x has its number first
        return {"args": [rest.pop(first), *tensors], "kwargs": rest}
    return {"args": tensors, "kwargs": rest}


def _slice(part: Any) -> Any:
    if isinstance(part, Mapping) and set(part) == {"start", "stop", "step"}:
        return {"class_name": "__slice__", "config": dict(part)}
    return {"class_name": "__ellipsis__", "config": {}} if part == "..." else part


def _node(node: Any, shifts: Mapping[str, int], kind: Any, operation: bool) -> Any:
    """A recorded call: [["x", 0, 0, {…}], …], or ["x", 0, 0, {…}] of an operation.

    Behind the input of a recurrent layer its initial states stand.
    """
    rows = [node] if _is_reference(node) or _is_constant(node) else node
    if not isinstance(rows, list) or not rows or not all(
        _is_reference(r) or _is_constant(r) for r in rows
    ):  # fmt: skip
        return node
    tensors = [_tensor(r, shifts) for r in rows]
    kwargs = next((r[3] for r in rows if len(r) == 4 and isinstance(r[3], Mapping)), {})
    arguments = {k: _argument(v, shifts) for k, v in kwargs.items()}
    if operation:
        return _called(tensors, arguments)
    if kind in _RECURRENT and len(tensors) > 1:
        return {"args": tensors[:1], "kwargs": {**arguments, "initial_state": tensors[1:]}}
    return {"args": tensors if len(tensors) == 1 else [tensors], "kwargs": arguments}
