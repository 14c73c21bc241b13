"""`rnnsym docs`."""

from __future__ import annotations

from pathlib import Path

import click

from ..errors import CheckError, InputError
from ._files import make_folder, write_text
from ._terminal import echo, quiet_stderr, say, say_aside


@click.group()
def docs() -> None:
    """The site: build it, or serve it while you write."""


@docs.command()
@click.option("-o", "--output", default="build/site", show_default=True, metavar="FOLDER",
              help="Where the site is written.")  # fmt: skip
def build(output: str) -> None:
    """Build the site; a warning is a failure."""
    from ..pages.sources import build_site

    make_folder(Path(output))  # before anything is computed
    say_aside("building the site (this runs Keras for the numbers on the pages)")
    with quiet_stderr():
        warnings = build_site(Path(output))
    for warning in warnings:
        say(f"warning: {warning}")
    if warnings:
        raise CheckError(f"the site was built with {len(warnings)} warning(s)")
    echo(str(Path(output) / "index.html"))


@docs.command()
@click.option("-o", "--output", metavar="PATH", help="Write to a file; - is the terminal.")
def house(output: str | None) -> None:
    """Draw which room of the package imports which, as SVG."""
    from ..pages.house import house_svg

    if output in (None, "-"):
        echo(house_svg())
        return
    write_text(Path(str(output)), house_svg())
    say(f"wrote {output}")


@docs.command()
@click.option("--address", default="127.0.0.1:8000", show_default=True, help="Host and port.")
def serve(address: str) -> None:
    """Serve the site and rebuild it when a source changes."""
    from ..pages.sources import serve_site

    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise InputError(f"an address is HOST:PORT, such as 127.0.0.1:8000, not '{address}'")
    serve_site(address)


#: What the command line finds.
command = docs
