"""HDF5 files of strangers, read by a process of its own with limits of time and memory."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

MOST_OBJECTS = 50_000
#: What one attribute may hold, in bytes.
MOST_TEXT = 8 * 2**20
#: For opening a file and for each of its arrays, on a slow and busy machine; and how fast bytes
#: come at least.
SECONDS, BYTES_A_SECOND = 30.0, 4_000_000
#: Beyond what a file holds: the libraries, their buffers and the listing.
MEMORY = 2**30
_WORKER = Path(__file__).with_name("hdf5_worker.py")


@dataclass(frozen=True)
class Table:
    """An array as its file describes it; nothing of it was read.

    Attributes:
        kind, size: NumPy's letter for its type, and the bytes of a number.
        elsewhere: "external" or "virtual" if its numbers are not in the file.
    """

    path: str
    dtype: str
    kind: str
    size: int
    shape: tuple[int, ...] | None
    chunks: tuple[int, ...] | None
    objects: bool
    elsewhere: str


class File:
    """What an HDF5 file holds.

    Attributes:
        attributes: of the file itself, texts by name; None for what is no text.
        lists: of each group, the attributes that are lists of names, their pieces joined.
        tables: the arrays by path.
        strange: paths of what is neither, with the reason.
    """

    def __init__(self, process: subprocess.Popen[bytes], size: int) -> None:
        self._process = process
        self._size = size
        told = self._answer()
        self.attributes: Mapping[str, Any] = told["attributes"]
        self.lists: dict[str, dict[str, list[str | None]]] = {}
        self.tables: dict[str, Table] = {}
        self.strange: list[tuple[str, str]] = []
        for item in told["items"]:
            if item["kind"] == "group":
                self.lists[item["path"]] = _joined(item["attributes"])
            elif item["kind"] == "array":
                self.tables[item["path"]] = _table(item)
            else:
                self.strange.append((item["path"], item["kind"]))

    def read(self, path: str) -> NDArray[Any]:
        """The numbers of an array."""
        table = self.tables[path]
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(path).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            raise InputError("damaged HDF5: the library ended while it was read") from None
        count = self._answer()["bytes"]
        if count != int(np.prod(table.shape or (), dtype=object)) * table.size:
            raise InputError(f"damaged HDF5: array '{path}' is not as long as it claims")
        with self._watched(count):
            data = self._process.stdout.read(count)
        if len(data) != count:
            raise InputError("damaged HDF5: the library ended while it was read")
        return np.frombuffer(data, table.dtype).reshape(table.shape or ())

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        with self._watched(self._size) as late:
            line = self._process.stdout.readline()
        if late:
            raise InputError(
                f"damaged HDF5: its library did not come to an end within {late[0]:.0f} s"
            )
        if not line.endswith(b"\n"):
            raise InputError("damaged HDF5: the library ended while it was read")
        told = json.loads(line)
        if "error" in told:
            if told["error"] == "MemoryError":
                raise MemoryError
            raise InputError(f"damaged HDF5: {_shortened(told['error'])}")
        return told

    @contextmanager
    def _watched(self, size: int) -> Iterator[list[float]]:
        """End the process if it takes too long: the library may be deaf to anything else."""
        seconds = SECONDS + size / BYTES_A_SECOND
        late: list[float] = []

        def end() -> None:
            late.append(seconds)
            self._process.kill()

        timer = threading.Timer(seconds, end)
        timer.daemon = True
        timer.start()
        try:
            yield late
        finally:
            timer.cancel()


@contextmanager
def opened(source: Path | bytes) -> Iterator[File]:
    """Open an HDF5 file, or what is one in memory, in another process.

    Raises:
        InputError: for a damaged file, and one that is not read in time.
        MemoryError: for one that claims more memory than `MEMORY` beyond its size.
    """
    if importlib.util.find_spec("h5py") is None:
        raise InputError("reading a model needs h5py: pip install 'rnnsym[models]'")
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    order = {
        "path": sys.path,
        "memory": MEMORY + 4 * size,
        "bytes": size if isinstance(source, bytes) else None,
        "file": None if isinstance(source, bytes) else str(source.absolute()),
        "objects": MOST_OBJECTS,
        "text": MOST_TEXT,
    }
    # One thread: each takes address space, and there is nothing to compute.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(  # noqa: S603  our own file, run by the Python that runs us
        [sys.executable, "-I", "-S", str(_WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    try:
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(order).encode() + b"\n")
            if isinstance(source, bytes):
                process.stdin.write(source)
            process.stdin.flush()
        except OSError:
            raise InputError("damaged HDF5: the library ended while it was read") from None
        yield File(process, size)
    finally:
        process.kill()
        process.communicate()


def _joined(pieces: Mapping[str, Any]) -> dict[str, list[str | None]]:
    """Lists by name; `weight_names0`, `weight_names1` are one list in two pieces."""
    found: dict[str, list[str | None]] = {}
    for name in sorted(pieces, key=lambda n: (len(n), n)):
        value = pieces[name]
        if isinstance(value, list):
            found.setdefault(name.rstrip("0123456789"), []).extend(value)
    return found


def _table(item: Mapping[str, Any]) -> Table:
    shape, chunks = item["shape"], item["chunks"]
    return Table(
        item["path"], item["dtype"], item["type"], item["size"],
        None if shape is None else tuple(shape), None if chunks is None else tuple(chunks),
        item["objects"],
        "external" if item["external"] else "virtual" if item["virtual"] else "",
    )  # fmt: skip


def _shortened(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)[:160]
