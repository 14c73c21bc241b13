"""The options that several commands have; lists are looked up when they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..errors import InputError


def completing(known: Callable[[], list[str]]) -> Callable[..., list[str]]:
    """What a shell offers: the names that there are; of a list split by commas, its last one."""

    def complete(context: Any, parameter: Any, incomplete: str) -> list[str]:
        done, comma, begun = incomplete.rpartition(",")
        return [f"{done}{comma}{name}" for name in known() if name.startswith(begun)]

    return complete


def cells_known() -> list[str]:
    return sorted(p.stem for p in (Path(__file__).parents[1] / "cells").glob("*.cell"))


def formats_known() -> list[str]:
    from ..documents import FORMATS

    return list(FORMATS)


def parts_known() -> list[str]:
    from ..documents.rendering import WHAT

    return list(WHAT)


def losses_known() -> list[str]:
    from ..derive.losses import names

    return names()


def derivations_known() -> list[str]:
    from ..derive.kinds import DERIVATIONS

    return list(DERIVATIONS)


def losses_in_words() -> str:
    """The losses by what they take: general; of logits softmax_cross_entropy, …"""
    from ..derive.losses import TAKES, VALUES, loss_of, names

    groups = {takes: [n for n in names() if loss_of(n).takes == takes] for takes in TAKES}
    words = [("" if takes == VALUES else f"of {takes} ") + ", ".join(found)
             for takes, found in groups.items() if found]  # fmt: skip
    return "; ".join(words)


class Listed(click.Option):
    """An option whose help ends with a list that is looked up when the help is asked for."""

    def __init__(self, *args: Any, known: Callable[[], list[str] | str], **options: Any) -> None:
        self.known = known
        super().__init__(*args, **options)

    @property
    def help(self) -> str:  # type: ignore[override]
        known = self.known()
        listed = known if isinstance(known, str) else ", ".join(known)
        return f"{self._words}: {listed}."

    @help.setter
    def help(self, words: str) -> None:
        self._words = words


def cell_options(many: bool = False) -> Callable[[Any], Any]:
    """The ways to name a cell or a model: from the catalogue, as a text, from a file."""

    def decorate(command: Any) -> Any:
        for option in (
            click.argument(
                "cells" if many else "cell",
                nargs=-1 if many else 1,
                required=False,
                shell_complete=completing(cells_known),
            ),
            click.option(
                "--equations",
                metavar="TEXT",
                help="Equations in place of a cell's name, split by new lines or ;.",
            ),
            click.option(
                "--file",
                "path",
                metavar="PATH",
                multiple=True,
                help="A file of equations, likewise; - is standard input."
                + (" May be repeated." if many else ""),
            ),
            click.option(
                "--part",
                metavar="NAME",
                help="Of a Keras model (a .keras or .h5 file): this part alone.",
            ),
            click.option(
                "--convention",
                metavar="row|column",
                help="How vectors are written in TEXT or the file and printed, and arrays lie; "
                "what the text says, or row, if not given.",
            ),
            click.option(
                "--size",
                "sizes",
                metavar="M=5",
                multiple=True,
                help="Give a size; may be repeated.",
            ),
        ):
            command = option(command)
        return command

    return decorate


#: Found without importing anything, so that help is instant.
NOTATIONS = sorted(p.stem for p in (Path(__file__).parents[1] / "notations").glob("*.notation"))


def print_options(command: Any) -> Any:
    """How formulas are written."""
    for option in (
        click.option("--notation", metavar="NAME", default="own", show_default=True,
                     shell_complete=completing(lambda: NOTATIONS),
                     help=f"{', '.join(NOTATIONS)}."),
        click.option("--names", metavar="own|notation",
                     help="Whose names the symbols have: those of the text (the default for a text "
                     "of your own), or of the notation (for cells of the catalogue)."),
        click.option("--rename", metavar="A=B", multiple=True,
                     help="Call a symbol otherwise; may be repeated."),
        click.option("--bold/--plain", "bold", default=None,
                     help="Bold vectors and matrices, or plain ones."),
        click.option("--hadamard", metavar="⊙|∘", help="The sign of elementwise products."),
        click.option("--transpose", metavar="⊤|T", help="The sign of a transpose."),
    ):  # fmt: skip
        command = option(command)
    return command


def size_of(text: str) -> tuple[str, int]:
    name, mark, value = text.partition("=")
    if not mark or not value.strip().isdecimal() or not value.strip().isascii():
        raise InputError(f"a size is given as NAME=NUMBER, such as M=5, not '{text}'")
    return name.strip(), int(value)


def print_choices(rename: tuple[str, ...], bold: bool | None, **others: Any) -> dict[str, Any]:
    names = {}
    for one in rename:
        old, mark, new = one.partition("=")
        if not mark or not old.strip() or not new.strip():
            raise InputError(f"a renaming is given as OLD=NEW, such as W=W_x, not '{one}'")
        if old.strip() in names:
            raise InputError(f"'{old.strip()}' is renamed twice")
        names[old.strip()] = new.strip()
    return {"rename": names, "bold": bold, **others}
