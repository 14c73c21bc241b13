"""`rnnsym flow`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import InputError, suggestion
from ._files import load_weights, write_text
from ._options import cell_options
from ._subjects import one_subject
from ._terminal import console_of, echo, heading, plain, print_json, say, table_of

if TYPE_CHECKING:
    from ..checking import Flow


@click.command()
@cell_options()
@click.option("--steps", default=100, show_default=True, help="The longest distance in time.")
@click.option("--seed", default=0, show_default=True, help="Seed of the random numbers.")
@click.option("--weights", "path_of_weights", metavar="FILE.npz",
              help="Weights by name; random ones without.")  # fmt: skip
@click.option("--scale", default=1.0, show_default=True, help="A factor on random matrices.")
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Write a picture (SVG); - prints it instead of the numbers.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
def flow(
    steps: int, seed: int, path_of_weights: str | None, scale: float, output: str | None,
    as_json: bool, convention: str | None, **which: Any,
) -> None:  # fmt: skip
    """Measure how the gradient grows or fades with the distance in time.

    CELL is named as for `show`; a part of a Keras model has its own weights.
    """
    part = which.pop("part")
    subject = one_subject(convention=convention, **which, part=None)
    if seed < 0:
        raise InputError(f"a seed is a whole number from 0 on, not {seed}")
    from ..checking import flow as measure

    weights = load_weights(path_of_weights) if path_of_weights is not None else None
    measured: Any = measure(subject, steps, weights=weights, seed=seed, scale=scale)
    flows = list(measured) if isinstance(measured, tuple) else [measured]
    if part is not None:
        names = [f.cell.name for f in flows]
        if part not in names:
            raise InputError(f"no part with a state is called '{part}'{suggestion(part, names)}; "
                             f"there are {', '.join(names)}")  # fmt: skip
        flows = [f for f in flows if f.cell.name == part]
    if output is not None and len(flows) > 1:
        names = [f.cell.name for f in flows]
        raise InputError(f"a picture is of one part: give --part {' or '.join(names)}")
    if output is not None:
        from ..documents import to_svg

        if output == "-":
            echo(to_svg(flows[0]))
            return
        write_text(Path(output), to_svg(flows[0]))
        say(f"wrote {output}")
    several = isinstance(measured, tuple) and part is None
    if as_json:
        data = [f.to_dict() for f in flows]
        print_json({"parts": data} if several else data[0])
        return
    for i, found in enumerate(flows):
        if several:
            heading(("\n" if i else "") + found.cell.title)
        _print_flow(found, steps)


def _print_flow(found: Flow, steps: int) -> None:
    names = list(found.norms)
    table = table_of("distance", *names)
    shown = sorted({1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, steps})
    for k in (k for k in shown if k <= steps):
        table.add_row(*plain(str(k), *(f"{found.norms[n][k - 1]:.3e}" for n in names)))
    console = console_of()
    console.print(table)
    words = ", ".join(f"{k} = {v}" for k, v in found.sizes.items())
    console.print(f"seed {found.seed}, {words}", markup=False, highlight=False)


#: What the command line finds.
command = flow
