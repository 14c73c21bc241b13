"""Layers that are not covered, in a model whose other layers are: boxes with a name and a size.

Nothing of a box is executed or believed. Its shape is the one that the file records where the next
layer reads it; what is checked of the model is the model without it (`without`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from ...models import Axes, Node
from .builder import CONTAINERS, COVERED, LAYER_MODULES

#: One output of one call: the name of the layer, which of its calls, which of its outputs.
Reference = tuple[str, int, int]
#: Layers that hold code, which may be a stranger's: they are refused, not boxed.
_CODE = re.compile(r".*Lambda.*|TFSMLayer|JaxLayer|FlaxLayer|TorchModuleWrapper")
#: The names of classes that are shown.
PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")
#: Where layers stand in the options of another.
_INNER = ("layer", "backward_layer", "cell", "cells", "layers")
_DTYPES = {"float": "float32", "integer": "int32", "mask": "bool"}


@dataclass(frozen=True)
class Output:
    """What a box gives: its axes, None if nothing tells them, and its kind."""

    axes: Axes | None
    kind: str = "float"


@dataclass
class Box:
    """A call of a layer that is not covered.

    Attributes:
        node: as it stands in the model.
        refusal: why the layer is not covered.
        reads: the tensors that it is given, `gives` those that are read behind it.
    """

    node: Node
    refusal: str
    reads: list[Reference]
    gives: dict[int, Output] = field(default_factory=dict)


def boxable(entry: Any, live: bool) -> bool:
    """Whether an entry is a layer that is not covered, or holds one, and may become a box.

    A live layer may be of a class of its own; of a file only Keras's own layers are taken.
    """
    found = list(_classes(entry))
    if not isinstance(entry.get("config") if isinstance(entry, Mapping) else None, Mapping):
        return False
    for module, kind in found:
        if not isinstance(kind, str) or not PLAIN.fullmatch(kind) or _CODE.fullmatch(kind):
            return False
        if module not in LAYER_MODULES and kind not in CONTAINERS and not live:
            return False
    if not live and any(_registered(e) for e in _entries(entry)):
        return False
    return any(_uncovered(module, kind) for module, kind in found)


def _uncovered(module: Any, kind: str) -> bool:
    if kind in CONTAINERS or kind == "StackedRNNCells" or kind.removesuffix("Cell") in COVERED:
        known = COVERED.get(kind.removesuffix("Cell"))
        return known is not None and module not in (*known.modules, *LAYER_MODULES)
    return True


def boxable_operation(entry: Mapping[str, Any]) -> bool:
    """Whether an operation that is not covered may become a box."""
    kind = entry.get("class_name")
    return isinstance(kind, str) and bool(PLAIN.fullmatch(kind)) and not _CODE.fullmatch(kind)


def makes_masks(entry: Any) -> bool:
    """Whether something within a box may make a mask: it goes on unseen, and no file records it."""
    for layer in _entries(entry):
        config = layer.get("config")
        config = config if isinstance(config, Mapping) else {}
        kind, module = layer.get("class_name"), layer.get("module")
        own = module not in LAYER_MODULES and kind not in CONTAINERS
        if own or kind == "Masking" or config.get("mask_zero"):
            return True
    return False


def _registered(entry: Mapping[str, Any]) -> bool:
    kind = entry.get("class_name")
    return entry.get("registered_name") not in (None, kind, f"keras>{kind}")


def _entries(entry: Any) -> Iterator[Mapping[str, Any]]:
    """A layer's entry and those of the layers inside of it; operations are left out."""
    if not isinstance(entry, Mapping) or str(entry.get("module")).startswith("keras.src.ops."):
        return
    yield entry
    config = entry.get("config")
    config = config if isinstance(config, Mapping) else {}
    for key in _INNER:
        inner = config.get(key)
        for part in inner if isinstance(inner, list) else [inner]:
            if part is not None:
                yield from _entries(part)


def _classes(entry: Any) -> Iterator[tuple[Any, Any]]:
    return ((e.get("module"), e.get("class_name")) for e in _entries(entry))


# --- sizes where no file tells them


