"""`rnnsym equal`."""

from __future__ import annotations

from typing import Any

import click

from ..errors import InputError
from ._terminal import end, print_json, print_words, quiet_stderr, say_aside


@click.command()
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@click.option("--convention", metavar="row|column", help="How A and B are written, if texts.")
@click.option("--seed", default=0, show_default=True, help="Seed of the random numbers.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def equal(one: str, other: str, convention: str | None, seed: int, as_json: bool) -> None:
    """Say whether two cells, texts or models are the same function.

    A and B are names of the catalogue, layers such as keras.layers.GRU(reset_after=False), paths of
    .cell, .keras or .h5 files, or equations. The correspondence of the weights is printed, or where
    they part. Exit code 1 says that they are different, or that the check has no power.
    """
    if seed < 0:
        raise InputError(f"a seed is a whole number from 0 on, not {seed}")
    from ..checking import equal as compare
    from ..checking.equality import is_text
    from ..language import parse

    def meant(text: str) -> Any:
        named = is_text(text)
        return parse(text, convention=convention) if named and convention is not None else text

    with quiet_stderr():
        report = compare(meant(one), meant(other), seed=seed, progress=say_aside)
    if as_json:
        print_json({"passed": bool(report), "reports": [report.to_dict()]})
    else:
        print_words(str(report))
    end([report])


#: What the command line finds.
command = equal
