"""The noun for a whole model: cells run over time, and operations between them, in one order.

A `Cell` is one step. A model of a framework has several, runs some of them backwards, takes the
last step, repeats, flattens, pools. A `Model` says this as a list of nodes: each reads named values
and gives named values. Every node with equations holds a `Cell`; the others name one of the
operations on sequences of `numeric/operations.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

from sympy import Integer

from .errors import InputError
from .front import verb
from .names import code_of
from .nouns import Cell, Variable

#: Axes of a value, without that of the samples; None for a number of steps that is left open.
Axes = tuple[int | None, ...]


@dataclass(frozen=True)
class Value:
    """What a node reads or gives: `axes` without samples, `kind` float, integer or mask."""

    name: str
    axes: Axes
    kind: str = "float"


@dataclass(frozen=True)
class Weight:
    """An array of a model.

    Attributes:
        key: plain identifiers joined by dots, such as `lstm.kernel`.
        shape: of the array, as the framework has it.
        array: what the framework calls it.
        layer: the plain name of the layer that it belongs to.
        trainable: whether training changes it.
    """

    key: str
    shape: tuple[int, ...]
    array: str
    layer: str
    trainable: bool = True

    @property
    def size(self) -> int:
        product = 1
        for axis in self.shape:
            product *= axis
        return product


@dataclass(frozen=True)
class Place:
    """Where a parameter of a cell is: in which array, and which block of it.

    Attributes:
        key: of the weight.
        row: the row of a bias that has several, else None.
        column, columns: which block of columns, of how many.
    """

    key: str
    row: int | None = None
    column: int = 0
    columns: int = 1

    def index(self, shape: tuple[int, ...]) -> tuple[Any, ...]:
        """The block as an index of an array of that shape."""
        width = shape[-1] // self.columns
        part = slice(self.column * width, (self.column + 1) * width)
        lead = (self.row,) if self.row is not None else (slice(None),) * (len(shape) - 1)
        return (*lead, part)

    def words(self, array: str, axes: int, width: Any = "M") -> str:
        """The block as Python writes it: `kernel[:, M:2*M]`; `width` is a symbol or a number."""
        if self.columns == 1 and self.row is None:
            return array
        lead = f"{self.row}, " if self.row is not None else ":, " * (axes - 1)
        if self.columns == 1:
            return f"{array}[{lead.removesuffix(', ')}]"
        return f"{array}[{lead}{_times(self.column, width)}:{_times(self.column + 1, width)}]"


def _times(count: int, width: Any) -> str:
    if isinstance(width, int):
        return str(count * width)
    return "0" if count == 0 else width if count == 1 else f"{count}*{width}"


@dataclass(frozen=True)
class Node:
    """A layer at work, or a part of one.

    Attributes:
        name: a plain identifier.
        layer: the plain name of the layer that it comes from.
        kind: the layer's class, such as LSTM.
        reads: the values that it reads; of equations, one for each input of the cell.
        gives: the values that it gives.
        cell: the equations, or None for an operation.
        steps: whether the equations run over the steps of a sequence; else each vector is for
            itself, and no index t is written.
        backwards: whether the steps are taken from the last to the first, and given in that order.
        takes: of each given value, the variable that it is, and whether "all" its steps or the
            "last" one.
        initial: the initial states that are not zero, as values.
        places: where each parameter is.
        stateful: whether the states stay from call to call.
        operation: the name of the operation; `options` are its arguments.
        note: one sentence for people; may be empty.
        spec: of a recurrent part, the framework's configuration of its layer.
    """

    name: str
    layer: str
    kind: str
    reads: tuple[str, ...]
    gives: tuple[str, ...]
    cell: Cell | None = None
    steps: bool = True
    backwards: bool = False
    takes: tuple[tuple[str, str], ...] = ()
    initial: Mapping[str, str] = field(default_factory=dict, hash=False)
    places: Mapping[str, Place] = field(default_factory=dict, hash=False)
    stateful: bool = False
    operation: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    note: str = ""
    spec: Any = field(default=None, hash=False, compare=False)

    @property
    def needs(self) -> tuple[str, ...]:
        """Every value that must be there before: what is read, and the initial states."""
        return (*self.reads, *self.initial.values())


@dataclass(frozen=True)
class Layer:
    """A layer as the model's author made it.

    Attributes:
        name: a plain identifier, used inside.
        title: what the author called it; text of a stranger.
        kind: its class.
        axes: of its first output.
        words: its options in words, such as "tanh, 5 units, dropout 0.2 in training".
        count: of its parameters; `formula` is the same in sizes.
        box: whether it is not covered: only its name and its size are known.
        inner: whether it is within another layer or model of the model.
    """

    name: str
    title: str
    kind: str
    axes: Axes | None = ()
    words: str = ""
    count: int = 0
    formula: str = ""
    box: bool = False
    inner: bool = False

    @property
    def shape(self) -> str:
        """Of its first output, with N samples and T steps, such as "(N, T, 5)"."""
        if self.axes is None:
            return "not told"
        return f"({', '.join(['N', *('T' if a is None else str(a) for a in self.axes)])})"


@dataclass(frozen=True)
class Model:
    """Nodes in an order in which they can be computed, with the weights they read.

    Attributes:
        name: a plain identifier; `title` is what its author called it.
        inputs: what is given to it.
        nodes: what is computed.
        outputs: the names of what it gives, as a name or a nested tuple of names.
        weights: the arrays, in the framework's order; `values` are the model's own numbers.
        kept: of a live stateful model, the states that it is in, by node and state.
        layers: the layers, as its author made them.
        states: the initial states that a call may give, as values, nested as the framework has
            them; empty if it takes none.
        dropout: the dropout masks that a call must give, as values (in training only).
        masked: for each input, whether a mask is given with it.
        training: whether these are the equations of training.
        dtype: of the weights.
        variant: makes the same model with a mask, or in training.
        spec: what the framework needs to build it again.
        live: the layer or model itself, if it was read from one.
        origin: what wrote the file that it was read from, where that needed a translation.
        bare: whether it is a cell that is seen as a model: its one part stands for itself.
        without: of a model with boxes, makes the model without them: what a box gives is an input
            there, and what it reads is an output; and names the values that are these inputs.
        around: of a live model with boxes, what each of them gives for inputs of the model.
    """

    name: str
    title: str
    inputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: Any
    weights: tuple[Weight, ...]
    values: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False)
    kept: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False, compare=False)
    layers: tuple[Layer, ...] = ()
    shapes: Mapping[str, Value] = field(default_factory=dict, hash=False)
    states: Any = ()
    dropout: tuple[Value, ...] = ()
    masked: tuple[bool, ...] = ()
    training: bool = False
    dtype: str = "float32"
    variant: Callable[..., Model] | None = field(default=None, hash=False, compare=False)
    spec: Any = field(default=None, hash=False, compare=False)
    live: Any = field(default=None, hash=False, compare=False)
    origin: str = ""
    bare: bool = False
    without: Callable[[Model], tuple[Model, tuple[str, ...]]] | None = field(
        default=None, hash=False, compare=False
    )
    around: Callable[..., Mapping[str, Any]] | None = field(default=None, hash=False, compare=False)

    def __getstate__(self) -> dict[str, Any]:
        # The framework's own object stays in the process that it lives in.
        return {**self.__dict__, "live": None, "around": None}

    def __copy__(self) -> Model:
        return replace(self)

    def __deepcopy__(self, memo: Any) -> Model:
        return replace(self, values=deepcopy(self.values, memo), kept=deepcopy(self.kept, memo))

    @property
    def equations(self) -> Iterator[Node]:
        """The nodes that have equations."""
        return (node for node in self.nodes if node.cell is not None)

    @property
    def parameter_count(self) -> int:
        """Of the layers that have equations; a box's own are in its `Layer`."""
        return sum(weight.size for weight in self.weights)

    @property
    def boxes(self) -> tuple[Layer, ...]:
        """The layers that are not covered: nothing is said of them but their names and sizes."""
        return tuple(layer for layer in self.layers if layer.box)

    @property
    def coverage(self) -> str:
        """How much of the model is explained, such as "4 of 5 layers explained"."""
        layers = [layer for layer in self.layers if not layer.inner]
        return f"{len(layers) - len(self.boxes)} of {len(layers)} layers explained"

    def node(self, name: str) -> Node:
        """A node by name.

        Raises:
            InputError: if there is none of that name.
        """
        for node in self.nodes:
            if node.name == name:
                return node
        raise InputError(f"{self.name} has no part '{name}'; it has "
                         f"{', '.join(n.name for n in self.nodes)}")  # fmt: skip

    def of_layer(self, name: str) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.layer == name)

    def layer(self, name: str) -> Layer:
        return next(layer for layer in self.layers if layer.name == name)

    def with_mask(self, masked: bool | tuple[bool, ...] = True) -> Model:
        """The model as it is when a mask is given with its inputs."""
        assert self.variant is not None
        given = masked if isinstance(masked, tuple) else (masked,) * len(self.inputs)
        return self._variant(given, self.training)

    def in_training(self) -> Model:
        """The model as it is in training: with its dropout masks in the formulas."""
        return self._variant(self.masked, True)

    def _variant(self, masked: tuple[bool, ...], training: bool) -> Model:
        if masked == self.masked and training == self.training:
            return self
        if self.boxes:
            raise InputError(
                f"{self.name}: {self.boxes[0].name} ({self.boxes[0].kind}) is not covered, so "
                "nothing tells what it does with a mask or in training"
            )
        assert self.variant is not None
        other = self.variant(masked, training)
        return replace(
            other, values=self.values, kept=self.kept, live=self.live, origin=self.origin
        )

    def parameters(self, node: Node, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The parameters of a node's cell: parts of the model's arrays, or of other `values`."""
        arrays = self.values if values is None else values
        found = {}
        for name, place in node.places.items():
            array = arrays[place.key]
            found[name] = array[place.index(array.shape)]
        return found

    def __str__(self) -> str:
        return str(verb("to_text")(self))

    def _repr_latex_(self) -> str:
        return str(verb("to_latex")(self, display=True))


def seen(subject: Cell | Model) -> Model:
    """A cell as a model of one part, which reads its inputs and gives its output; a model itself.

    The sizes of its arrays are those of the cell, and may be symbols.
    """
    if isinstance(subject, Model):
        return subject
    cell, name = subject, subject.name
    output = cell.output.name
    part = Node(
        name, name, "cell",
        reads=tuple(v.name for v in cell.inputs),
        gives=(output,),
        cell=cell,
        takes=((output, "all"),),
        initial={v.name: code_of(v.name, Integer(0)) for v in cell.states},
        places={v.name: Place(v.name) for v in cell.parameters},
    )  # fmt: skip
    sized = {symbol: Integer(n) for symbol, n in cell.sizes.items()}

    def axes(v: Variable) -> tuple[Any, ...]:
        return tuple(s.xreplace(sized) for s in cell.shown_shape(v))

    return Model(
        name, cell.title or name,
        inputs=tuple(Value(v.name, (None, *axes(v))) for v in cell.inputs),
        nodes=(part,),
        outputs=output,
        weights=tuple(Weight(v.name, axes(v), v.name, name) for v in cell.parameters),
        layers=(Layer(name, cell.title or name, "cell"),),
        bare=True,
    )  # fmt: skip


def filled(nested: Any, values: Mapping[str, Any]) -> Any:
    """A nested tuple of names as a nested list of what they stand for."""
    if isinstance(nested, str):
        return values[nested]
    return [filled(part, values) for part in nested]


def leaves(nested: Any) -> list[Any]:
    """What stands in a nested list, in order."""
    if isinstance(nested, (list, tuple)):
        return [leaf for part in nested for leaf in leaves(part)]
    return [nested]
