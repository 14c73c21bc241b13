"""Keras: how our cells are packed into its layers, its numbers, and its models.

The only room that imports Keras and TensorFlow, and only inside functions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import InputError
from ...models import Model as ModelNoun
from .packing import LAYERS, Layer
from .witness import Model, Part, load, parts


def from_keras(subject: Any) -> ModelNoun:
    """Read a Keras model: a live layer or model, or a `.keras` or `.h5` file.

    A file is read by our own reader; Keras's deserialiser is never called on it, and TensorFlow is
    not imported. What is not covered is refused by its name and place. A live stateful layer is
    read with the states that it is in.

    Args:
        subject: the layer, model, or path.

    Returns:
        The model as equations, with its own numbers; `rnnsym.lambdify`, `backpropagate`,
        `to_latex` and `verify` take it.

    Raises:
        InputError: one line that names what is not covered, or what is wrong with the file.
    """
    from .live import from_live, is_live

    if isinstance(subject, (str, Path)):
        from .files import from_file

        return from_file(Path(subject))
    if is_live(subject):
        return from_live(subject)
    raise InputError(
        f"from_keras takes a Keras layer or model, or a path, not {type(subject).__name__}"
    )


__all__ = ["LAYERS", "Layer", "Model", "Part", "from_keras", "load", "parts"]
