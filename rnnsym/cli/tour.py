"""`rnnsym tour`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import CheckError
from ._files import make_folder, write_text
from ._terminal import as_json_text, console_of, counter, print_json, quiet_stderr, table_of

if TYPE_CHECKING:
    from ..nouns import Report


@click.command()
@click.option("-o", "--output", default="build", show_default=True, metavar="FOLDER",
              help="Where the documents and the site are written.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--no-site", is_flag=True, help="Leave the site out.")
def tour(output: str, as_json: bool, no_site: bool) -> None:
    """The whole way on the notebook's network: derive, run, compare with Keras, write documents."""
    folder = Path(output)
    make_folder(folder)
    total = 5 if no_site else 6
    say = counter(total)
    say("reading the equations of simple_rnn and dense")
    from ..cells import get
    from ..checking import verify as compare
    from ..derive import stack, unroll
    from ..documents import document
    from ..documents.environment import read_source
    from ..documents.notebooks import from_script
    from ..numeric import lambdify

    net = stack(get("simple_rnn"), get("dense"), D=3, M=5, K=3)
    say("unrolling ten steps and generating the NumPy functions")
    derivation = unroll(net, steps=10)
    function = lambdify(net)
    lambdify(derivation)
    say("importing TensorFlow and running the notebook's model in Keras")
    from ..pages.notebook import run_notebook

    with quiet_stderr():
        run = run_notebook()
        say("comparing with Keras; planting wrong formulas first")
        report = compare(net, steps=10)
    say("writing the documents")
    files = {
        "tex": folder / "tour" / "simple_rnn_dense.tex",
        "md": folder / "tour" / "simple_rnn_dense.md",
        "py": folder / "tour" / "simple_rnn_dense.py",
        "ipynb": folder / "tour" / "explore_rnn.ipynb",
        "report": folder / "tour" / "report.json",
    }
    make_folder(folder / "tour")
    for format_ in ("tex", "md"):
        write_text(files[format_], document(net, format_, steps=10, report=report))
    write_text(files["py"], function.source)
    write_text(files["ipynb"], from_script(read_source("explore_rnn.py")))
    write_text(files["report"], as_json_text(report.to_dict()) + "\n")
    warnings: list[str] = []
    if not no_site:
        say("building the site")
        from ..pages.sources import build_site

        with quiet_stderr():
            warnings = build_site(folder / "site")
        files["site"] = folder / "site" / "index.html"
    # The worse of the two: the notebook's own model, and the report's random weights.
    worst = {d: max(run.errors[d], report.error(d) or 0.0) for d in ("float64", "float32")}
    small = {"float64": 1e-12, "float32": 1e-6}
    passed = bool(report) and all(worst[d] <= small[d] for d in small)
    if as_json:
        print_json({"passed": passed, "max_error": worst, "parameters": run.parameters,
                     "files": {k: str(v) for k, v in files.items()}})  # fmt: skip
    else:
        _print_tour(run, report, files)
    for warning in warnings:
        say(f"warning: {warning}")
    if not passed:
        raise CheckError(f"the tour's network does not agree with Keras: {report.verdict}")


def _print_tour(run: Any, report: Report, files: dict[str, Path]) -> None:
    console = console_of()
    console.print(str(run.net), markup=False, highlight=False)
    console.print(f"parameters: {run.parameters}\n", highlight=False)
    table = table_of("t", "y, ours", "y, Keras", "error")
    for row in run.rows:
        table.add_row(str(row.step), "  ".join(f"{v:9.6f}" for v in row.ours),
                      "  ".join(f"{v:9.6f}" for v in row.keras), f"{row.error:.1e}")  # fmt: skip
    console.print(table)
    console.print()
    console.print(str(report), markup=False, highlight=False)
    console.print("\nWhere to look:")
    for path in files.values():
        console.print(f"  {path}", markup=False, highlight=False, soft_wrap=True)


#: What the command line finds.
command = tour
