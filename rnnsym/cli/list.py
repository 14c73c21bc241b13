"""`rnnsym list`."""

from __future__ import annotations

import click

from ._terminal import print_json, print_words


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(as_json: bool) -> None:
    """List the cells of the catalogue."""
    from ..cells import get, names

    rows = [(name, get(name)) for name in names()]
    if as_json:
        print_json([{"name": n, "title": c.title, "equations": [str(e) for e in c.equations]}
                     for n, c in rows])  # fmt: skip
        return
    width = max(len(name) for name, _ in rows)
    for name, cell in rows:
        print_words(f"{name:{width}}  {cell.title}")


#: What the command line finds.
command = list_command
