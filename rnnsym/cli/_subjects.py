"""Which cell or model a command is about."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, suggestion
from ._options import size_of
from ._terminal import say_aside

if TYPE_CHECKING:
    from ..models import Model
    from ..nouns import Cell


def one_subject(
    cell: str | None, equations: str | None, path: tuple[str, ...], convention: str | None,
    sizes: Any, part: str | None,
) -> Cell | Model:  # fmt: skip
    """The cell or model that the options name: exactly one of the three ways."""
    name = path[0] if path else cell
    if equations is None and (cell is not None) + len(path) == 1 and is_model(str(name)):
        return model_of(str(name), convention, sizes, part)
    if part is not None:
        raise InputError("--part is of a model: of a .keras or .h5 file")
    return one_cell(cell, equations, path, convention, sizes)


def model_of(path: str, convention: str | None, sizes: Any, part: str | None) -> Cell | Model:
    """The model of a file, or one part of it."""
    from ..derive.parts import part_of
    from ..frameworks.keras.files import from_file

    if sizes:
        raise InputError(f"{path}: a model has its own sizes; --size is of a cell")
    check_convention(convention)
    net = from_file(Path(path))
    if part is None:
        if net.boxes:
            names = ", ".join(f"{layer.name} ({layer.kind})" for layer in net.boxes)
            say_aside(f"note: {net.coverage}; nothing is said of {names}")
        return net
    known = [n.name for n in net.equations]
    if part not in known:
        raise InputError(f"{path} has no part '{part}' with equations{suggestion(part, known)}; "
                         f"there are {', '.join(known) or 'none'}")  # fmt: skip
    cell = part_of(net.node(part))
    return cell.in_convention(convention or cell.convention)


def check_convention(convention: str | None) -> None:
    from ..language import CONVENTIONS

    if convention is not None and convention not in CONVENTIONS:
        raise InputError(f"unknown convention '{convention}'; there are {', '.join(CONVENTIONS)}")


def is_model(name: str) -> bool:
    return name.lower().endswith((".keras", ".h5", ".hdf5"))


def one_cell(
    cell: str | None, equations: str | None, path: tuple[str, ...], convention: str | None,
    sizes: Any,
) -> Cell:  # fmt: skip
    """The cell that the options name: exactly one of the three ways."""
    from ..cells import get, read_file
    from ..derive import stack
    from ..language import parse

    if (cell is not None) + (equations is not None) + len(path) != 1:
        raise InputError("name one cell, or give --equations TEXT or --file PATH")
    check_convention(convention)
    if equations is not None:
        found = parse(equations, convention=convention)
    elif path or (cell is not None and is_path(cell)):
        name = path[0] if path else str(cell)
        found = parse(standard_input(), convention=convention) if name == "-" else (
            read_file(name, convention))  # fmt: skip
    else:
        assert cell is not None
        try:
            parts = [get(name) for name in cell.split("+")]
        except InputError:
            if Path(cell).is_file():
                raise InputError(
                    f"'{cell}' is a file, and no cell of the catalogue: give --file {cell}"
                ) from None
            raise
        found = stack(*parts) if len(parts) > 1 else parts[0]
        found = found.in_convention(convention or found.convention)
    return found.with_sizes(**dict(map(size_of, sizes)))


def several_subjects(
    cells: tuple[str, ...], equations: str | None, path: tuple[str, ...], convention: str | None,
    sizes: Any, part: str | None,
) -> list[Cell | Model]:  # fmt: skip
    """Every cell or model that is named: by name, by its file, or as a text."""
    if bool(cells) + (equations is not None) + bool(path) > 1:
        raise InputError("name cells, or give --equations TEXT or --file PATH, not both")
    if equations is not None or not (cells or path):
        return [one_subject(None, equations, (), convention, sizes, part)]
    return [
        *(one_subject(c, None, (), convention, sizes, part) for c in cells),
        *(one_subject(None, None, (p,), convention, sizes, part) for p in path),
    ]


def is_path(cell: str) -> bool:
    """Whether a cell's name is that of a file: no cell of the catalogue has a point or a slash."""
    return cell.endswith(".cell") or os.sep in cell or "/" in cell


def standard_input() -> str:
    from ..language.tokens import MAX_LENGTH

    data = sys.stdin.buffer.read(4 * MAX_LENGTH + 1)
    if len(data) > 4 * MAX_LENGTH:
        raise InputError(f"standard input: longer than {MAX_LENGTH:,} characters")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("standard input: no UTF-8 text") from None
