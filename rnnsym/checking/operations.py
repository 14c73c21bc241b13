"""Generated code run under watch: how many multiply-adds it does, and how its rounding grows."""

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

    def done(self, ufunc: Any, inputs: list[Any], result: Any) -> Any:
        """Count one operation."""
        self.products += _multiply_adds(ufunc, inputs, result)
        return result


class Noise:
    """A relative error at every operation, as rounding makes one, but large enough to be seen."""

    #: Far above rounding in float64, and too small to change sides at a kink.
    SIZE = 1e-10

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def done(self, ufunc: Any, inputs: list[Any], result: Any) -> Any:
        """Disturb the result of one operation."""
        array = np.asarray(result)
        if array.dtype.kind != "f":
            return result
        return array * (1 + self.SIZE * self.rng.standard_normal(array.shape))


class Watched(np.ndarray):
    """An array that tells a watcher of every operation that it is in."""

    watcher: Tally | Noise | None = None

    def __array_finalize__(self, other: Any) -> None:
        self.watcher = getattr(other, "watcher", None)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [np.asarray(i) if isinstance(i, Watched) else i for i in inputs]
        if "out" in options:
            options["out"] = tuple(np.asarray(o) for o in options["out"])
        if isinstance(options.get("where"), Watched):
            options["where"] = np.asarray(options["where"])
        result = getattr(ufunc, method)(*plain, **options)
        found = (i.watcher for i in inputs if isinstance(i, Watched) and i.watcher)
        watcher = next(found, self.watcher)
        if watcher is not None and (method == "__call__" or isinstance(watcher, Noise)):
            result = watcher.done(ufunc, plain, result)
        return _watched(result, watcher)


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


class _WatchedNumpy:
    """NumPy, giving watched arrays: generated code makes arrays of its own."""

    def __init__(self, watcher: Tally | Noise) -> None:
        self._watcher = watcher

    def __getattr__(self, name: str) -> Any:
        thing = getattr(np, name)
        if isinstance(thing, (type, np.ufunc)) or not callable(thing):
            return thing

        def call(*arguments: Any, **options: Any) -> Any:
            return _watched(thing(*arguments, **options), self._watcher)

        return call


def _watched(value: Any, watcher: Tally | Noise | None) -> Any:
    if isinstance(value, np.ndarray) and value.ndim:
        value = value.view(Watched)
        value.watcher = watcher
    return value


def run_watched(source: Source, arguments: Sequence[Any], watcher: Tally | Noise) -> Any:
    """Run a generated source, every operation of which a watcher is told of."""
    function = compiled(source)
    function.__globals__["np"] = _WatchedNumpy(watcher)
    return function(*(_watched(a, watcher) for a in arguments))


def multiply_adds(source: Source, arguments: Sequence[Any]) -> int:
    """Run a generated source and count the multiply-adds of its matrix products."""
    tally = Tally()
    run_watched(source, arguments, tally)
    return tally.products
