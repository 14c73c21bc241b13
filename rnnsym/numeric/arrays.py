"""What users give as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def array_of(value: Any, dtype: Any = None) -> NDArray[Any] | None:
    """A plain array of numbers, or None for anything else.

    Ragged lists, texts and objects are none; neither is a masked array, whose mask would be lost.
    """
    if isinstance(value, np.ma.MaskedArray):
        return None
    try:
        array = np.asarray(value, dtype)
    except Exception:  # an object's own conversion may raise anything
        return None
    return array if array.dtype.kind in "fiub" else None
