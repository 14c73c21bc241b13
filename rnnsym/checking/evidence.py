"""Evidence: what was checked once, with this text, this code and this machine, is kept.

A result is kept under the hash of everything that it rests on: all sources and templates of the
package, every installed library's version, the processor's vector units and the threads of its
BLAS, and what the result is of. So a change of any of them finds nothing, and is checked anew.

It is JSON, never code, in a folder of its owner's alone, and can be thrown away at any time. A
folder or a file that somebody else could have written is not looked at; what is damaged is made
again. `RNNSYM_EVIDENCE=off` keeps and finds nothing.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib.metadata
import json
import os
import platform
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[1]
#: The setting, and what it says to keep nothing.
SETTING, OFF = "RNNSYM_EVIDENCE", ("off", "0", "no", "false")
#: What says how a BLAS adds up.
_THREADS = (
    "OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS",
)  # fmt: skip
#: A file beyond it is not read, and so many are kept, the newest ones.
_MOST_BYTES, _MOST_FILES = 64 * 2**20, 500


def kept(of: Iterable[str], make: Callable[[], Any]) -> Any:
    """A result that was kept, or that is made now and kept.

    Args:
        of: what the result is of: its kind, texts, sizes, seeds.
        make: makes it: plain data for JSON; bytes may stand in it.

    Returns:
        What `make` gives, or gave before; tuples come back as lists.
    """
    place = folder()
    if place is None:
        return make()
    key = key_of(of)
    path = place / f"{key}.json"
    found = _read(path, key)
    if found is not None:
        return _from_json(found)
    made = make()
    _write(path, key, _to_json(made))
    return made


def key_of(of: Iterable[str]) -> str:
    """The hash under which a result is kept."""
    return _hash([ground(), *of])


@cache
def ground() -> str:
    """The hash of what every result rests on: sources, versions and the machine."""
    return _hash([sources(), *versions(), *machine()])


def sources(root: Path = PACKAGE) -> str:
    """The hash of the package's sources, cells, templates and pages."""
    found = []
    beside = [root.parent / name for name in ("templates", "docs", "mkdocs.yml")]
    for place in (root, *(p for p in beside if not (root / "_site").exists() and p.exists())):
        files = sorted(place.rglob("*")) if place.is_dir() else [place]
        for path in files:
            if path.is_file() and path.suffix != ".pyc":
                found += [path.relative_to(place.parent).as_posix(), _digest(path.read_bytes())]
    return _hash(found)


def versions() -> list[str]:
    """Python, and every installed distribution with its version."""
    found = {f"{d.name}=={d.version}" for d in importlib.metadata.distributions()}
    return [sys.version, *sorted(found)]


def machine() -> list[str]:
    """What may change the last bits of a sum: the processor's vector units, threads, kernels."""
    import numpy as np

    units: list[str] = []
    with contextlib.suppress(ImportError, AttributeError):
        from numpy._core import _multiarray_umath  # type: ignore[attr-defined]

        units = sorted(n for n, there in _multiarray_umath.__cpu_features__.items() if there)
    threads = [f"{name}={os.environ.get(name, '')}" for name in _THREADS]
    count = str(os.cpu_count())
    return [platform.platform(), platform.machine(), count, np.__version__, *units, *threads]


# --- the folder -----------------------------------------------------------------------------------


def folder() -> Path | None:
    """The folder of the evidence; None where it is switched off or cannot be had safely."""
    if os.environ.get(SETTING, "").strip().lower() in OFF:
        return None
    name = "LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME"
    base = os.environ.get(name)
    with contextlib.suppress(OSError, RuntimeError):
        place = (Path(base) if base else Path.home() / ".cache") / "rnnsym" / "evidence"
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _ours(place.parent, 0o022) and _ours(place) and os.access(place, os.W_OK):
            return place
    return None


def _ours(path: Path, nobody_else: int = 0o077) -> bool:
    """Whether a path is no link, we are its owner, and others have none of some rights."""
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return False
    if not hasattr(os, "getuid"):  # where owners are kept otherwise, the folder is the user's
        return True
    return status.st_uid == os.getuid() and not stat.S_IMODE(status.st_mode) & nobody_else


def _read(path: Path, key: str) -> Any:
    """What a file holds; None for one that is not there, not ours, or not what it says."""
    try:
        if not _ours(path) or path.stat().st_size > _MOST_BYTES:
            return None
        data = json.loads(path.read_text(encoding="utf-8"))
        whole = data["key"] == key and data["sum"] == _hash([key, _dumps(data["value"])])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return data["value"] if whole else None


def _write(path: Path, key: str, value: Any) -> None:
    """Write a file whole or not at all; evidence that cannot be kept is no failure."""
    data = _dumps({"key": key, "sum": _hash([key, _dumps(value)]), "value": value})
    with contextlib.suppress(OSError):
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")  # readable by us alone
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(data)
        os.replace(temporary, path)
        files = sorted(path.parent.glob("*.json"), key=lambda p: p.stat().st_mtime)
        for old in files[:-_MOST_FILES]:
            old.unlink()


def _dumps(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _to_json(value: Any) -> Any:
    """Plain data; bytes as base64 under a name that no mapping of ours has."""
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {k: _to_json(v) for k, v in value.items()}
    return [_to_json(v) for v in value] if isinstance(value, (list, tuple)) else value


def _from_json(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"base64"}:
            return base64.b64decode(value["base64"])
        return {k: _from_json(v) for k, v in value.items()}
    return [_from_json(v) for v in value] if isinstance(value, list) else value


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _hash(parts: Iterable[str]) -> str:
    # Each part by itself first, so that no two lists of parts are one text.
    return _digest("\n".join(_digest(p.encode()) for p in parts).encode())


__all__ = ["folder", "ground", "kept", "key_of", "machine", "sources", "versions"]
