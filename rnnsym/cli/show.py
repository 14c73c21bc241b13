"""`rnnsym show`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ._options import cell_options
from ._subjects import one_subject
from ._terminal import console_of, heading, plain, print_json, print_line, table_of

if TYPE_CHECKING:
    from ..nouns import Cell


@click.command()
@cell_options()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(as_json: bool, convention: str | None, **which: Any) -> None:
    """Show a cell: its equations, symbols, shapes and number of parameters.

    CELL is a name of the catalogue, several joined by + (simple_rnn+dense), or a file: of equations
    (.cell), or of a Keras model (.keras, .h5), whose parts are shown one after the other.
    """
    from ..derive.parts import part_of
    from ..models import Model
    from ..nouns import Cell
    from ..printing import to_text

    subject = one_subject(convention=convention, **which)
    if isinstance(subject, Model):
        parts = map(part_of, subject.equations)
        cells = [cell.in_convention(convention or cell.convention) for cell in parts]
    else:
        cells = [subject]
    if as_json:
        data = [_cell_data(cell) for cell in cells]
        print_json(data[0] if isinstance(subject, Cell) else {
            "name": subject.name, "title": subject.title, "coverage": subject.coverage,
            "parts": data})  # fmt: skip
        return
    console = console_of()
    if isinstance(subject, Model):
        heading(subject.title, subject.coverage)
        for line in to_text(subject, convention=convention).splitlines():
            print_line(("\n" + line) if line.startswith("# ") else f"  {line}")
        console.print()
    for cell in cells:
        if isinstance(subject, Model):
            heading(cell.title)
        else:
            heading(cell.title or cell.name, cell.description,
                     f"Source: {cell.source}" if cell.source else "")  # fmt: skip
            console.print()
            console.print(to_text(cell), markup=False, highlight=False)
        console.print()
        _print_symbols(cell)


def _print_symbols(cell: Cell) -> None:
    """The symbols of a cell with their shapes, and the number of its parameters."""
    from ..names import t, unicode_of
    from ..printing import chosen, count_text

    _, style = chosen(cell)

    def symbol(v: Any) -> str:
        return unicode_of(v.name, t if v.timed else None, style.look)

    console = console_of()
    table = table_of("symbol", "role", "shape", "meaning")
    for variable in cell.variables:
        rows, cols = cell.shown_shape(variable)
        table.add_row(*plain(symbol(variable), variable.role.value, f"{rows} × {cols}",
                              variable.meaning))  # fmt: skip
    console.print(table)
    number = cell.parameter_count.xreplace(dict(cell.sizes))
    also = f" = {number}" if cell.sizes and number.is_Integer else ""
    console.print(f"\nparameters: {count_text(cell)}{also}", markup=False, highlight=False)
    console.print(f"output: {symbol(cell.output)}", markup=False, highlight=False)
    for remark in cell.remarks:
        console.print(f"note: {remark}", markup=False, highlight=False)


def _cell_data(cell: Cell) -> dict[str, Any]:
    return {
        "name": cell.name,
        "title": cell.title,
        "equations": [str(e) for e in cell.equations],
        "variables": [
            {"name": v.name, "role": v.role.value,
             "shape": [str(s) for s in cell.shown_shape(v)],
             "meaning": v.meaning} for v in cell.variables
        ],
        "convention": cell.convention,
        "remarks": list(cell.remarks),
        "output": cell.output.name,
        "parameters": str(cell.parameter_count),
    }  # fmt: skip


#: What the command line finds.
command = show
