"""How formulas are written: row or column vectors, bold or plain, ⊙ or ∘, ^⊤ or ^T."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from ..derive.renaming import renamed, same_names
from ..errors import InputError
from ..language import CONVENTIONS
from ..language.scan import plain_name
from ..names import PLAIN, Look
from ..notations import get
from ..nouns import ROW, Cell, Derivation, Equation

HADAMARD = {"⊙": r"\odot", "∘": r"\circ"}
TRANSPOSE = {"⊤": r"\top", "T": "T"}


@dataclass(frozen=True)
class Style:
    """How formulas are written.

    Attributes:
        convention: "row" (`x_t W`) or "column" (`W x_t`).
        look: how names look.
        hadamard: "⊙" or "∘", for products of elements.
        transpose: "⊤" or "T".
    """

    convention: str = "row"
    look: Look = PLAIN
    hadamard: str = "⊙"
    transpose: str = "⊤"

    @property
    def column(self) -> bool:
        return self.convention == "column"


class Choices(TypedDict, total=False):
    """What every printing function takes beside its subject.

    Attributes:
        convention: "row" or "column"; that of the subject if not given.
        notation: the name of a notation, such as "pytorch"; see `rnnsym.notations`.
        names: whose names the symbols have: "notation", or "own" as in the text; if not given,
            those of the notation for a cell of the catalogue (a network of such cells, a model),
            and a reader's own for a text of theirs: their `W` may be anything.
        rename: names by the names of the text, such as {"W": "W_x"}, over those of the notation.
        bold: whether vectors and matrices are bold.
        hadamard: "⊙" or "∘".
        transpose: "⊤" or "T".
    """

    convention: str | None
    notation: str
    names: str | None
    rename: Mapping[str, str]
    bold: bool | None
    hadamard: str | None
    transpose: str | None


def chosen(subject: Any, **choices: Any) -> tuple[Any, Style]:
    """A subject in the names and the form that were asked for, and the style it is printed in.

    Raises:
        InputError: for an unknown choice; or names that would meet, both named.
    """
    options = {"convention": None, "notation": "own", "names": None, "rename": {}, "bold": None,
               "hadamard": None, "transpose": None, **choices}  # fmt: skip
    if unknown := set(options) - set(Choices.__annotations__):
        raise InputError(f"unknown choice '{unknown.pop()}'; there are "
                         f"{', '.join(Choices.__annotations__)}")  # fmt: skip
    convention = options["convention"]
    if convention is None:
        convention = getattr(subject, "convention", ROW)
    if convention not in CONVENTIONS:
        raise InputError(f"unknown convention '{convention}'; there are {', '.join(CONVENTIONS)}")
    if options["names"] not in (None, "own", "notation"):
        raise InputError(f"names are own or notation, not {options['names']!r}")
    for name in ("notation", "hadamard", "transpose"):
        if options[name] is not None and not isinstance(options[name], str):
            raise InputError(f"{name} is a text, not {options[name]!r}")
    if options["bold"] not in (None, True, False):
        raise InputError(f"bold is true or false, not {options['bold']!r}")
    notation = get(options["notation"])
    style = Style(convention, notation.look, notation.hadamard, notation.transpose)
    if notation.name == "own" and _raised(subject):
        style = replace(style, look=replace(style.look, raised=True))
    if options["bold"] is not None:
        style = replace(style, look=replace(style.look, bold=bool(options["bold"])))
    for name, known in (("hadamard", HADAMARD), ("transpose", TRANSPOSE)):
        if options[name] is not None:
            if options[name] not in known:
                raise InputError(f"{name} is one of {', '.join(known)}, not {options[name]!r}")
            style = replace(style, **{name: options[name]})
    rename = options["rename"]
    if not isinstance(rename, Mapping) or not all(
        isinstance(n, str) for pair in rename.items() for n in pair
    ):
        raise InputError("rename is a table of names by names, such as {'W': 'W_x'}")
    rename = {plain_name(old): plain_name(new) for old, new in rename.items()}
    own = options["names"] == "own" or (options["names"] is None and not _catalogued(subject))
    names = same_names if own else notation.names
    return in_form(renamed(subject, names, rename), convention), style


def _subject(subject: Any) -> Any:
    """The cell that a derivation is of; anything else as it is."""
    return subject.subject or subject.cell if isinstance(subject, Derivation) else subject


def _raised(subject: Any) -> bool:
    """Whether times stand above in the text."""
    return bool(getattr(_subject(subject), "raised", False))


def _catalogued(subject: Any) -> bool:
    """Whether the names of symbols are ours, and not a reader's."""
    return bool(getattr(_subject(subject), "catalogued", True))


def in_form(subject: Any, convention: str) -> Any:
    """An equation, a cell or a derivation written in a convention; anything else as it is."""
    if isinstance(subject, Derivation):
        return replace(subject, cell=subject.cell.in_convention(convention))
    if isinstance(subject, (Cell, Equation)):
        return replace(subject, convention=convention)
    return subject
