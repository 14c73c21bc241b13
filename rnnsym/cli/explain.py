"""`rnnsym explain`."""

from __future__ import annotations

import contextlib
import io
import shutil
import sys
from pathlib import Path
from typing import Any

import click

from ..errors import InputError
from ._files import check_folder, load_array, write_folder
from ._terminal import (
    FAILED,
    as_json_text,
    console_of,
    plain,
    print_json,
    print_line,
    print_words,
    quiet_stderr,
    say,
    say_aside,
    table_of,
)


@click.command()
@click.argument("model")
@click.option("-o", "--output", metavar="FOLDER",
              help="Write explanation.tex, .md, .html, .txt, .json there, with pdflatex .pdf, "
              "for an input trace.npz.")  # fmt: skip
@click.option("--input", "inputs", metavar="X.npy", multiple=True,
              help="Trace this input; once for each input of the model.")  # fmt: skip
@click.option("--no-verify", is_flag=True, help="Leave Keras out: nothing is compared with it.")
@click.option("--gradient", is_flag=True, help="Compare all gradients with GradientTape as well.")
@click.option("--seed", default=0, show_default=True, help="Seed of the random numbers.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(
    model: str, output: str | None, inputs: tuple[str, ...], no_verify: bool, gradient: bool,
    seed: int, force: bool, as_json: bool,
) -> None:  # fmt: skip
    """Say what a Keras model computes: equations, gates, weights, and how far to trust it.

    MODEL is a .keras or .h5 file. It is read by our own reader: nothing in it is executed. Exit
    code 1 says that the check failed, or could not have seen a wrong formula.
    """
    from ..frameworks.keras.files import from_file

    if gradient and no_verify:
        raise InputError("--gradient asks Keras, and --no-verify leaves it out")
    net = from_file(Path(model))
    arrays = [load_array(path) for path in inputs]
    if inputs and len(inputs) != len(net.inputs):
        names = ", ".join(v.name for v in net.inputs)
        raise InputError(f"the model has {len(net.inputs)} input(s) ({names}): give --input for "
                         "each, in this order")  # fmt: skip
    folder = Path(output) if output is not None else None
    if folder is not None:
        check_folder(folder, [*_EXPLAIN_FILES, *(["trace.npz"] if inputs else [])], force)
    from ..checking import verify as check
    from ..checking import verify_printed
    from ..numeric import ModelFunction

    if inputs:  # a wrong input is refused before anything is computed
        ModelFunction(net).prepared(tuple(arrays), None, None, None, None)
    from ..documents import explain as explained

    with quiet_stderr() if not no_verify else contextlib.nullcontext():
        report = (
            verify_printed(net, seed=seed, progress=say_aside)
            if no_verify
            else check(net, seed=seed, gradient=gradient, progress=say_aside)
        )
    explanation = explained(
        net, report=report, source=f"Read from {Path(model).name}", verified=not no_verify,
        inputs=arrays or None, progress=say_aside,
    )  # fmt: skip
    if folder is not None:
        _write_explanation(explanation, folder)
    if as_json:
        print_json(explanation.to_dict())
    else:
        _print_explanation(explanation)
    if folder is not None:
        say(f"wrote {folder}")
    if report.verdict.exit and (not no_verify or not report.passed):
        sys.exit(FAILED)


_EXPLAIN_FILES = (
    "explanation.tex", "explanation.md", "explanation.html", "explanation.json",
    "explanation.txt", "explanation.pdf",
)  # fmt: skip


def _write_explanation(explanation: Any, folder: Path) -> None:
    import numpy as np

    from ..documents import EXPLANATIONS, render, trace_arrays

    texts: dict[str, str | bytes] = {
        f"explanation.{to}": render(explanation, to) for to in EXPLANATIONS
    }
    texts["explanation.json"] = as_json_text(explanation.to_dict()) + "\n"
    with contextlib.redirect_stdout(io.StringIO()) as terminal:
        _print_explanation(explanation)
    texts["explanation.txt"] = terminal.getvalue()
    if shutil.which("pdflatex"):
        from ..documents.pdf import compiled, numbered

        try:
            texts["explanation.pdf"] = compiled(numbered(str(texts["explanation.tex"])))
        except InputError as refusal:  # nobody asked for it: the rest is written
            say(f"no explanation.pdf: {refusal}")
    for name, figure in explanation.figures.items():
        texts[f"{name}.svg"] = str(figure)
    if explanation.traces:
        buffer = io.BytesIO()
        arrays: dict[str, Any] = trace_arrays(explanation)
        np.savez(buffer, **arrays)
        texts["trace.npz"] = buffer.getvalue()
    write_folder(folder, texts)


def _print_explanation(explanation: Any) -> None:
    model, report = explanation.model, explanation.report
    console = console_of()
    weak = f": {report.weak}" if report.weak else ""
    part = f", {model.coverage}" if model.boxes else ""
    console.print(f"{model.title}{part}: {explanation.verdict}{weak}", style="bold", markup=False,
                  highlight=False)  # fmt: skip
    console.print(
        f"{explanation.source}; {model.parameter_count:,} parameters"
        f"{' of the layers explained' if model.boxes else ''} in {model.dtype}\n",
        markup=False, highlight=False,
    )  # fmt: skip
    table = table_of("layer", "class", "options", "gives", "parameters", "number")
    for layer, formula, number in explanation.layers:
        table.add_row(*plain(layer.title, layer.kind, layer.words, layer.shape, formula,
                              f"{number:,}"))  # fmt: skip
    console.print(table)
    from ..printing import to_text

    console.print()
    for line in to_text(model).splitlines():
        print_line(("\n" + line) if line.startswith("# ") else f"  {line}")
    console.print()
    table = table_of("block", "of", "is", "meaning", "least", "largest", "deviation")
    for b in explanation.blocks:
        numbers = [f"{b.statistics[k]:.3g}" for k in ("min", "max", "std")] if b.statistics else []
        table.add_row(*plain(b.words, b.key, b.symbol, b.meaning, *numbers))
    console.print(table)
    console.print()
    print_words(to_text(report))


#: What the command line finds.
command = explain
