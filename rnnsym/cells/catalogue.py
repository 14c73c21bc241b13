"""The catalogue: every `.cell` file of this folder, discovered.

A cell's file is the text of its equations with comments; it is read by the same parser as any
user's text, and nothing in it is executed.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

from ..errors import InputError, LanguageError, suggestion
from ..language import parse
from ..nouns import Cell

FOLDER = Path(__file__).parent
SUFFIX = ".cell"


def names() -> list[str]:
    """The names of all cells: the files of the catalogue."""
    return sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}"))


def get(name: str, **sizes: int) -> Cell:
    """A cell of the catalogue, with sizes given or symbolic.

    Raises:
        InputError: for a name that is not in the catalogue.
    """
    cell = _read(name)
    return cell.with_sizes(**sizes) if sizes else cell


#: Other words for cells of the catalogue.
_ALSO = {"rnn": "simple_rnn", "elman": "simple_rnn", "vanilla_rnn": "simple_rnn"}


@cache
def _read(name: str) -> Cell:
    if name not in names():
        hint = suggestion(name, names(), _ALSO)
        raise InputError(f"there is no cell '{name}'{hint}; the catalogue has {', '.join(names())}")
    return replace(read_file(FOLDER / f"{name}{SUFFIX}"), catalogued=True)


def read_file(path: str | Path, convention: str | None = None) -> Cell:
    """Read a cell from a file; it is called like the file, and may say its `convention: column`.

    Raises:
        InputError: if the file cannot be read, is too long or is no text; or, with the file named,
            if its equations are refused.
    """
    path = Path(path)
    from ..language.tokens import MAX_LENGTH

    try:
        with path.open("rb") as file:
            data = file.read(4 * MAX_LENGTH + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    if len(data) > 4 * MAX_LENGTH:
        raise InputError(f"{path}: longer than {MAX_LENGTH:,} characters")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: no UTF-8 text") from None
    try:
        return parse(text, name=name_of(path.stem), convention=convention)
    except LanguageError as error:
        refusal = InputError(f"{path}: {error}")
        refusal.line, refusal.column = error.line, error.column
        raise refusal from None


def name_of(stem: str) -> str:
    """A plain identifier from a file's name."""
    plain = "".join(c if c.isascii() and c.isalnum() else "_" for c in stem)
    words = [w for w in plain.split("_") if w]
    name = "_".join(words)[:32].strip("_")
    return name if name[:1].isalpha() and name not in ("t", "T") else f"cell_{name}".rstrip("_")
