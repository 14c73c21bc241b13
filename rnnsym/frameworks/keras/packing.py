"""How a cell of the catalogue is packed into the arrays of a Keras layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...models import Place

Array = NDArray[Any]


@dataclass(frozen=True)
class Layer:
    """A Keras layer and how a cell of the catalogue is packed into it.

    Attributes:
        name: the class in `keras.layers`.
        arrays: in the order of `get_weights()`: Keras's name of each array and, row by row, the
            cell's parameters side by side in it.
        options: arguments of the constructor that make the layer this cell.
        recurrent: whether it is given initial states and returns sequences.
    """

    name: str
    arrays: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    options: tuple[tuple[str, Any], ...] = ()
    recurrent: bool = True

    @property
    def words(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self.options)
        return f"keras.layers.{self.name}" + (f"({options})" if options else "")

    @property
    def places(self) -> Iterator[tuple[str, Place]]:
        """Every parameter of the cell and the block of an array that it is."""
        for array, rows in self.arrays:
            for i, names in enumerate(rows):
                for j, name in enumerate(names):
                    yield name, Place(array, i if len(rows) > 1 else None, j, len(names))

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.places)

    def pack(self, values: Mapping[str, Any]) -> list[Array]:
        """Keras's arrays from the cell's parameters; those that are not given are left out."""
        packed = []
        for array, rows in self.arrays:
            found = [[np.asarray(values[n]) for n in names if n in values] for names in rows]
            if not found[0]:
                continue
            if array == "bias":
                joined = [np.concatenate([v.reshape(-1) for v in row]) for row in found]
                packed.append(np.stack(joined) if len(joined) > 1 else joined[0])
            else:
                first = found[0]
                packed.append(np.concatenate(first, axis=-1) if len(first) > 1 else first[0])
        return packed

    def unpack(self, arrays: Mapping[str, Array]) -> dict[str, Array]:
        """The cell's parameters from Keras's arrays by name, as views of them."""
        return {
            name: arrays[place.key][place.index(arrays[place.key].shape)]
            for name, place in self.places
            if place.key in arrays
        }


_GATES = ("kernel", "recurrent_kernel", "bias")


def _gated(gates: str, *biases: str) -> tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]:
    """Kernel, recurrent kernel and bias of gates that stand side by side."""
    rows = [("W",), ("U",), biases]
    return tuple(
        (array, tuple(tuple(f"{letter}_{g}" for g in gates) for letter in letters))
        for array, letters in zip(_GATES, rows)
    )


#: The packing of each layer of Keras that the catalogue has as a cell. The orders of the gates are
#: read in Keras's source (`layers/rnn/lstm.py`, `gru.py`): i, f, c, o and z, r, h; a GRU that
#: resets after the product has two rows of bias, for the input and for the recurrent product.
LAYERS = {
    "simple_rnn": Layer(
        "SimpleRNN",
        (("kernel", (("W",),)), ("recurrent_kernel", (("U",),)), ("bias", (("b",),))),
    ),
    "dense": Layer("Dense", (("kernel", (("V",),)), ("bias", (("c",),))), recurrent=False),
    "lstm": Layer("LSTM", _gated("ifgo", "b")),
    "gru": Layer("GRU", _gated("zrh", "b", "d")),
    "gru_reset_before": Layer("GRU", _gated("zrh", "b"), (("reset_after", False),)),
}

__all__ = ["LAYERS", "Layer"]
