"""A process that reads one HDF5 file of a stranger, and nothing else.

The HDF5 library can loop for ever on a few flipped bits, deaf to signals, or claim all memory. So a
file is opened here, by a process with a limit of memory, which whoever started it can kill. It
imports nothing of the package, looks at everything and judges nothing: it prints what the file
holds as one line of JSON, and then sends the arrays that it is asked for.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from typing import Any

#: What a reader asks of the attributes of a group; long lists are cut into numbered pieces.
ROOT = ("model_config", "keras_version")
LISTS = ("weight_names", "layer_names")


def main() -> None:
    """Read what standard input orders."""
    order = json.loads(sys.stdin.buffer.readline())
    sys.path[:] = order["path"]
    _limit(order["memory"])
    try:
        import h5py

        data = sys.stdin.buffer.read(order["bytes"]) if order["bytes"] is not None else None
        with h5py.File(order["file"] if data is None else io.BytesIO(data), "r") as file:
            _say({"attributes": _attributes(file, ROOT, order["text"]),
                  "items": list(_items(file, order["objects"], order["text"]))})  # fmt: skip
            for line in sys.stdin.buffer:
                _send(file[json.loads(line)])
    except MemoryError:
        _say({"error": "MemoryError"})
    except Exception as error:  # whatever the library makes of damaged bytes
        _say({"error": " ".join(str(error).split()) or type(error).__name__})


def _limit(memory: int) -> None:
    try:
        import resource
    except ImportError:  # not on this system: then time alone is limited
        return
    for kind, most in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(kind)
        if hard == resource.RLIM_INFINITY or most <= hard:
            resource.setrlimit(kind, (most, hard))


def _say(message: Any) -> None:
    sys.stdout.buffer.write(json.dumps(message).encode() + b"\n")
    sys.stdout.buffer.flush()


def _send(dataset: Any) -> None:
    import numpy as np

    array = np.asarray(dataset[()])
    data = array.astype(array.dtype.newbyteorder("<")).tobytes()
    _say({"bytes": len(data)})
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _items(root: Any, most: int, longest: int) -> Iterator[dict[str, Any]]:
    """Every group, array and link by its path, in the order found."""
    import h5py

    seen = set()
    stack = [("", root, 0)]
    count = 0
    while stack:
        prefix, group, depth = stack.pop()
        if depth > 24:
            yield {"path": prefix, "kind": "deep"}
            return
        for name in group:
            count += 1
            path = f"{prefix}{name}"
            if count > most:
                yield {"path": path, "kind": "many"}
                return
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                outside = isinstance(link, h5py.ExternalLink)
                yield {"path": path, "kind": "outside" if outside else "link"}
                continue
            item = group[name]
            if isinstance(item, h5py.Group):
                where = h5py.h5o.get_info(item.id)
                if (where.fileno, where.addr) in seen:
                    yield {"path": path, "kind": "twice"}
                    continue
                seen.add((where.fileno, where.addr))
                yield {"path": path, "kind": "group",
                       "attributes": _attributes(item, _lists(item), longest)}  # fmt: skip
                stack.append((f"{path}/", item, depth + 1))
            elif isinstance(item, h5py.Dataset):
                yield {"path": path, "kind": "array", **_array(item)}
            else:
                yield {"path": path, "kind": "other"}


def _array(dataset: Any) -> dict[str, Any]:
    return {
        "external": bool(dataset.external),
        "virtual": bool(dataset.is_virtual),
        "objects": dataset.dtype.kind == "O" or dataset.dtype.hasobject,
        "dtype": str(dataset.dtype.newbyteorder("<")),
        "type": dataset.dtype.kind,
        "size": dataset.dtype.itemsize,
        "shape": None if dataset.shape is None else [int(n) for n in dataset.shape],
        "chunks": None if dataset.chunks is None else [int(n) for n in dataset.chunks],
    }


def _lists(group: Any) -> list[str]:
    """The attributes of a group that are lists of names, and their pieces."""
    return [n for n in group.attrs if n.rstrip("0123456789") in LISTS]


def _attributes(group: Any, names: Any, longest: int) -> dict[str, Any]:
    """Texts and lists of texts; anything else is null."""
    import h5py

    found: dict[str, Any] = {}
    for name in names:
        if name not in group.attrs:
            continue
        identifier = h5py.h5a.open(group.id, name.encode())
        if 0 in identifier.shape:  # an empty list has no size at all
            found[name] = []
            continue
        if identifier.get_storage_size() > longest:
            found[name] = {"longer": longest}
            continue
        value = group.attrs[name]
        value = value.tolist() if hasattr(value, "tolist") else value
        found[name] = [_text(v) for v in value] if isinstance(value, list) else _text(value)
    return found


def _text(value: Any) -> str | None:
    if isinstance(value, str):  # bytes that are no UTF-8 come as half characters
        value = value.encode("utf-8", "surrogateescape")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else None


if __name__ == "__main__":
    main()