def _window(axes: Axes, o: Mapping[str, Any], size: Any, stride: Any) -> Axes | None:
    """The lengths behind a window that slides over all axes but the last."""
    rank = len(axes) - 1
    sizes, strides, spread = (
        v if isinstance(v, (list, tuple)) else [v] * rank
        for v in (size, stride, o.get("dilation_rate", 1))
    )
    values = [*sizes, *strides, *spread]
    if o.get("data_format") not in (None, "channels_last") or not all(
        isinstance(v, int) and v > 0 for v in values
    ):
        return None
    found: list[int | None] = []
    for axis, width, step, gap in zip(axes, sizes, strides, spread):
        if axis is None:
            found.append(None)
        elif o.get("padding") in ("same", "causal"):
            found.append(ceil(axis / step))
        else:
            found.append((axis - gap * (width - 1) - 1) // step + 1)
    return tuple(found)


def _convolution(o: Mapping[str, Any], *inputs: Axes) -> Axes | None:
    lengths = _window(inputs[0], o, o.get("kernel_size"), o.get("strides", 1))
    filters = o.get("filters")
    return (*lengths, filters) if lengths and isinstance(filters, int) else None


def _pooling(o: Mapping[str, Any], *inputs: Axes) -> Axes | None:
    size = o.get("pool_size", 2)
    lengths = _window(inputs[0], o, size, o.get("strides") or size)
    return (*lengths, inputs[0][-1]) if lengths else None


def _same(o: Mapping[str, Any], *inputs: Axes) -> Axes | None:
    return inputs[0]


def _attention(o: Mapping[str, Any], *inputs: Axes) -> Axes | None:
    return (*inputs[0][:-1], inputs[1][-1]) if len(inputs) > 1 else None


def _heads(o: Mapping[str, Any], *inputs: Axes) -> Axes | None:
    return inputs[0] if o.get("output_shape") is None else None


#: Of layers that are not covered: the axes of what they give, and whether a mask ends there.
SIZES: dict[str, tuple[Callable[..., Axes | None], bool]] = {
    **{f"{kind}{d}D": (_convolution, True) for kind in ("Conv", "SeparableConv") for d in (1, 2)},
    **{f"{kind}Pooling{d}D": (_pooling, True) for kind in ("Max", "Average") for d in (1, 2)},
    **{f"{kind}Normalization": (_same, False) for kind in ("Unit", "RMS", "Group")},
    "Attention": (_attention, False),
    "AdditiveAttention": (_attention, False),
    "MultiHeadAttention": (_heads, False),
}


def sized(kind: str, options: Any, inputs: Sequence[Axes | None]) -> Output:
    """What a layer gives, as far as its options tell."""
    if kind == "TimeDistributed" and isinstance(options, Mapping):
        inner, first = options.get("layer"), inputs[0] if inputs else None
        if isinstance(inner, Mapping) and first:
            within = sized(str(inner.get("class_name")), inner.get("config"), [first[1:]])
            return Output(None if within.axes is None else (first[0], *within.axes))
        return Output(None)
    rule, known = SIZES.get(kind), [a for a in inputs if a is not None]
    if rule is None or len(known) != len(inputs) or not all(known):
        return Output(None)
    return Output(rule[0](options if isinstance(options, Mapping) else {}, *known))


def ends_masks(kind: str) -> bool:
    """Whether no mask comes out behind a layer of this class."""
    return SIZES.get(kind, (None, False))[1]


# --- the same configuration, told otherwise


def _tensor(name: str, shape: Any) -> dict[str, Any]:
    config = {"shape": shape, "dtype": "float32", "keras_history": [name, 0, 0]}
    return {"class_name": "__keras_tensor__", "config": config}


def _input(name: str, axes: Axes, kind: str) -> dict[str, Any]:
    config = {"name": name, "batch_shape": [None, *axes], "dtype": _DTYPES[kind]}
    return {"module": "keras.layers", "class_name": "InputLayer", "config": config, "name": name,
            "inbound_nodes": [], "registered_name": None}  # fmt: skip


def title_of(entry: Any) -> Any:
    """What a layer is called, of an entry of a stranger."""
    if not isinstance(entry, Mapping):
        return None
    config = entry.get("config")
    inner = config.get("name") if isinstance(config, Mapping) else None
    return entry.get("name") or inner


def as_graph(item: Mapping[str, Any], axes: Axes, kind: str) -> Mapping[str, Any]:
    """A sequence of layers as a graph of calls, each with the shape of what it reads."""
    entries = item["config"]["layers"]
    if isinstance(entries[0], Mapping) and entries[0].get("class_name") == "InputLayer":
        entries = entries[1:]
    titles = [title_of(e) or (e.get("class_name") if isinstance(e, Mapping) else None)
              for e in entries]  # fmt: skip
    before = next(n for n in ("input", *(f"input_{i}" for i in range(len(titles) + 1)))
                  if n not in titles)  # fmt: skip
    layers = [_input(before, axes, kind)]
    first = before
    for entry, title in zip(entries, titles):
        built = entry.get("build_config")
        shape = built.get("input_shape") if isinstance(built, Mapping) else None
        call = {"args": [_tensor(before, shape)], "kwargs": {}}
        before = str(title)
        layers.append({**entry, "name": before, "inbound_nodes": [call]})
    config = {"name": item["config"].get("name"), "sequence": True, "layers": layers,
              "input_layers": [[first, 0, 0]], "output_layers": [before, 0, 0]}  # fmt: skip
    return {**item, "class_name": "Functional", "config": config}


def without(
    item: Mapping[str, Any], boxes: Mapping[tuple[str, int], Box], inputs: list[Reference],
    outputs: list[Reference], kinds: Mapping[Reference, str], models: set[str],
    read_by: Callable[[Any], Sequence[Reference]],
) -> tuple[Mapping[str, Any], tuple[str, ...]]:  # fmt: skip
    """The configuration without its boxes: what a box gives is an input, what it reads an output.

    Args:
        item: a graph of calls.
        boxes: by the name of the layer and which of its calls.
        inputs, outputs: of the graph.
        kinds: of the tensors that boxes read; those of numbers become outputs.
        models: the layers that are models themselves, whose calls are counted from one among the
            outputs.
        read_by: every tensor that recorded calls read.

    Returns:
        The configuration, and the names of the values that are further inputs of it, in order.
    """
    names: dict[Reference, str] = {}
    config = item["config"]
    boxed = {title for title, _ in boxes}
    others = [e for e in config["layers"] if title_of(e) not in boxed]
    taken = {title_of(e) for e in others}
    wanted = {r for e in others for r in read_by(e["inbound_nodes"])}
    values = []
    for (title, call), box in boxes.items():
        for index, given in box.gives.items():
            if given.axes is not None and (title, call, index) in wanted:
                name, count = title, 1
                while name in taken:
                    count += 1
                    name = f"{title[:150]}_{count}"
                taken.add(name)
                names[title, call, index] = name
                values.append(box.node.gives[index])

    def moved(value: Any) -> Any:
        if isinstance(value, list):
            return [moved(v) for v in value]
        if not isinstance(value, Mapping):
            return value
        history = value.get("keras_history")
        if isinstance(history, list) and tuple(history[:3]) in names:
            return {**value, "keras_history": [names[tuple(history[:3])], 0, 0]}
        return {k: moved(v) for k, v in value.items()}

    layers = []
    for entry in config["layers"]:
        title = title_of(entry)
        if title not in boxed:
            layers.append({**entry, "inbound_nodes": moved(entry["inbound_nodes"])})
            continue
        for (name, call), box in boxes.items():
            layers += [
                _input(names[name, call, i], o.axes, o.kind)
                for i, o in box.gives.items()
                if name == title and (name, call, i) in names and o.axes is not None
            ]
    read = [r for box in boxes.values() for r in box.reads
            if kinds.get(r) == "float" and r not in inputs]  # fmt: skip
    ends = [r for r in dict.fromkeys([*outputs, *read]) if (r[0], r[1]) not in boxes]
    found = {**item, "config": {
        **config, "layers": layers,
        "input_layers": [list(r) for r in [*inputs, *((n, 0, 0) for n in names.values())]],
        "output_layers": [[n, i + (n in models), k] for n, i, k in ends],
    }}  # fmt: skip
    return found, tuple(values)
