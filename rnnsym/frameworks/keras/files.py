"""Keras's files, read by our own hand: zip, JSON and HDF5, and nothing in them is executed.

A file may come from a stranger. Its configuration is read first and every layer of it checked; the
sizes and shapes of all arrays follow from that and are compared with the file before any array is
read. TensorFlow and Keras are not imported.
"""

from __future__ import annotations

import contextlib
import json
import posixpath
import stat
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...models import Model, Weight
from . import hdf5
from .builder import unique_names
from .graphs import build, is_operation
from .legacy import modern
from .options import shown

Array = NDArray[Any]

#: Limits, stated: a file that claims more is refused before it is read.
MOST_BYTES = 4 * 2**30
MOST_CONFIG = 8 * 2**20
MOST_MEMBERS = 16
DEEPEST_JSON = 100
#: What a `.keras` file holds.
MEMBERS = ("metadata.json", "config.json", "model.weights.h5")
#: HDF5 groups that hold no weights of the model: what training left there.
_TRAINING = ("optimizer", "optimizer_weights")


def from_file(path: Path) -> Model:
    """The model of a `.keras` or `.h5` file.

    Raises:
        InputError: one line that names the file and the reason.
    """
    try:
        return _read(path)
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(str(path)) else f"{path}: {text}") from None
    except RecursionError:
        raise InputError(f"{path}: it is nested too deep") from None
    except MemoryError:
        raise InputError(f"{path}: it claims more memory than there is") from None


def _read(path: Path) -> Model:
    try:
        status = path.stat()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}") from None
    except ValueError:
        raise InputError("is no path") from None
    if stat.S_ISDIR(status.st_mode):
        raise InputError("is a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise InputError("is no ordinary file")
    if status.st_size > MOST_BYTES:
        raise InputError(f"{status.st_size:,} bytes, more than {MOST_BYTES:,}")
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}") from None
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return _read_archive(path)
    if start == b"\x89HDF\r\n\x1a\n":
        return _read_h5(path)
    if not start:
        raise InputError("is empty")
    raise InputError("neither a zip archive (.keras) nor HDF5 (.h5)")


@contextlib.contextmanager
def _damaged(what: str) -> Iterator[None]:
    """What zip and HDF5 libraries raise on damaged bytes, in many kinds, as one line of ours."""
    try:
        yield
    except (InputError, MemoryError, RecursionError):
        raise
    except Exception as error:
        raise InputError(f"damaged {what}: {_line(error)}") from None


# --- .keras: a zip archive


def _read_archive(path: Path) -> Model:
    with _damaged("archive"), zipfile.ZipFile(path) as archive:
        members = _members(archive)
        config = _json(_bytes(archive, members["config.json"], MOST_CONFIG), "config.json")
        metadata = _json(_bytes(archive, members["metadata.json"], 2**16), "metadata.json")
        version = metadata.get("keras_version") if isinstance(metadata, Mapping) else None
        config = _modern(config, version)
        model, stores = _built(config, version)
        # Weights, what an optimiser keeps of them (twice as much), names and padding.
        most = 4 * 8 * sum(w.size for w in model.weights) + 2**22
        data = _bytes(archive, members["model.weights.h5"], most)
    with hdf5.opened(data) as file:
        groups = {x.name: f"{stores[x.name]}/" for x in model.boxes if x.name in stores}
        values = _arrays(file, model.weights, stores, tuple(groups.values()))
        return replace(_counted(model, file, groups), values=values)


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The members by name, after everything that a harmless archive never has is refused."""
    entries = archive.infolist()
    if len(entries) > MOST_MEMBERS:
        raise InputError(f"{len(entries)} members, more than {MOST_MEMBERS}")
    found: dict[str, zipfile.ZipInfo] = {}
    for info in entries:
        name = info.filename
        if name in found:
            raise InputError(f"member {shown(name)} is there twice")
        if name.startswith(("/", "\\")) or ":" in name or "\\" in name or "\0" in name:
            raise InputError(f"member {shown(name)} has an absolute path")
        if ".." in name.split("/"):
            raise InputError(f"member {shown(name)} leads out of the archive")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise InputError(f"member {shown(name)} is a symbolic link")
        if info.flag_bits & 1:
            raise InputError(f"member {shown(name)} is encrypted")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise InputError(f"member {shown(name)} is compressed in a way that is not covered")
        if name.lower().endswith((".pkl", ".pickle", ".npz", ".npy", ".py", ".pyc")):
            raise InputError(f"member {shown(name)} may be a pickle or code")
        found[name] = info
    for name in found:
        if name not in MEMBERS:
            raise InputError(f"member {shown(name)} does not belong into a Keras model")
    for name in MEMBERS:
        if name not in found:
            raise InputError(f"no member {name}")
    return found


def _bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """A member, if it is not larger than it may be."""
    if info.file_size > most:
        raise InputError(
            f"member {info.filename} claims {info.file_size:,} bytes, more than the {most:,} that "
            "its model can need"
        )
    with archive.open(info) as stream:
        data = stream.read(most + 1)
    if len(data) != info.file_size:
        raise InputError(f"member {info.filename} is not as long as it claims")
    return data


def _json(data: bytes, name: str) -> Any:
    """JSON with every key once, of a stated depth, with ordinary numbers."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table = dict(pairs)
        if len(table) != len(pairs):
            twice = next(k for k, _ in pairs if sum(k == other for other, _ in pairs) > 1)
            raise InputError(f"{name}: key {shown(twice)} is there twice")
        return table

    def constant(word: str) -> Any:
        raise InputError(f"{name}: {word} is no number of JSON")

    depth = deepest = 0
    inside = escaped = False
    for byte in data:  # the parser is recursive: the depth is looked at first
        if inside:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                inside = False
        elif byte == 0x22:
            inside = True
        elif byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    if deepest > DEEPEST_JSON:
        raise InputError(f"{name}: nested {deepest} deep, more than {DEEPEST_JSON}")
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=once, parse_constant=constant)
    except UnicodeDecodeError:
        raise InputError(f"{name} is no UTF-8 text") from None
    except ValueError as error:
        raise InputError(f"{name} is no JSON: {_line(error)}") from None


