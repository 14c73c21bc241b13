"""What commands read and write: whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError


def check_target(path: Path, force: bool) -> None:
    """Refuse what cannot be written before anything is computed."""
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder")
    if path.is_file() and not force:
        raise InputError(f"{path} is there already; --force writes over it")
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}")


def load_array(path: str) -> Any:
    import numpy as np

    try:
        array = np.load(path, allow_pickle=False)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, EOFError):
        raise InputError(f"{path} is no .npy file of numbers") from None
    except MemoryError:
        raise InputError(f"{path} claims more memory than there is") from None
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path} holds several arrays; one in a .npy file is wanted")
    return array


def check_folder(folder: Path, names: list[str], force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is no folder")
    there = [name for name in names if (folder / name).exists()]
    if there and not force:
        raise InputError(f"{folder / there[0]} is there already; --force writes over it")


def load_weights(path: str) -> dict[str, Any]:
    """The arrays of an .npz file; nothing in it is executed."""
    import zipfile

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, TypeError, AttributeError, EOFError, KeyError, zipfile.BadZipFile):
        raise InputError(f"cannot read {path}: no .npz file of plain arrays") from None


def write_text(path: Path, text: str | bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        InputError: one line, if the path cannot be written.
    """
    data = text if isinstance(text, bytes) else text.encode("utf-8")
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder")
    if path.exists() and not path.is_file():  # a device or a pipe takes what it is given
        try:
            path.write_bytes(data)
        except OSError as error:
            raise InputError(f"cannot write {path}: {error.strerror or error}") from None
        return
    path = path.resolve()  # of a link, the file behind it
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent or ".", prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        # A temporary file is for its owner alone; the document should be like any other.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise InputError(f"cannot write {path}: {error.strerror or error}") from None


def write_folder(folder: Path, texts: Mapping[str, str | bytes]) -> None:
    """Write a folder's files all or none: beside it first, and then in one move or several."""
    folder = folder.resolve()
    parent = folder if folder.is_dir() else folder.parent
    made = [p for p in (folder, *folder.parents) if not p.exists()]
    make_folder(parent)
    try:
        beside = Path(tempfile.mkdtemp(dir=parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from None
    try:
        for name, text in texts.items():
            if (folder / name).is_dir():
                raise InputError(f"cannot write {folder / name}: it is a folder")
            write_text(beside / name, text)
        make_folder(folder)
        for name in texts:
            os.replace(beside / name, folder / name)
    except BaseException as error:
        shutil.rmtree(beside, ignore_errors=True)
        for path in made:  # what was made for this alone goes again
            with contextlib.suppress(OSError):
                path.rmdir()
        if isinstance(error, OSError):
            raise InputError(f"cannot write to {folder}: {error.strerror or error}") from None
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from None
