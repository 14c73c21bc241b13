"""The builder of models: what it knows while layers are called, and the rule of Keras's masks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from ...models import Axes, Layer, Node, Place, Value, Weight
from ...names import fault_of
from ...nouns import Cell
from .options import (
    Options,
    refuse,
    shown,
)

if TYPE_CHECKING:
    from .boxes import Box, Output

#: No model with more numbers than this is believed (1 GB in float64).
MOST_NUMBERS = 2**27
MOST_LAYERS = 2_000
#: Of calls of layers: a layer called many times, within another, within another, is many.
MOST_NODES = 4_000
#: Of the cells within one step.
MOST_CELLS = 64
DEEPEST = 8


@dataclass(frozen=True)
class Spec:
    """A layer of a configuration.

    Attributes:
        kind: its class, one of those that are covered.
        config: its options, of a stranger.
        title: what it is called there.
        place: where it stands, for messages.
        ident: a plain identifier, unique in the model.
        store: its group in the weights of a `.keras` file.
        item: the whole entry, to build it again.
        owner: of a layer inside of a wrapper that is one layer to people: the wrapper's identifier.
        order: where it stands among all layers, as Keras orders their arrays.
        refusal: of a layer that is not covered and becomes a box: why.
    """

    kind: str
    config: Mapping[str, Any]
    title: str
    place: str
    ident: str
    store: str
    item: Mapping[str, Any]
    owner: str = ""
    order: tuple[int, ...] = ()
    refusal: str = ""

    @property
    def layer(self) -> str:
        """The layer that people see it as."""
        return self.owner or self.ident

    @property
    def options(self) -> Options:
        return Options(self.config, self.place)


@dataclass
class Tensor:
    """A value while a model is built, with the mask that Keras would attach to it.

    Behind a layer that is not covered nothing may tell the axes (kind UNTOLD) or the mask (a mask
    of that kind).
    """

    name: str
    axes: Axes
    kind: str = "float"
    mask: Tensor | None = None

    @property
    def width(self) -> int:
        return self.axes[-1] or 0


@dataclass
class Call:
    """A layer called: what it is given."""

    spec: Spec
    inputs: list[Tensor]
    states: list[Tensor] | None = None
    mask: Tensor | None = None

    @property
    def x(self) -> Tensor:
        if len(self.inputs) != 1:
            raise refuse(self.spec.place, f"it takes one input, not {len(self.inputs)}")
        return self.inputs[0]

    def refuse(self, reason: str) -> InputError:
        return refuse(self.spec.place, reason)


Handler = Callable[["Builder", Call, Options], Any]


@dataclass(frozen=True)
class Covered:
    """A class that is covered: its modules, what builds it, and what becomes of a mask."""

    build: Handler
    modules: tuple[str | None, ...]
    keeps_mask: bool | None


#: Every class that is covered, found by the functions below.
COVERED: dict[str, Covered] = {}
LAYER_MODULES = ("keras.layers", None)
#: The classes that are models.
CONTAINERS = ("Sequential", "Functional", "Model")


def covers(
    *kinds: str, keeps_mask: bool | None = False, modules: tuple[str | None, ...] = LAYER_MODULES
) -> Callable[[Handler], Handler]:
    """Register what builds these classes; `keeps_mask` None says that it sets the masks itself."""

    def add(build: Handler) -> Handler:
        for kind in kinds:
            COVERED[kind] = Covered(build, modules, keeps_mask)
        return build

    return add


def _fresh(name: str, taken: dict[str, int]) -> str:
    """A name that is not taken yet: the same, or with a number."""
    found = name
    while found in taken:
        taken[name] += 1
        found = f"{name}_n{taken[name]}"
    taken[found] = 1
    return found


def covered() -> list[str]:
    """The classes of Keras that are covered."""
    return sorted(k for k in COVERED if not k.startswith("op:"))


#: The kind of what nothing tells about.
UNTOLD = "untold"
#: Layers whose numbers depend on a mask.
_LOOK_AT_MASKS = ("SimpleRNN", "LSTM", "GRU", "RNN", "Bidirectional", "Multiply", "Softmax",
                  "GlobalAveragePooling1D", "TimeDistributed", *CONTAINERS)  # fmt: skip
#: Layers that need to know the width of what they read.
_WIDE = ("SimpleRNN", "LSTM", "GRU", "RNN", "Bidirectional", "Dense", "LayerNormalization",
         "BatchNormalization", "Masking", "TimeDistributed")  # fmt: skip


# --- the builder


class Builder:
    """Collects nodes and weights while a model's layers are called one after the other."""

    def __init__(self, training: bool, ports: bool) -> None:
        self.training = training
        self.ports = ports
        #: Of a live model: what its calls give, by layer and call.
        self.told: Mapping[tuple[str, int], tuple[Output, ...]] | None = None
        #: The calls of layers that are not covered, and the same model without them.
        self.boxes: dict[tuple[str, int], Box] = {}
        #: Whether a box reads what is masked; the place of a product of what is masked.
        self.unmasking = False
        self.multiplied = ""
        self.rest: tuple[Mapping[str, Any], tuple[str, ...]] | None = None
        self.nodes: list[Node] = []
        self.weights: dict[str, Weight] = {}
        self.orders: dict[str, tuple[int, ...]] = {}
        self.stores: dict[str, str] = {}
        self.layers: dict[str, Layer] = {}
        self.shapes: dict[str, Value] = {}
        self.dropout: list[Value] = []
        self.states: Any = ()
        self.implementations: Mapping[str, int] = {}
        self.dtypes: set[str] = set()
        self.depth = 0
        self._numbers = 0
        self._idents: set[str] = set()
        #: The layers inside of a wrapper or model, so that one that is called twice is the same.
        self.sides: dict[tuple[int, str], Spec] = {}
        self.inner: dict[int, list[Any]] = {}
        self.said: dict[str, str] = {}
        #: Whether steps are samples here, which recurrent layers were called, what is looked up.
        self.folded = 0
        self.kept: set[str] = set()
        self.tokens: set[str] = set()
        self._values: dict[str, int] = {}
        self._nodes: dict[str, int] = {}

    # names

    def spec(
        self, item: Any, place: str, store: str, prefix: str = "", order: tuple[int, ...] = ()
    ) -> Spec:
        """A layer's entry, checked: an exact class of an exact module, and a name in plain text."""
        if not isinstance(item, Mapping):
            raise refuse(place, "it is no layer")
        kind, module, config = (item.get(k) for k in ("class_name", "module", "config"))
        known = COVERED.get(kind) if isinstance(kind, str) else None
        config = config if isinstance(config, Mapping) else {}
        title = config.get("name", kind)
        place = f"{place} {shown(title)}" if isinstance(title, str) else place
        if known is None or module not in known.modules:
            where = f"{module}.{kind}" if module else str(kind)
            raise refuse(place, f"layer {shown(where)} is not covered")
        if not isinstance(item.get("config"), Mapping):
            raise refuse(place, "its configuration is no table of options")
        registered = item.get("registered_name")
        if registered not in (None, kind, f"keras>{kind}"):
            raise refuse(place, f"{shown(registered)} is a custom object: refused")
        if not isinstance(title, str) or not title or len(title) > 200 or not title.isprintable():
            raise refuse(place, "its name is no plain text of at most 200 characters")
        if not isinstance(config.get("trainable", True), bool):
            raise refuse(place, f"trainable {shown(config['trainable'])} is neither true nor false")
        assert isinstance(kind, str)
        ident = self._ident(f"{prefix}{title}")
        return Spec(kind, config, title, place, ident, store, item, order=order)

    def name(self, title: str) -> str:
        """A plain identifier for what an operation gives."""
        return self._ident(title)

    def _ident(self, title: str) -> str:
        words = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:24].strip("_") or "layer"
        base = words if words[0].isalpha() and fault_of(words) is None else f"layer_{words}"
        if fault_of(base) is not None:
            base = "layer"
        ident, count = base, 1
        while ident in self._idents:
            count += 1
            ident = f"{base}_n{count}"
        self._idents.add(ident)
        return ident

    def value(self, name: str, axes: Axes, kind: str = "float") -> Tensor:
        """A new value; its name gets a number if there is one of that name."""
        found = _fresh(name, self._values)
        self.shapes[found] = Value(found, axes, kind)
        return Tensor(found, axes, kind)

    # weights

    def weight(
        self, spec: Spec, array: str, shape: tuple[int, ...], index: int, store: str = "",
        key: str = "", trainable: bool = True,
    ) -> str:  # fmt: skip
        """Register an array of a layer: its key. A layer called twice has its arrays once."""
        key = f"{key or spec.ident}.{array}"
        weight = Weight(key, shape, array, spec.layer, trainable and spec.options.trainable)
        if key in self.weights:
            if self.weights[key].shape != shape:
                raise refuse(spec.place, f"it is called with two widths ({array})")
            return key
        self._numbers += weight.size
        if self._numbers > MOST_NUMBERS:
            raise refuse(
                spec.place, f"the model claims more than {MOST_NUMBERS:,} numbers up to here"
            )
        self.weights[key] = weight
        self.orders[key] = (*spec.order, len(self.orders))
        self.stores[key] = f"{store or spec.store}/vars/{index}"
        return key

    # nodes

    def node_name(self, base: str) -> str:
        """A name for a new node, unless there are too many."""
        if len(self.nodes) >= MOST_NODES:
            raise InputError(f"the model calls more than {MOST_NODES:,} layers")
        return _fresh(base, self._nodes)

    def operation(
        self, call: Call, name: str, reads: list[Tensor], axes: Axes, kind: str = "float",
        called: str = "", places: Mapping[str, Place] | None = None, note: str = "",
        **options: Any,
    ) -> Tensor:  # fmt: skip
        """Add an operation that gives one value."""
        called = called or call.spec.ident
        out = self.value(called, axes, kind)
        self.nodes.append(
            Node(self.node_name(called), call.spec.layer, call.spec.kind,
                 tuple(r.name for r in reads), (out.name,), places=places or {}, operation=name,
                 options=options, note=note)
        )  # fmt: skip
        return out

    def rows(
        self, call: Call, cell: Cell, reads: list[Tensor], width: int, called: str = "",
        places: Mapping[str, Place] | None = None, note: str = "",
    ) -> Tensor:  # fmt: skip
        """Add equations without a state, for each vector by itself."""
        called = called or call.spec.ident
        axes = max((r.axes for r in reads), key=len)  # a mask has no width
        if not axes or axes[-1] is None:
            raise call.refuse("the width of what it reads is not known")
        out = self.value(called, (*axes[:-1], width))
        cell = replace(cell, name=self._cell_name(called))
        self.nodes.append(
            Node(self.node_name(called), call.spec.layer, call.spec.kind,
                 tuple(r.name for r in reads), (out.name,), cell, steps=len(axes) > 1,
                 takes=((cell.output.name, "all"),), places=places or {}, note=note)
        )  # fmt: skip
        return out

    def _cell_name(self, name: str) -> str:
        return name[:32].strip("_")

    def mask_of(self, call: Call, x: Tensor) -> Tensor:
        """A mask that counts every step, for what has none."""
        return self.operation(call, "step mask", [x], (x.axes[0],), "mask",
                              f"{call.spec.ident}_mask")  # fmt: skip

    # calling layers

    def call(self, call: Call) -> list[Any]:
        """Call a layer: what it gives, as a nested list of tensors, with the masks of Keras.

        The rule of masks is that of `keras.layers.Layer.__call__`: a layer with a single tensor
        argument takes the mask of what it reads, one with initial states beside it does not.
        """
        known = COVERED[call.spec.kind]
        options = call.spec.options
        if call.spec.kind not in CONTAINERS:
            self.dtypes.add(options.dtype()) if call.spec.kind != "InputLayer" else None
        explicit = call.mask is not None
        if not explicit and call.states is None and len(call.inputs) == 1:
            call.mask = call.inputs[0].mask
        if call.mask is not None and call.mask.kind not in ("mask", UNTOLD):  # all but 0 counts
            call.mask = self.operation(call, "differs", [call.mask], call.mask.axes, "mask",
                                       f"{call.spec.ident}_mask", value=0.0)  # fmt: skip
        if call.mask is not None and len(call.mask.axes) > 2:
            raise call.refuse(f"a mask with {len(call.mask.axes) + 1} axes is not covered")
        self._refuse_untold(call)
        for x in call.inputs:
            if x.kind == "float" and x.axes and x.axes[-1] is None and call.spec.kind in _WIDE:
                raise call.refuse("the width of what it reads is not known")
        before = call.mask or (call.inputs[0].mask if len(call.inputs) == 1 else None)
        if call.mask is not None and call.mask.kind == UNTOLD:
            call.mask = None  # this layer does not look at it
        found = known.build(self, call, options)
        options.done()
        outputs = found if isinstance(found, list) else [found]
        if known.keeps_mask is not None:
            outputs[0] = replace(outputs[0], mask=before if known.keeps_mask else None)
        self._note(call, outputs)
        return outputs

    def _refuse_untold(self, call: Call) -> None:
        """Refuse what rests on something that a layer that is not covered does not tell."""
        for x in call.inputs:
            if x.kind == UNTOLD:
                box = self._box_of(x.name)
                raise InputError(f"{box.refusal}; nothing tells the shape of what it gives, which "
                                 f"{call.spec.ident} reads")  # fmt: skip
        if call.spec.kind not in _LOOK_AT_MASKS:
            return
        for mask in (call.mask, *(x.mask for x in call.inputs if call.mask is None)):
            if mask is not None and mask.kind == UNTOLD:
                box = self._box_of(mask.name)
                raise InputError(f"{box.refusal}; a mask may reach {call.spec.ident} through it")

    def _box_of(self, value: str) -> Box:
        return next(b for b in self.boxes.values() if value in b.node.gives)

    def _note(self, call: Call, outputs: list[Any]) -> None:
        """Enter the layer in the summary."""
        spec = call.spec
        if spec.ident in self.layers:
            return
        first = outputs[0]
        while isinstance(first, list):
            first = first[0]
        count = sum(w.size for w in self.weights.values() if w.layer == spec.ident)
        words = self.said.pop(spec.ident, "")
        inner = len(spec.order) > 1 or any(spec is side for side in self.sides.values())
        self.layers[spec.ident] = Layer(
            spec.ident, spec.title, spec.kind, first.axes, words, count, inner=inner
        )

    def say(self, spec: Spec, words: str) -> None:
        """What is said of a layer in the summary."""
        self.said[spec.ident] = words


def unique_names(kinds: list[str]) -> list[str]:
    """Names as Keras's files have them: the class in snake case, numbered if it comes again."""
    counts: dict[str, int] = {}
    names = []
    for kind in kinds:
        name = snake(kind)
        again = counts.get(name, 0)
        counts[name] = again + 1
        names.append(f"{name}_{again}" if again else name)
    return names


def snake(name: str) -> str:
    """Keras's own rule (`keras.src.utils.naming.to_snake_case`)."""
    name = re.sub(r"\W+", "", name)
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()