def _modern(config: Any, version: Any) -> Any:
    """The configuration as Keras 3 writes it, whichever version wrote it."""
    if not isinstance(version, str) or not version[:1].isdigit():
        raise InputError("it names no version of Keras")
    major = version.split(".")[0]
    if major not in ("2", "3"):
        raise InputError(f"written by Keras {shown(version)}; versions 2 and 3 are read")
    return modern(config, version) if major == "2" else config


def _built(config: Any, version: Any) -> tuple[Model, dict[str, str]]:
    model, stores = build(config)
    old = str(version).startswith("2")
    return (replace(model, origin=f"Keras {shown(version)}") if old else model), stores


def _counted(model: Model, file: hdf5.File, groups: Mapping[str, str]) -> Model:
    """The model, whose boxes have as many parameters as there are numbers in their groups."""
    counts = {
        name: sum(prod(t.shape or ()) for path, t in file.tables.items()
                  if path.startswith(group) and t.kind == "f")
        for name, group in groups.items()
    }  # fmt: skip
    return replace(model, layers=tuple(replace(x, count=counts.get(x.name, x.count))
                                       for x in model.layers))  # fmt: skip


# --- HDF5


def _read_h5(path: Path) -> Model:
    with hdf5.opened(path) as file:
        if "model_config" not in file.attributes:
            raise InputError("weights without a model: it holds no model_config")
        config = _json(_text(file, "model_config").encode(), "model_config")
        version = _text(file, "keras_version")
        config = _modern(config, version)
        model, stores = _built(config, version)
        tops = _tops(config, stores)
        groups = {x.name: f"model_weights/{tops[x.name]}/" for x in model.boxes if x.name in tops}
        values = _legacy(file, model, tops, tuple(groups.values()))
        return replace(_counted(model, file, groups), values=values)


def _text(file: hdf5.File, name: str) -> str:
    if name not in file.attributes:
        raise InputError(f"it holds no {name}")
    value = file.attributes[name]
    if isinstance(value, Mapping):
        raise InputError(f"{name} claims more than {value['longer']:,} bytes")
    if not isinstance(value, str):
        raise InputError(f"{name} is no text")
    return value


def _tops(config: Mapping[str, Any], stores: Mapping[str, str]) -> dict[str, str]:
    """The name of the top layer that each array belongs to.

    In a `.keras` file that layer's group is called by its class; the order is the same.
    """
    entries = [e for e in config["config"]["layers"] if not is_operation(e)]
    groups = unique_names([e["class_name"] for e in entries])
    titles = {g: e["config"].get("name", g) for g, e in zip(groups, entries)}
    return {key: titles[store.split("/")[1]] for key, store in stores.items()}


