"""Keras's models: a sequence of layers, a graph of calls, and the operations that make masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from ...errors import InputError
from ...models import Axes, Model, Node, Value, leaves
from . import layers as _layers  # noqa: F401  its functions register themselves
from .arithmetic import KINDS, arithmetic
from .builder import (
    CONTAINERS,
    DEEPEST,
    MOST_LAYERS,
    Builder,
    Call,
    Spec,
    Tensor,
    covers,
    unique_names,
)
from .options import (
    LARGEST,
    Options,
    finite,
    refuse,
    shown,
)
from .recurrent import KINDS as RECURRENT

# --- models


_MODELS = ("keras", "keras.models", "keras.src.models.functional", "keras.src.models.sequential",
           "keras.src.engine.functional", None)  # fmt: skip


def _entries(call_place: str, config: Any) -> list[Any]:
    layers = config.get("layers") if isinstance(config, Mapping) else None
    if not isinstance(layers, list) or not layers:
        raise refuse(call_place, "it has no layers")
    if len(layers) > MOST_LAYERS:
        raise refuse(call_place, f"it claims {len(layers)} layers, more than {MOST_LAYERS}")
    return layers


def _inner_specs(b: Builder, spec: Spec, store: str, prefix: str) -> list[Spec | Mapping[str, Any]]:
    """The layers of a model, in order; operations on masks stay as they are."""
    key = id(spec.item)
    if key in b.inner:
        return b.inner[key]
    entries = _entries(spec.place, spec.config)
    kinds = [e.get("class_name") if isinstance(e, Mapping) else None for e in entries]
    operations = [is_operation(e) for e in entries]
    names = iter(unique_names([k for k, op in zip(kinds, operations)
                          if isinstance(k, str) and not op]))  # fmt: skip
    found: list[Any] = []
    for i, (entry, op) in enumerate(zip(entries, operations)):
        if op:
            found.append(entry)
            continue
        name = next(names) if isinstance(kinds[i], str) else "?"
        try:
            found.append(b.spec(entry, f"{spec.place}, layer {i + 1}", f"{store}layers/{name}",
                                prefix, (*spec.order, i)))  # fmt: skip
        except InputError as refusal:
            way = _by_itself(spec, kinds) if b.depth == 1 else ""
            raise InputError(f"{refusal}{way}") from None
    b.inner[key] = found
    return found


def _by_itself(spec: Spec, kinds: list[Any]) -> str:
    """The way out where one layer is not covered: another one can be read without its model."""
    listed = [k for k in kinds if not (spec.kind == "Sequential" and k == "InputLayer")]
    place = next((i for i, k in enumerate(listed) if k in RECURRENT or k == "Bidirectional"), None)
    if place is None:
        return ""
    return (f"; its {listed[place]} can be read by itself: "
            f"rnnsym.from_keras(model.layers[{place}])")  # fmt: skip


def _enter(b: Builder, spec: Spec) -> tuple[str, str]:
    if b.depth > DEEPEST:
        raise refuse(spec.place, f"models are nested more than {DEEPEST} deep")
    root = b.depth == 1
    return ("", "") if root else (f"{spec.store}/", f"{spec.ident}_")


@covers("Sequential", keeps_mask=None, modules=_MODELS)
def _sequential(b: Builder, call: Call, o: Options) -> list[Any]:
    for name in ("layers", "build_input_shape"):
        o.get(name)
    b.depth += 1
    store, prefix = _enter(b, call.spec)
    x: Tensor = replace(call.x)
    x.mask = call.mask or x.mask
    outputs: list[Any] = [x]
    for i, spec in enumerate(_inner_specs(b, call.spec, store, prefix)):
        if not isinstance(spec, Spec):
            raise call.refuse("an operation does not stand in a sequence of layers")
        if len(outputs) != 1 or not isinstance(outputs[0], Tensor):
            raise refuse(spec.place, "the layer before it gives several arrays")
        if spec.kind == "InputLayer":
            if i:
                raise refuse(spec.place, "an input stands first")
            _check_input(spec)
            continue
        outputs = b.call(Call(spec, [outputs[0]]))
    b.depth -= 1
    return outputs


def _check_input(spec: Spec) -> tuple[Axes, str]:
    """The axes (without samples) and the kind of an input."""
    o = spec.options
    shape = o.get("batch_shape") or o.get("batch_input_shape")
    axes = shape_of(shape, spec.place)
    dtype = o.get("dtype", "float32")
    if isinstance(dtype, Mapping):
        dtype = o.dtype()
    for name in ("sparse", "ragged", "optional"):
        if o.get(name):
            raise refuse(spec.place, f"a {name} input is not covered")
    o.done()
    kinds = {"float32": "float", "float64": "float", "bool": "mask"}
    kinds |= {f"{u}int{bits}": "integer" for u in ("", "u") for bits in (8, 16, 32, 64)}
    kind = kinds.get(dtype) if isinstance(dtype, str) else None
    if kind is None:
        raise refuse(spec.place, f"an input of dtype {shown(dtype)} is not covered")
    return axes, kind


def shape_of(shape: Any, place: str) -> Axes:
    """A shape of a configuration, without the samples."""
    if not isinstance(shape, (list, tuple)) or not 1 <= len(shape) <= 8:
        raise refuse(place, f"shape {shown(shape)} is no shape")
    for axis in shape:
        whole = isinstance(axis, int) and not isinstance(axis, bool)
        if axis is not None and not (whole and 1 <= axis <= LARGEST):
            raise refuse(place, f"shape {shown(shape)} is no shape")
    return tuple(shape[1:])


@covers("Functional", "Model", keeps_mask=None, modules=_MODELS)
def _functional(b: Builder, call: Call, o: Options) -> list[Any]:
    for name in ("layers", "input_layers", "output_layers"):
        o.get(name)
    b.depth += 1
    store, prefix = _enter(b, call.spec)
    if call.mask is not None and len(call.inputs) > 1:
        raise call.refuse("one mask for several inputs is not covered")
    if call.mask is not None:
        call.inputs = [replace(call.x, mask=call.mask)]
    graph = _Graph(b, call, _inner_specs(b, call.spec, store, prefix))
    outputs = graph.run()
    b.depth -= 1
    return outputs


@covers("InputLayer", keeps_mask=None)
def _input(b: Builder, call: Call, o: Options) -> list[Any]:
    raise call.refuse("an input cannot be called")


class _Graph:
    """A functional model: its layers, called in an order in which what they read is there."""

    def __init__(self, b: Builder, call: Call, specs: list[Any]) -> None:
        self.b, self.call, self.config = b, call, call.spec.config
        self.specs = specs
        self.found: dict[tuple[str, int], list[Tensor]] = {}

    def _fail(self, reason: str) -> InputError:
        return refuse(self.call.spec.place, reason)

    def run(self) -> list[Any]:
        entries = _entries(self.call.spec.place, self.config)
        names = [self._name(e) for e in entries]
        if len(set(names)) != len(names):
            raise self._fail("two layers have the same name")
        inputs = _references(self.config.get("input_layers"), self._fail)
        if len(inputs) != len(self.call.inputs):
            raise self._fail(f"it takes {len(inputs)} input(s), not {len(self.call.inputs)}")
        for (name, node, index), tensor in zip(inputs, self.call.inputs):
            spec = next((s for s, n in zip(self.specs, names) if n == name), None)
            if not isinstance(spec, Spec) or spec.kind != "InputLayer" or node or index:
                raise self._fail(f"its input {shown(name)} is no input layer")
            axes, _ = _check_input(spec)
            if len(axes) != len(tensor.axes) or any(
                a is not None and b is not None and a != b for a, b in zip(axes, tensor.axes)
            ):
                raise refuse(spec.place, f"it takes shape {axes}, not {tensor.axes}")
            self.found[name, 0] = [tensor]
        waiting = []
        for spec, entry, name in zip(self.specs, entries, names):
            nodes = entry.get("inbound_nodes")
            if not isinstance(nodes, list) or len(nodes) > MOST_LAYERS:
                raise self._fail(f"layer {shown(name)} has no list of inbound nodes")
            if isinstance(spec, Spec) and spec.kind == "InputLayer":
                if (name, 0) not in self.found:
                    raise refuse(spec.place, "this input is not among the model's inputs")
                continue
            waiting += [(spec, name, i, node) for i, node in enumerate(nodes)]
        while waiting:
            ready = [w for w in waiting if self._ready(w[3])]
            if not ready:
                raise self._fail(f"layer {shown(waiting[0][1])} reads what is never computed")
            for spec, name, i, node in ready:
                self.found[name, i] = self._at_work(spec, name, node)
            waiting = [w for w in waiting if (w[1], w[2]) not in self.found]
        outputs = _references(self.config.get("output_layers"), self._fail)
        models = {n for s, n in zip(self.specs, names)
                  if isinstance(s, Spec) and s.kind in ("Functional", "Model")}  # fmt: skip
        # In this list alone Keras counts a call that such a model is made with.
        return [
            self._value((name, node - (name in models), index)) for name, node, index in outputs
        ]

    def _name(self, entry: Any) -> str:
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if name is None and isinstance(entry, Mapping) and isinstance(entry.get("config"), Mapping):
            name = entry["config"].get("name")
        if not isinstance(name, str):
            raise self._fail("a layer has no name")
        return name

    def _value(self, reference: tuple[str, int, int]) -> Tensor:
        name, node, index = reference
        outputs = self.found.get((name, node))
        if outputs is None or not 0 <= index < len(outputs):
            raise self._fail(f"there is no output {index} of call {node} of {shown(name)}")
        return outputs[index]

    def _ready(self, node: Any) -> bool:
        return all((name, i) in self.found for name, i, _ in _tensors(node, self._fail))

    def _argument(self, value: Any) -> Any:
        """An argument of a recorded call: tensors in place of what stands for them."""
        if _is_tensor(value):
            return self._value(_history(value, self._fail))
        if isinstance(value, list):
            return [self._argument(v) for v in value]
        if isinstance(value, Mapping) and value.get("class_name") in ("__slice__", "__ellipsis__"):
            return value
        if isinstance(value, Mapping):
            raise self._fail(f"an argument {shown(value)} of a call is not covered")
        return value

    def _at_work(self, spec: Any, name: str, node: Any) -> list[Tensor]:
        if not isinstance(node, Mapping):
            raise self._fail(f"a call of {shown(name)} is not as Keras 3 writes it")
        args = node.get("args", [])
        kwargs = node.get("kwargs", {})
        if not isinstance(args, list) or not isinstance(kwargs, Mapping) or not args:
            raise self._fail(f"a call of {shown(name)} is not as Keras 3 writes it")
        args = [self._argument(a) for a in args]
        kwargs = {k: self._argument(v) for k, v in kwargs.items()}
        if not isinstance(spec, Spec):
            return [_mask_operation(self.b, self.call, spec, name, args, kwargs)]
        first = args[0] if isinstance(args[0], list) else [args[0]]
        if not first or not all(isinstance(a, Tensor) for a in first):
            raise refuse(spec.place, "it is called with something else than arrays")
        call = Call(spec, first)
        rest = args[1:]
        recurrent_layer = spec.kind in (*RECURRENT, "RNN", "Bidirectional")
        if recurrent_layer and isinstance(args[0], list) and len(first) > 1:
            call.inputs, call.states = first[:1], first[1:]
        if rest and recurrent_layer:
            kwargs = {**dict(zip(("initial_state", "mask", "training"), rest)), **kwargs}
            rest = []
        if rest:
            raise refuse(spec.place, "it is called with arguments that are not covered")
        states = kwargs.pop("initial_state", None)
        if states is not None:
            call.states = _flat_tensors(states, spec)
        mask = kwargs.pop("mask", None)
        if isinstance(mask, list):
            given = [m for m in mask if m is not None]
            if not all(isinstance(m, Tensor) for m in given) or len(mask) != len(first):
                raise refuse(spec.place, "its masks are no arrays of the model")
            if spec.kind in CONTAINERS:  # one for each input, or none
                call.inputs = [
                    replace(x, mask=m if m is not None else x.mask)
                    for x, m in zip(call.inputs, mask)
                ]
                given = []
            elif len(given) > 1:
                raise refuse(spec.place, "several masks of one layer are not covered")
            mask = given[0] if given else None
        if mask is not None and not isinstance(mask, Tensor):
            raise refuse(spec.place, "its mask is no array of the model")
        call.mask = mask
        if kwargs.pop("training", None):
            raise refuse(spec.place, "it is called with training=True, which is not covered")
        if any(v is not None for v in kwargs.values()):
            raise refuse(spec.place, f"argument {shown(next(iter(kwargs)))} is not covered")
        return _flat(self.b.call(call))


def _flat(nested: Any) -> list[Tensor]:
    if isinstance(nested, Tensor):
        return [nested]
    return [t for part in nested for t in _flat(part)]


def _flat_tensors(nested: Any, spec: Spec) -> list[Tensor]:
    if isinstance(nested, Tensor):
        return [nested]
    if not isinstance(nested, list):
        raise refuse(spec.place, "its initial state is no array of the model")
    return [t for part in nested for t in _flat_tensors(part, spec)]


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("class_name") == "__keras_tensor__"


def _history(value: Mapping[str, Any], fail: Callable[[str], InputError]) -> tuple[str, int, int]:
    config = value.get("config")
    return _reference(config.get("keras_history") if isinstance(config, Mapping) else None, fail)


def _reference(value: Any, fail: Callable[[str], InputError]) -> tuple[str, int, int]:
    fits = isinstance(value, list) and len(value) >= 3 and isinstance(value[0], str) and all(
        isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in value[1:3]
    )  # fmt: skip
    if not fits:
        raise fail(f"{shown(value)} names no output of a layer")
    return value[0], value[1], value[2]


def _references(value: Any, fail: Callable[[str], InputError]) -> list[tuple[str, int, int]]:
    if isinstance(value, list) and value and isinstance(value[0], str):
        return [_reference(value, fail)]
    if not isinstance(value, list) or not value:
        raise fail(f"{shown(value)} is no list of inputs or outputs")
    return [_reference(v, fail) for v in value]


def _tensors(value: Any, fail: Callable[[str], InputError]) -> list[tuple[str, int, int]]:
    """Every tensor that a recorded call reads."""
    found, stack = [], [value]
    while stack:
        item = stack.pop()
        if _is_tensor(item):
            found.append(_history(item, fail))
        elif isinstance(item, Mapping):
            stack += list(item.values())
        elif isinstance(item, list):
            stack += item
    return found


# --- the operations that Keras records where it computes masks

OPERATIONS = "keras.src.ops.numpy"


#: The operations on masks that are covered.
MASK_OPERATIONS = frozenset(
    ["NotEqual", "Any", "LogicalOr", "LogicalAnd", "LogicalNot", "ExpandDims", "Squeeze",
     "ZerosLike", "OnesLike", "Concatenate"]
)  # fmt: skip


def is_operation(entry: Any) -> bool:
    """Whether an entry of a graph is an operation, not a layer.

    A `.h5` file names no modules; an operation cannot be trained.
    """
    if not isinstance(entry, Mapping):
        return False
    if entry.get("module") is not None:
        return entry["module"] == OPERATIONS
    config = entry.get("config")
    bare = isinstance(config, Mapping) and "trainable" not in config
    return entry.get("class_name") in (MASK_OPERATIONS | KINDS) and bare


def _mask_operation(
    b: Builder, call: Call, entry: Mapping[str, Any], name: str, args: list[Any],
    kwargs: Mapping[str, Any],
) -> Tensor:  # fmt: skip
    kind = entry.get("class_name")
    place = f"{call.spec.place}, operation {shown(name)}"
    options = entry.get("config")
    options = options if isinstance(options, Mapping) else {}
    floats = [a for a in leaves([*args, *kwargs.values()])
              if isinstance(a, Tensor) and a.kind != "mask"]  # fmt: skip
    if isinstance(kind, str) and kind in KINDS and floats:
        here = Call(replace(call.spec, place=place, kind=kind), [])
        return arithmetic(b, here, kind, name, args, kwargs)
    spec = replace(call.spec, place=place, ident=call.spec.ident, kind="mask")
    here = Call(spec, [])
    called = b._ident(name)
    given = [*args, *kwargs.values()]
    tensors = [a for a in leaves(given) if isinstance(a, Tensor)]
    numbers = [a for a in leaves(given) if not isinstance(a, Tensor)]
    x = tensors[0] if tensors else None
    if x is None:
        raise refuse(place, f"operation {shown(kind)} is not covered")

    def add(operation: str, reads: list[Tensor], axes: Axes, **o: Any) -> Tensor:
        return b.operation(here, operation, reads, axes, "mask", called, **o)

    def axis_of() -> int:
        axis = options.get("axis", kwargs.get("axis"))
        axis = axis[0] if isinstance(axis, list) and len(axis) == 1 else axis
        rank = len(x.axes) + 1 + (kind == "ExpandDims")
        if isinstance(axis, bool) or not isinstance(axis, int) or axis == 0:
            raise refuse(place, f"axis {shown(axis)} is not covered")
        if not -rank < axis < rank:
            raise refuse(place, f"there is no axis {shown(axis)}")
        return axis

    if kind == "NotEqual" and len(tensors) == 1 and len(numbers) == 1:
        value = numbers[0]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not finite(value):
            raise refuse(place, f"a comparison with {shown(value)} is not covered")
        return add("differs", [x], x.axes, value=float(value))
    masks = all(t.kind == "mask" for t in tensors)
    if kind == "Any" and masks:
        axis, keep = axis_of(), options.get("keepdims") is True
        at = axis - 1 if axis > 0 else axis % len(x.axes)
        rest = (1,) if keep else ()
        return add("any", [x], (*x.axes[:at], *rest, *x.axes[at + 1 :]), axis=axis, keep=keep)
    if kind in ("LogicalOr", "LogicalAnd") and masks and len(tensors) == 2:
        wide = max(tensors, key=lambda t: len(t.axes))
        for t in tensors:
            for a, w in zip(reversed(t.axes), reversed(wide.axes)):
                if len(t.axes) != len(wide.axes) or (None not in (a, w) and 1 not in (a, w)
                                                     and a != w):  # fmt: skip
                    raise refuse(place, "masks of different shapes are not covered")
        return add("or" if kind == "LogicalOr" else "and", tensors, wide.axes)
    if kind == "LogicalNot" and masks:
        return add("not", [x], x.axes)
    if kind == "ExpandDims" and masks:
        axis = axis_of()
        at = axis - 1 if axis > 0 else len(x.axes) + 1 + axis
        return add("widen", [x], (*x.axes[:at], 1, *x.axes[at:]), axis=axis)
    if kind == "Squeeze" and masks:
        axis = axis_of()
        at = axis - 1 if axis > 0 else axis % len(x.axes)
        if x.axes[at] != 1:
            raise refuse(place, f"axis {axis} cannot be left out")
        return add("narrow", [x], (*x.axes[:at], *x.axes[at + 1 :]), axis=axis)
    if kind in ("ZerosLike", "OnesLike") and "bool" in (options.get("dtype"), kwargs.get("dtype")):
        return add("false" if kind == "ZerosLike" else "true", [x], x.axes)
    if kind == "Concatenate" and masks:
        axis = axis_of()
        at = axis - 1 if axis > 0 else axis % len(x.axes)
        sizes = [t.axes[at] for t in tensors]
        joined = None if None in sizes else sum(s or 0 for s in sizes)
        return add("join", tensors, (*x.axes[:at], joined, *x.axes[at + 1 :]),
                   axis=at + 1)  # fmt: skip
    raise refuse(place, f"operation {shown(kind)} is not covered")


# --- from an entry to a model


def build(
    item: Mapping[str, Any], input_axes: list[tuple[Axes, str]] | None = None, *,
    masked_inputs: tuple[bool, ...] = (), training: bool = False,
    implementations: Mapping[str, int] | None = None,
) -> tuple[Model, dict[str, str]]:  # fmt: skip
    """The model of a configuration, without numbers, and where each array is stored.

    Args:
        item: a model's or a layer's entry: `{"module", "class_name", "config"}`.
        input_axes: of a layer by itself, the shapes and kinds of what it reads.
        masked_inputs: for each input, whether a mask comes with it.
        training: make the equations of training.
        implementations: of live layers that have one that no file tells.

    Raises:
        InputError: for what is not covered, with its name and place.
    """
    whole = isinstance(item, Mapping) and item.get("class_name") in CONTAINERS
    b = Builder(training, ports=not whole)
    b.implementations = implementations or {}
    root = b.spec(item, "model" if whole else "layer", "")
    kinds = input_axes if input_axes is not None else _inputs_of(root)
    names = _input_names(root, len(kinds))
    inputs = [b.value(b._ident(n), axes, kind) for n, (axes, kind) in zip(names, kinds)]
    given = [b.shapes[x.name] for x in inputs]
    masks = masked_inputs or (False,) * len(inputs)
    for x, on in zip(inputs, masks):
        if on:
            if not x.axes:
                raise refuse(root.place, f"input {x.name} has no steps to mask")
            x.mask = b.value(f"{x.name}_mask", x.axes[:1], "mask")
    found = b.call(Call(root, inputs))
    outputs = _nested_names(found)
    if len(outputs) == 1 and (not whole or not _gives_list(root)):
        outputs = outputs[0]
    if len(b.dtypes) > 1:
        raise refuse(root.place, f"layers of {' and '.join(sorted(b.dtypes))} in one model are not "
                                 "covered")  # fmt: skip
    layers = tuple(layer for layer in b.layers.values() if layer.name != root.ident or not whole)
    model = Model(
        name=root.ident, title=root.title, inputs=_kinds(given, b),
        nodes=_alive(b.nodes, outputs, b),
        outputs=outputs, weights=tuple(sorted(b.weights.values(), key=lambda w: b.orders[w.key])),
        layers=layers, shapes=dict(b.shapes),
        states=b.states, dropout=tuple(b.dropout), masked=masks, training=training,
        dtype=next(iter(b.dtypes), "float32"),
        variant=partial(_variant, item, input_axes, implementations),
        spec=(item, kinds),
    )  # fmt: skip
    return model, b.stores


def _variant(
    item: Mapping[str, Any],
    input_axes: list[tuple[Axes, str]] | None,
    implementations: Mapping[str, int] | None,
    masked: tuple[bool, ...],
    training: bool,
) -> Model:
    return build(item, input_axes, masked_inputs=masked, training=training,
                 implementations=implementations)[0]  # fmt: skip


def _kinds(inputs: list[Value], b: Builder) -> tuple[Value, ...]:
    """The inputs; one that is only looked up in tables is of whole numbers, whatever it says."""
    others = {name for node in b.nodes if node.operation not in ("lookup", "differs")
              for name in node.needs}  # fmt: skip
    return tuple(replace(v, kind="integer") if v.name in b.tokens - others else v for v in inputs)


def _gives_list(root: Spec) -> bool:
    outputs = root.config.get("output_layers")
    return isinstance(outputs, list) and bool(outputs) and not isinstance(outputs[0], str)


def _nested_names(found: list[Any]) -> Any:
    return tuple(x.name if isinstance(x, Tensor) else _nested_names(x) for x in found)


def _alive(nodes: list[Node], outputs: Any, b: Builder) -> tuple[Node, ...]:
    """The nodes that the outputs rest on, each giving only what is read (or must be kept)."""
    needed = set(leaves(outputs))
    alive: list[Node] = []
    for node in reversed(nodes):
        kept = [
            (take, gives)
            for take, gives in zip(node.takes or (("", ""),) * len(node.gives), node.gives)
            if gives in needed or (node.stateful and take[1] == "last")
        ]
        if not any(gives in needed for _, gives in kept):
            continue
        needed |= set(node.needs)
        alive.append(
            replace(node, gives=tuple(g for _, g in kept), takes=tuple(k for k, _ in kept)
                    if node.takes else ())
        )  # fmt: skip
    return tuple(reversed(alive))


def _inputs_of(root: Spec) -> list[tuple[Axes, str]]:
    """The shapes and kinds of a model's inputs, from its configuration."""
    b = Builder(False, False)
    entries = _entries(root.place, root.config)
    if root.kind == "Sequential":
        first = entries[0]
        if isinstance(first, Mapping) and first.get("class_name") == "InputLayer":
            return [_check_input(b.spec(first, f"{root.place}, layer 1", ""))]
        if isinstance(first, Mapping) and first.get("class_name") in CONTAINERS:
            return _inputs_of(b.spec(first, f"{root.place}, layer 1", ""))
        shape = root.config.get("build_input_shape")
        if (
            shape is None
            and isinstance(first, Mapping)
            and isinstance(first.get("config"), Mapping)
        ):
            shape = first["config"].get("batch_input_shape", first["config"].get("batch_shape"))
        if shape is None:
            raise refuse(root.place, "the model is not built: it has no input shape")
        kind = "integer" if first.get("class_name") == "Embedding" else "float"
        return [(shape_of(shape, root.place), kind)]
    fail = lambda reason: refuse(root.place, reason)  # noqa: E731
    found = []
    for name, _, _ in _references(root.config.get("input_layers"), fail):
        entry = next((e for e in entries if isinstance(e, Mapping) and name in
                      (e.get("name"), (e.get("config") or {}).get("name")
                       if isinstance(e.get("config"), Mapping) else None)), None)  # fmt: skip
        if entry is None:
            raise fail(f"its input {shown(name)} is not among its layers")
        found.append(_check_input(b.spec(entry, f"{root.place}, input", "")))
    return found


def _input_names(root: Spec, count: int) -> list[str]:
    if root.kind in CONTAINERS and root.kind != "Sequential":
        references = root.config.get("input_layers")
        if isinstance(references, list):
            flat = [references] if isinstance(references[0], str) else references
            return [str(r[0]) for r in flat]
    return ["input"] if count == 1 else [f"input_{chr(97 + i)}" for i in range(count)]
