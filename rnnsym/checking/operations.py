"""Counting the multiply-adds that generated code really does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..numeric.compiling import compiled
from ..numeric.source import Source

_PRODUCTS = {np.matmul, np.vecmat, np.vecdot, getattr(np, "matvec", np.matmul)}


class Tally:
    """How many multiply-adds were done in matrix products."""

    def __init__(self) -> None:
        self.products = 0


class Counting(np.ndarray):
    """An array that tells a tally of every matrix product and outer product that it is in."""

    tally: Tally | None = None

    def __array_finalize__(self, other: Any) -> None:
        self.tally = getattr(other, "tally", None)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [np.asarray(i) if isinstance(i, Counting) else i for i in inputs]
        if "out" in options:
            options["out"] = tuple(np.asarray(o) for o in options["out"])
        result = getattr(ufunc, method)(*plain, **options)
        tally = next((i.tally for i in inputs if isinstance(i, Counting) and i.tally), self.tally)
        if tally is not None and method == "__call__":
            tally.products += _multiply_adds(ufunc, plain, result)
        if isinstance(result, np.ndarray):
            counted = result.view(Counting)
            counted.tally = tally
            return counted
        return result


def _multiply_adds(ufunc: Any, inputs: list[Any], result: Any) -> int:
    if ufunc in _PRODUCTS:
        inner = np.shape(inputs[0])[-1]
        return int(np.size(result) * inner)
    if ufunc is np.multiply:
        sizes = [np.size(i) for i in inputs]
        shapes = [np.shape(i) for i in inputs]
        # (N, K, 1) times (N, 1, V): an outer product for every sample.
        if min(map(len, shapes)) == 3 and np.size(result) > max(sizes):
            return int(np.size(result))
    return 0


class _CountingNumpy:
    """NumPy, giving counted arrays: generated code makes arrays of its own."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def __getattr__(self, name: str) -> Any:
        thing = getattr(np, name)
        if isinstance(thing, (type, np.ufunc)) or not callable(thing):
            return thing

        def call(*arguments: Any, **options: Any) -> Any:
            return _counted(thing(*arguments, **options), self._tally)

        return call


def _counted(value: Any, tally: Tally) -> Any:
    if isinstance(value, np.ndarray) and value.ndim:
        value = value.view(Counting)
        value.tally = tally
    return value


def multiply_adds(source: Source, arguments: Sequence[Any]) -> int:
    """Run a generated source and count the multiply-adds of its matrix products."""
    tally = Tally()
    function = compiled(source)
    function.__globals__["np"] = _CountingNumpy(tally)
    function(*(_counted(a, tally) for a in arguments))
    return tally.products