def _legacy(
    file: hdf5.File, model: Model, tops: Mapping[str, str], boxes: tuple[str, ...]
) -> dict[str, Array]:
    """The arrays of a `.h5` file: those of each top layer, in the order that its group tells."""
    tables = _tables(file)
    stray = [p for p in tables if not p.startswith(("model_weights/", "optimizer_weights/"))]
    if stray:
        raise InputError(f"array {shown(stray[0])} does not belong to the model")
    wanted: dict[str, list[Weight]] = {}
    for weight in model.weights:
        wanted.setdefault(tops[weight.key], []).append(weight)
    values: dict[str, Array] = {}
    used: set[str] = set()
    for title, weights in wanted.items():
        group = f"model_weights/{title}/"
        names = _weight_names(file, f"model_weights/{title}")
        # Trained arrays come first in these files, then those that training leaves alone.
        ordered = sorted(weights, key=lambda w: not w.trainable)
        if len(names) != len(ordered):
            raise InputError(
                f"layer {shown(title)} has {len(names)} arrays, and needs {len(ordered)}"
            )
        for name, weight in zip(names, ordered):
            path = group + name
            if posixpath.normpath(path) != path or path not in tables:
                raise InputError(f"layer {shown(title)} has no array {shown(name)}")
            if name.rpartition("/")[2].removesuffix(":0") != weight.array:
                raise InputError(f"array {shown(name)} is not the {weight.array} of its layer")
            values[weight.key] = _array(file, weight, path)
            used.add(path)
    extra = [p for p in tables if p.startswith("model_weights/") and p not in used
             and "seed_generator" not in p and not p.startswith(boxes)]  # fmt: skip
    if extra:
        raise InputError(f"array {shown(extra[0])} is more than the model has")
    return {w.key: values[w.key] for w in model.weights}


def _weight_names(file: hdf5.File, path: str) -> list[str]:
    if path not in file.lists:
        raise InputError(f"no group {shown(path)}")
    names = file.lists[path].get("weight_names")
    if names is None:
        raise InputError(f"group {shown(path)} names no arrays")
    return [n for n in names if n is not None and "seed_generator" not in n]


#: What is no group and no array of numbers, in words.
_STRANGE = {
    "deep": "its groups are nested too deep",
    "many": f"more than {hdf5.MOST_OBJECTS:,} groups and arrays",
    "outside": "{} is a link to another file", "link": "{} is a symbolic link",
    "twice": "group {} is there twice", "other": "{} is neither a group nor an array",
}  # fmt: skip


def _tables(file: hdf5.File) -> dict[str, hdf5.Table]:
    """Every array by its path, after everything that a harmless file never has is refused."""
    for path, kind in file.strange:
        raise InputError(_STRANGE[kind].format(shown(path)))
    for path, table in file.tables.items():
        if table.elsewhere == "external":
            raise InputError(f"array {shown(path)} has its numbers in another file")
        if table.elsewhere == "virtual":
            raise InputError(f"array {shown(path)} is virtual: its numbers are elsewhere")
        if table.objects:
            raise InputError(f"array {shown(path)} holds objects, which may be pickles")
    return file.tables


def _arrays(
    file: hdf5.File, weights: tuple[Weight, ...], stores: Mapping[str, str],
    boxes: tuple[str, ...],
) -> dict[str, Array]:  # fmt: skip
    """The arrays of a `.keras` file, after all shapes and types were compared.

    Those in the groups of `boxes` are left alone.
    """
    tables = _tables(file)
    for weight in weights:
        if stores[weight.key] not in tables:
            raise InputError(f"no array {shown(stores[weight.key])} for {weight.key}")
    wanted = {stores[w.key] for w in weights}
    for path, table in tables.items():
        if path in wanted or path.split("/")[0] in _TRAINING or path.startswith(boxes):
            continue
        seed = path.endswith(("seed_generator/vars/0",)) and table.kind == "u"
        if not seed or prod(table.shape or ()) > 4:
            raise InputError(f"array {shown(path)} is more than the model has")
    for weight in weights:
        _check_array(tables[stores[weight.key]], weight, stores[weight.key])
    return {w.key: _array(file, w, stores[w.key]) for w in weights}


def _check_array(table: hdf5.Table, weight: Weight, path: str) -> None:
    if table.kind != "f" or table.size not in (4, 8):
        raise InputError(f"array {shown(path)} is {table.dtype}, not float32 or float64")
    if table.shape != weight.shape:
        raise InputError(
            f"array {shown(path)} has shape {table.shape}, and {weight.key} needs {weight.shape}"
        )
    if table.chunks is not None:
        size = prod(table.chunks) * table.size
        if size > 4 * prod(table.shape) * table.size + 2**20:
            raise InputError(f"array {shown(path)} claims chunks of {size:,} bytes")


def _array(file: hdf5.File, weight: Weight, path: str) -> Array:
    """The numbers of an array that was checked; they must be finite."""
    _check_array(file.tables[path], weight, path)
    array = file.read(path)
    if not np.isfinite(array).all():
        raise InputError(f"array {shown(path)} holds NaN or Inf")
    return array.astype(array.dtype.newbyteorder("="))


def _line(error: BaseException) -> str:
    words = " ".join(str(error).split()) or type(error).__name__
    return "".join(c if c.isprintable() else "?" for c in words)[:160]
