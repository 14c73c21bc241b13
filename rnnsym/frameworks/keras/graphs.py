"""Keras's models: a sequence of layers, a graph of calls, and the operations that make masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

from ...errors import InputError
from ...models import Axes, Layer, Model, Node, Value, leaves
from . import layers as _layers  # noqa: F401  its functions register themselves
from .arithmetic import KINDS, arithmetic
from .boxes import (
    Box,
    Output,
    Reference,
    as_graph,
    boxable,
    boxable_operation,
    ends_masks,
    makes_masks,
    sized,
    title_of,
    without,
)
from .builder import (
    CONTAINERS,
    DEEPEST,
    MOST_LAYERS,
    MOST_NODES,
    MOST_NUMBERS,
    UNTOLD,
    Builder,
    Call,
    Spec,
    Tensor,
    covers,
    unique_names,
)
from .layers import MERGES
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
            words = f"{refusal}{_by_itself(spec, kinds) if b.depth == 1 else ''}"
            if b.depth > 1 or b.ports or not boxable(entry, b.told is not None):
                raise InputError(words) from None
            found.append(_boxed(b, spec, entry, i, f"{store}layers/{name}", words))
            continue
        if b.depth == 1 and not b.ports and boxable(entry, b.told is not None):  # holds one
            words = f"{found[-1].place}: it holds a layer that is not covered"
            way = _by_itself(spec, kinds)
            found[-1] = replace(found[-1], refusal=f"{words}{way}")
    b.inner[key] = found
    return found


def _boxed(
    b: Builder, spec: Spec, entry: Mapping[str, Any], i: int, store: str, words: str
) -> Spec:
    """A layer that is not covered, by its name and class."""
    config = entry.get("config")
    config = config if isinstance(config, Mapping) else {}
    kind = str(entry["class_name"])
    title = title_of(entry) or kind
    if not isinstance(title, str) or not title or len(title) > 200 or not title.isprintable():
        raise InputError(words)
    return Spec(kind, config, title, f"{spec.place}, layer {i + 1} {shown(title)}", b.name(title),
                store, entry, order=(*spec.order, i), refusal=words)  # fmt: skip


def _by_itself(spec: Spec, kinds: list[Any]) -> str:
    """The way out where one layer is not covered: another one can be read without its model."""
    sequence = spec.kind == "Sequential" or spec.config.get("sequence")
    listed = [k for k in kinds if not (sequence and k == "InputLayer")]
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


#: The kind of an array by its dtype.
KINDS_OF_DTYPES = {"float32": "float", "float64": "float", "bool": "mask"} | {
    f"{u}int{bits}": "integer" for u in ("", "u") for bits in (8, 16, 32, 64)
}


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
    kind = KINDS_OF_DTYPES.get(dtype) if isinstance(dtype, str) else None
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
    if prod(axis or 1 for axis in shape) > MOST_NUMBERS:
        raise refuse(place, f"shape {shown(shape)} claims more than {MOST_NUMBERS:,} numbers")
    return tuple(shape[1:])


@covers("Functional", "Model", keeps_mask=None, modules=_MODELS)
def _functional(b: Builder, call: Call, o: Options) -> list[Any]:
    for name in ("layers", "input_layers", "output_layers", "sequence"):
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
        #: What the calls that read an output of a layer record of it.
        self.recorded: dict[Reference, list[Mapping[str, Any]]] = {}

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
        outputs = _references(self.config.get("output_layers"), self._fail)
        models = {n for s, n in zip(self.specs, names)
                  if isinstance(s, Spec) and s.kind in ("Functional", "Model")}  # fmt: skip
        # In this list alone Keras counts a call that such a model is made with.
        outputs = [(name, node - (name in models), index) for name, node, index in outputs]
        self._record([e.get("inbound_nodes") for e in entries], outputs)
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
                self.found[name, i] = self._at_work(spec, name, i, node)
            waiting = [w for w in waiting if (w[1], w[2]) not in self.found]
        if self.b.boxes and self.b.depth == 1:
            kinds = {(*at, i): x.kind for at, row in self.found.items() for i, x in enumerate(row)}
            self.b.rest = without(
                self.call.spec.item, self.b.boxes, inputs, outputs, kinds, models,
                lambda calls: _tensors(calls, self._fail),
            )  # fmt: skip
        return [self._value(reference) for reference in outputs]

    # what is not covered

    def _record(self, calls: list[Any], outputs: list[Reference]) -> None:
        """What is recorded of each tensor where it is read."""
        for config in _tensor_configs(calls):
            reference = _reference(config.get("keras_history"), self._fail)
            self.recorded.setdefault(reference, []).append(config)
        for reference in outputs:
            self.recorded.setdefault(reference, [])

    def _output(self, reference: Reference, place: str) -> Output:
        """What is recorded of an output of a box, by all that read it."""
        configs = self.recorded[reference]
        shapes = {tuple(s) for c in configs if isinstance(s := c.get("shape"), (list, tuple)) and s
                  and all(a is None or isinstance(a, int) for a in s)}  # fmt: skip
        if len(shapes) > 1:
            raise refuse(place, f"it is recorded to give {' and '.join(map(str, shapes))}")
        kinds = {KINDS_OF_DTYPES.get(str(c.get("dtype")), "float") for c in configs}
        axes = shape_of(shapes.pop(), place) if shapes else None
        return Output(axes, kinds.pop() if len(kinds) == 1 else "float")

    def _box(self, spec: Spec, name: str, i: int, node: Any) -> list[Tensor]:
        """A call of a layer that is not covered: what it gives has a name, and a size if told."""
        b = self.b
        references = _tensors(node, self._fail)
        axes = [None if x.kind == UNTOLD else x.axes for x in map(self._value, references)]
        references = list(dict.fromkeys(references))
        reads = [self._value(r) for r in references]
        told = (b.told or {}).get((name, i))
        here = sorted(k for n, call, k in self.recorded if (n, call) == (name, i))
        if not reads:
            raise refuse(spec.place, "it reads nothing of the model")
        gives = {k: self._output((name, i, k), spec.place) for k in here}
        # A live layer knows best, then the options; what a file records may be of another place.
        rule = sized(spec.kind, spec.config, axes) if told is None else None
        for k, output in gives.items():
            if told is not None and k < len(told):
                gives[k] = told[k]
            elif rule is not None and k == 0 and rule.axes is not None:
                gives[k] = replace(rule, kind=output.kind)
        first = told[0] if told else gives.get(0) or rule or Output(None)
        reading = any(x.mask is not None for x in reads)
        b.unmasking = b.unmasking or reading
        masked = reading and not ends_masks(spec.kind)
        masked = masked or makes_masks(spec.item)
        found = []
        for k in range(max(gives, default=0) + 1):
            output = gives.get(k, Output(None))
            x = b.value(spec.ident, output.axes or (), output.kind if output.axes else UNTOLD)
            if masked:
                x.mask = Tensor(x.name, (), UNTOLD)
            found.append(x)
        made = Node(b.node_name(spec.ident), spec.ident, spec.kind, tuple(r.name for r in reads),
                    tuple(x.name for x in found), operation="box",
                    options={"kind": spec.kind}, note=spec.refusal,
                    spec=((name, i), references))  # fmt: skip
        b.nodes.append(made)
        if spec.store:
            b.stores[spec.ident] = spec.store
        b.boxes[name, i] = Box(made, spec.refusal, references, gives)
        b.layers.setdefault(spec.ident, Layer(
            spec.ident, spec.title, spec.kind, first.axes,
            "not covered: a box", box=True))  # fmt: skip
        return found

    def _name(self, entry: Any) -> str:
        name = entry.get("name") if isinstance(entry, Mapping) else None
        if name is None and isinstance(entry, Mapping) and isinstance(entry.get("config"), Mapping):
            name = entry["config"].get("name")
        if not isinstance(name, str):
            raise self._fail("a layer has no name")
        if not name or len(name) > 200 or not name.isprintable():
            raise self._fail(f"a layer's name {shown(name)} is no plain text of at most 200 "
                             "characters")  # fmt: skip
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

    def _operation(self, entry: Any, name: str, args: Any, kwargs: Any) -> Tensor:
        args = [self._argument(a) for a in args]
        kwargs = {k: self._argument(v) for k, v in kwargs.items()}
        return _mask_operation(self.b, self.call, entry, name, args, kwargs)

    def _at_work(self, spec: Any, name: str, i: int, node: Any) -> list[Tensor]:
        if not isinstance(node, Mapping):
            raise self._fail(f"a call of {shown(name)} is not as Keras 3 writes it")
        args = node.get("args", [])
        kwargs = node.get("kwargs", {})
        if not isinstance(args, list) or not isinstance(kwargs, Mapping):
            raise self._fail(f"a call of {shown(name)} is not as Keras 3 writes it")
        if isinstance(spec, Spec) and spec.refusal:
            return self._box(spec, name, i, node)
        if not args:
            raise self._fail(f"a call of {shown(name)} without an argument by place is not covered")
        if not isinstance(spec, Spec):
            taken = set(self.b._idents)
            try:
                return [self._operation(spec, name, args, kwargs)]
            except InputError as refusal:
                kind, config = spec.get("class_name"), spec.get("config")
                if self.b.depth > 1 or self.b.ports or not boxable_operation(spec):
                    raise
                self.b._idents = taken  # nothing was added
                here = f"{self.call.spec.place}, operation {shown(name)}"
                box = Spec(str(kind), config if isinstance(config, Mapping) else {}, name, here,
                           self.b.name(name), "", spec, refusal=str(refusal))  # fmt: skip
                return self._box(box, name, i, node)
        args = [self._argument(a) for a in args]
        kwargs = {k: self._argument(v) for k, v in kwargs.items()}
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
        if self.b.depth == 1 and spec.kind in MERGES and len({x.axes for x in call.inputs}) > 1:
            words = f"{spec.place}: inputs of different shapes are not covered"
            return self._box(replace(spec, refusal=words), name, i, node)
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
        isinstance(n, int) and not isinstance(n, bool) and 0 <= n <= MOST_NODES
        for n in value[1:3]
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


def _tensor_configs(value: Any) -> Iterator[Mapping[str, Any]]:
    """What stands for each tensor that recorded calls read, in order."""
    stack = [value]
    while stack:
        item = stack.pop()
        if _is_tensor(item):
            config = item.get("config")
            yield config if isinstance(config, Mapping) else {}
        elif isinstance(item, Mapping):
            stack += reversed(list(item.values()))
        elif isinstance(item, list):
            stack += reversed(item)


def _tensors(value: Any, fail: Callable[[str], InputError]) -> list[Reference]:
    """Every tensor that a recorded call reads."""
    return [_reference(c.get("keras_history"), fail) for c in _tensor_configs(value)]


# --- the operations that Keras records where it computes masks

OPERATIONS = "keras.src.ops.numpy"


#: The operations on masks that are covered.
MASK_OPERATIONS = frozenset(
    ["NotEqual", "Any", "LogicalOr", "LogicalAnd", "LogicalNot", "ExpandDims", "Squeeze",
     "ZerosLike", "OnesLike", "Concatenate"]
)  # fmt: skip


#: What all modules of operations are below of.
_BELOW = "keras.src.ops."


def is_operation(entry: Any) -> bool:
    """Whether an entry of a graph is an operation, not a layer.

    A `.h5` file names no modules; an operation cannot be trained.
    """
    if not isinstance(entry, Mapping):
        return False
    if entry.get("module") is not None:
        return str(entry["module"]).startswith(_BELOW)
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
    given = [a for a in leaves([*args, *kwargs.values()]) if isinstance(a, Tensor)]
    if entry.get("module") not in (OPERATIONS, None) or any(x.kind == UNTOLD for x in given):
        raise refuse(place, f"operation {shown(kind)} is not covered")
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
    told: Mapping[tuple[str, int], tuple[Output, ...]] | None = None,
) -> tuple[Model, dict[str, str]]:  # fmt: skip
    """The model of a configuration, without numbers, and where each array is stored.

    Args:
        item: a model's or a layer's entry: `{"module", "class_name", "config"}`.
        input_axes: of a layer by itself, the shapes and kinds of what it reads.
        masked_inputs: for each input, whether a mask comes with it.
        training: make the equations of training.
        implementations: of live layers that have one that no file tells.
        told: of a live model, what its calls give.

    Raises:
        InputError: for what is not covered, with its name and place.
    """
    whole = isinstance(item, Mapping) and item.get("class_name") in CONTAINERS
    b = Builder(training, ports=not whole)
    b.implementations, b.told = implementations or {}, told
    root = b.spec(item, "model" if whole else "layer", "")
    kinds = input_axes if input_axes is not None else _inputs_of(root)
    names = _input_names(root, len(kinds))
    if root.kind == "Sequential" and any(
        boxable(e, told is not None) for e in _entries(root.place, root.config)
    ):
        graph = as_graph(item, *kinds[0])
        root = replace(root, kind="Functional", item=graph, config=graph["config"])
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
    alive = _alive(b.nodes, outputs, b)
    if b.unmasking and b.multiplied:
        # Attention takes the masks off what it reads, and a product looks at them when it runs.
        raise refuse(b.multiplied, "a product under a mask is not covered in a model with layers "
                                   "that are not covered and read masked arrays")  # fmt: skip
    if b.boxes and not any(n.cell is not None for n in alive):
        raise InputError(next(iter(b.boxes.values())).refusal)
    model = Model(
        name=root.ident, title=root.title, inputs=_kinds(given, b),
        nodes=alive,
        outputs=outputs, weights=tuple(sorted(b.weights.values(), key=lambda w: b.orders[w.key])),
        layers=layers, shapes=dict(b.shapes),
        states=b.states, dropout=tuple(b.dropout), masked=masks, training=training,
        dtype=next(iter(b.dtypes), "float32"),
        variant=partial(_variant, item, input_axes, implementations),
        spec=(item, kinds),
        without=partial(_without, *b.rest, implementations) if b.rest is not None else None,
    )  # fmt: skip
    return model, b.stores


def _without(
    item: Mapping[str, Any], names: tuple[str, ...], implementations: Mapping[str, int] | None,
    model: Model,
) -> tuple[Model, tuple[str, ...]]:  # fmt: skip
    """A model without its boxes, with the same numbers, and the values that it takes besides."""
    rest, _ = build(item, implementations=implementations)
    same = [w.shape for w in rest.weights] == [w.shape for w in model.weights]
    if not same:
        raise InputError(f"{model.name}: without its boxes it is another model")
    values = {w.key: model.values[old.key] for w, old in zip(rest.weights, model.weights)
              if old.key in model.values}  # fmt: skip
    return replace(rest, values=values, origin=model.origin), names


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
        if node.operation == "box" and any(g in needed for g in node.gives):
            needed |= set(node.needs)
            alive.append(node)  # its outputs are told apart by their place
            continue
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
