"""`rnnsym export`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from ..errors import InputError
from ._files import check_target, load_array, load_weights, write_text
from ._options import (
    Listed,
    cell_options,
    completing,
    formats_known,
    losses_in_words,
    losses_known,
    parts_known,
    print_choices,
    print_options,
    size_of,
)
from ._subjects import several_subjects
from ._terminal import echo, say


@click.command()
@cell_options(many=True)
@click.option("--to", cls=Listed, metavar="FORMAT", shell_complete=completing(formats_known),
              known=formats_known,
              help="Without it the end of PATH says which, else tex; there are")  # fmt: skip
@click.option("--what", cls=Listed, metavar="PARTS", multiple=True,
              shell_complete=completing(parts_known), known=parts_known,
              help="Parts, split by commas or given several times")  # fmt: skip
@click.option("--steps", default=3, show_default=True, help="How many steps are written out.")
@click.option("--loss", cls=Listed, metavar="NAME", default="general", show_default=True,
              shell_complete=completing(losses_known), known=losses_in_words,
              help="The loss of a gradient")  # fmt: skip
@click.option("--full", is_flag=True, help="Give every line its rule, its reason and the shapes.")
@click.option("--weights", "path_of_weights", metavar="FILE.npz",
              help="Own weights by name for the part example.")  # fmt: skip
@click.option("--input", "inputs", metavar="X.npy", multiple=True,
              help="Own input (T, D) for the part example; once for each input.")  # fmt: skip
@print_options
@click.option("--title", metavar="TEXT", help="Of tex and pdf: the article's title.")
@click.option("--author", metavar="TEXT", help="Of tex and pdf: who wrote it.")
@click.option("--fragment", is_flag=True, help="Of tex: for \\input, without the preamble.")
@click.option("-o", "--output", metavar="PATH", help="Write to a file; - is the terminal.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def export(
    to: str | None, what: tuple[str, ...], steps: int, loss: str, full: bool, fragment: bool,
    path_of_weights: str | None, inputs: tuple[str, ...],
    output: str | None, force: bool, convention: str | None, cells: tuple[str, ...],
    equations: str | None, path: tuple[str, ...], sizes: Any, part: str | None, **choices: Any,
) -> None:  # fmt: skip
    """Write cells as a document, every formula read back and checked before it is written.

    CELLS are names of the catalogue, several joined by + (simple_rnn+dense), or files: of equations
    (.cell), or of a Keras model (.keras, .h5), which is written part by part. Several cells give
    one document with a table of contents.
    """
    from ..documents.rendering import USUAL, document, format_of

    target = None if output in (None, "-") else Path(str(output))
    to = format_of(str(target or ""), to)
    if target is not None:
        check_target(target, force)
    # N and T are no sizes of a cell: its costs grow with them.
    at = {n: v for n, v in map(size_of, sizes) if n in ("N", "T")}
    parts = ",".join(what)
    if at and "cost" not in parts:
        raise InputError("N and T are sizes of costs: ask for --what cost")
    sizes = [s for s in sizes if size_of(s)[0] not in at]
    found = several_subjects(cells, equations, path, convention, sizes, part)
    if convention is not None:
        choices["convention"] = convention
    if inputs or path_of_weights is not None:
        choices["inputs"] = [load_array(p) for p in inputs]
        choices["weights"] = load_weights(path_of_weights) if path_of_weights is not None else {}
    own: dict[str, Any] = {k: choices.pop(k) for k in ("inputs", "weights") if k in choices}
    own |= {k: choices.pop(k) or "" for k in ("title", "author")}
    text = document(
        found, to, at=at, **own, steps=steps, what=parts if what else USUAL,
        loss=loss, full=full, fragment=fragment, **print_choices(**choices),
    )  # fmt: skip
    if isinstance(text, bytes) and target is None:
        if sys.stdout.isatty():
            raise InputError("a PDF is no text for a terminal; give -o PATH")
        sys.stdout.buffer.write(text)
    elif target is None:
        echo(text, nl=False)
    else:
        write_text(target, text)
        say(f"wrote {target}")


#: What the command line finds.
command = export
