"""The command line. Heavy modules are imported inside commands, so that help is instant."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from .errors import CheckError, InputError, RnnsymError, suggestion
from .spelling import fitting, register

if TYPE_CHECKING:
    from .checking import Flow
    from .models import Model
    from .nouns import Cell, Derivation, Report

FAILED, WRONG_USE = 1, 2


def main() -> NoReturn:
    """Run a command; whatever goes wrong is one line on standard error and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows no Greek shows the spellings of the language in ASCII.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=register())
    try:
        code = main_group.main(standalone_mode=False, prog_name="rnnsym")
    except click.exceptions.NoArgsIsHelpError as error:
        _echo(error.format_message())
        code = 0
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        where = context.command_path if context else "rnnsym"
        _say(f"{where}: {' '.join(error.format_message().split())}")
        code = WRONG_USE
        _answer(error.format_message())
    except (click.Abort, KeyboardInterrupt):
        _say("rnnsym: stopped")
        code = 130
    except CheckError as error:
        _say(f"rnnsym: {error}")
        _answer(str(error))
        code = FAILED
    except RnnsymError as error:
        _say(f"rnnsym: {error}")
        _answer(str(error), getattr(error, "line", None), getattr(error, "column", None))
        code = WRONG_USE
    except BrokenPipeError:
        # Whoever reads has had enough; Python would complain once more while it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        words = f"{error.filename or 'cannot write the output'}: {error.strerror or error}"
        _say(f"rnnsym: {words}")
        _answer(words)
        code = WRONG_USE
    sys.exit(code if isinstance(code, int) else 0)


def _echo(text: str, err: bool = False, nl: bool = True) -> None:
    # Through the stream as it is: click would write UTF-8 to a terminal that has said ASCII.
    print(text, file=sys.stderr if err else sys.stdout, end="\n" if nl else "", flush=True)


def _say(line: str) -> None:
    _echo(line, err=True)


#: Whether JSON was printed already: whoever asked for it gets one answer, also of what failed.
_ANSWERED: list[bool] = []


def _answer(message: str, line: int | None = None, column: int | None = None) -> None:
    if "--json" in sys.argv and not _ANSWERED:
        error = {"message": " ".join(message.split()), "line": line, "column": column}
        _print_json({"passed": False, "error": error})


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="rnnsym", prog_name="rnnsym")
def main_group() -> None:
    """Write a recurrent cell's equations once; get its derivation, LaTeX, code and proof."""


def _completing(known: Callable[[], list[str]]) -> Callable[..., list[str]]:
    """What a shell offers: the names that there are; of a list split by commas, its last one."""

    def complete(context: Any, parameter: Any, incomplete: str) -> list[str]:
        done, comma, begun = incomplete.rpartition(",")
        return [f"{done}{comma}{name}" for name in known() if name.startswith(begun)]

    return complete


def _cells() -> list[str]:
    return sorted(p.stem for p in (Path(__file__).parent / "cells").glob("*.cell"))


def _formats() -> list[str]:
    from .documents import FORMATS

    return list(FORMATS)


def _parts() -> list[str]:
    from .documents.rendering import WHAT

    return list(WHAT)


def _losses() -> list[str]:
    from .derive.losses import names

    return names()


def _derivations() -> list[str]:
    from .derive.kinds import DERIVATIONS

    return list(DERIVATIONS)


def _losses_in_words() -> str:
    """The losses by what they take: general; of logits softmax_cross_entropy, …"""
    from .derive.losses import TAKES, VALUES, loss_of, names

    groups = {takes: [n for n in names() if loss_of(n).takes == takes] for takes in TAKES}
    words = [("" if takes == VALUES else f"of {takes} ") + ", ".join(found)
             for takes, found in groups.items() if found]  # fmt: skip
    return "; ".join(words)


class _Listed(click.Option):
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


def _cell_options(many: bool = False) -> Callable[[Any], Any]:
    """The ways to name a cell or a model: from the catalogue, as a text, from a file."""

    def decorate(command: Any) -> Any:
        for option in (
            click.argument(
                "cells" if many else "cell",
                nargs=-1 if many else 1,
                required=False,
                shell_complete=_completing(_cells),
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
_NOTATIONS = sorted(p.stem for p in (Path(__file__).parent / "notations").glob("*.notation"))


def _print_options(command: Any) -> Any:
    """How formulas are written."""
    for option in (
        click.option("--notation", metavar="NAME", default="own", show_default=True,
                     shell_complete=_completing(lambda: _NOTATIONS),
                     help=f"{', '.join(_NOTATIONS)}."),
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


def _one_subject(
    cell: str | None, equations: str | None, path: tuple[str, ...], convention: str | None,
    sizes: Any, part: str | None,
) -> Cell | Model:  # fmt: skip
    """The cell or model that the options name: exactly one of the three ways."""
    name = path[0] if path else cell
    if equations is None and (cell is not None) + len(path) == 1 and _is_model(str(name)):
        return _model(str(name), convention, sizes, part)
    if part is not None:
        raise InputError("--part is of a model: of a .keras or .h5 file")
    return _one_cell(cell, equations, path, convention, sizes)


def _model(path: str, convention: str | None, sizes: Any, part: str | None) -> Cell | Model:
    """The model of a file, or one part of it."""
    from .derive.parts import part_of
    from .frameworks.keras.files import from_file

    if sizes:
        raise InputError(f"{path}: a model has its own sizes; --size is of a cell")
    _check_convention(convention)
    net = from_file(Path(path))
    if part is None:
        if net.boxes:
            names = ", ".join(f"{layer.name} ({layer.kind})" for layer in net.boxes)
            _say_aside(f"note: {net.coverage}; nothing is said of {names}")
        return net
    known = [n.name for n in net.equations]
    if part not in known:
        raise InputError(f"{path} has no part '{part}' with equations{suggestion(part, known)}; "
                         f"there are {', '.join(known) or 'none'}")  # fmt: skip
    cell = part_of(net.node(part))
    return cell.in_convention(convention or cell.convention)


def _check_convention(convention: str | None) -> None:
    from .language import CONVENTIONS

    if convention is not None and convention not in CONVENTIONS:
        raise InputError(f"unknown convention '{convention}'; there are {', '.join(CONVENTIONS)}")


def _is_model(name: str) -> bool:
    return name.lower().endswith((".keras", ".h5", ".hdf5"))


def _one_cell(
    cell: str | None, equations: str | None, path: tuple[str, ...], convention: str | None,
    sizes: Any,
) -> Cell:  # fmt: skip
    """The cell that the options name: exactly one of the three ways."""
    from .cells import get, read_file
    from .derive import stack
    from .language import parse

    if (cell is not None) + (equations is not None) + len(path) != 1:
        raise InputError("name one cell, or give --equations TEXT or --file PATH")
    _check_convention(convention)
    if equations is not None:
        found = parse(equations, convention=convention)
    elif path or (cell is not None and _is_path(cell)):
        name = path[0] if path else str(cell)
        found = parse(_standard_input(), convention=convention) if name == "-" else (
            read_file(name, convention))  # fmt: skip
    else:
        assert cell is not None
        parts = [get(name) for name in cell.split("+")]
        found = stack(*parts) if len(parts) > 1 else parts[0]
        found = found.in_convention(convention or found.convention)
    return found.with_sizes(**dict(map(_size, sizes)))


def _several(
    cells: tuple[str, ...], equations: str | None, path: tuple[str, ...], convention: str | None,
    sizes: Any, part: str | None,
) -> list[Cell | Model]:  # fmt: skip
    """Every cell or model that is named: by name, by its file, or as a text."""
    if bool(cells) + (equations is not None) + bool(path) > 1:
        raise InputError("name cells, or give --equations TEXT or --file PATH, not both")
    if equations is not None or not (cells or path):
        return [_one_subject(None, equations, (), convention, sizes, part)]
    return [
        *(_one_subject(c, None, (), convention, sizes, part) for c in cells),
        *(_one_subject(None, None, (p,), convention, sizes, part) for p in path),
    ]


def _is_path(cell: str) -> bool:
    """Whether a cell's name is that of a file: no cell of the catalogue has a point or a slash."""
    return cell.endswith(".cell") or os.sep in cell or "/" in cell


def _standard_input() -> str:
    from .language.tokens import MAX_LENGTH

    data = sys.stdin.buffer.read(4 * MAX_LENGTH + 1)
    if len(data) > 4 * MAX_LENGTH:
        raise InputError(f"standard input: longer than {MAX_LENGTH:,} characters")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("standard input: no UTF-8 text") from None


def _size(text: str) -> tuple[str, int]:
    name, mark, value = text.partition("=")
    if not mark or not value.strip().isdecimal() or not value.strip().isascii():
        raise InputError(f"a size is given as NAME=NUMBER, such as M=5, not '{text}'")
    return name.strip(), int(value)


@main_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(as_json: bool) -> None:
    """List the cells of the catalogue."""
    from .cells import get, names

    rows = [(name, get(name)) for name in names()]
    if as_json:
        _print_json([{"name": n, "title": c.title, "equations": [str(e) for e in c.equations]}
                     for n, c in rows])  # fmt: skip
        return
    width = max(len(name) for name, _ in rows)
    for name, cell in rows:
        _print_words(f"{name:{width}}  {cell.title}")


@main_group.command()
@_cell_options()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(as_json: bool, convention: str | None, **which: Any) -> None:
    """Show a cell: its equations, symbols, shapes and number of parameters.

    CELL is a name of the catalogue, several joined by + (simple_rnn+dense), or a file: of equations
    (.cell), or of a Keras model (.keras, .h5), whose parts are shown one after the other.
    """
    from .derive.parts import part_of
    from .models import Model
    from .nouns import Cell
    from .printing import to_text

    subject = _one_subject(convention=convention, **which)
    if isinstance(subject, Model):
        parts = map(part_of, subject.equations)
        cells = [cell.in_convention(convention or cell.convention) for cell in parts]
    else:
        cells = [subject]
    if as_json:
        data = [_cell_data(cell) for cell in cells]
        _print_json(data[0] if isinstance(subject, Cell) else {
            "name": subject.name, "title": subject.title, "coverage": subject.coverage,
            "parts": data})  # fmt: skip
        return
    console = _console()
    if isinstance(subject, Model):
        _heading(subject.title, subject.coverage)
        for line in to_text(subject, convention=convention).splitlines():
            _print_line(("\n" + line) if line.startswith("# ") else f"  {line}")
        console.print()
    for cell in cells:
        if isinstance(subject, Model):
            _heading(cell.title)
        else:
            _heading(cell.title or cell.name, cell.description,
                     f"Source: {cell.source}" if cell.source else "")  # fmt: skip
            console.print()
            console.print(to_text(cell), markup=False, highlight=False)
        console.print()
        _print_symbols(cell)


def _heading(title: str, *lines: str) -> None:
    console = _console()
    console.print(title, style="bold", markup=False, highlight=False)
    for text in filter(None, lines):
        console.print(text, markup=False, highlight=False)


def _print_symbols(cell: Cell) -> None:
    """The symbols of a cell with their shapes, and the number of its parameters."""
    from .names import t, unicode_of
    from .printing import chosen, count_text

    _, style = chosen(cell)

    def symbol(v: Any) -> str:
        return unicode_of(v.name, t if v.timed else None, style.look)

    console = _console()
    table = _table("symbol", "role", "shape", "meaning")
    for variable in cell.variables:
        rows, cols = cell.shown_shape(variable)
        table.add_row(*_plain(symbol(variable), variable.role.value, f"{rows} × {cols}",
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


@main_group.command()
@_cell_options(many=True)
@click.option("--to", cls=_Listed, metavar="FORMAT", shell_complete=_completing(_formats),
              known=_formats,
              help="Without it the end of PATH says which, else tex; there are")  # fmt: skip
@click.option("--what", cls=_Listed, metavar="PARTS", multiple=True,
              shell_complete=_completing(_parts), known=_parts,
              help="Parts, split by commas or given several times")  # fmt: skip
@click.option("--steps", default=3, show_default=True, help="How many steps are written out.")
@click.option("--loss", cls=_Listed, metavar="NAME", default="general", show_default=True,
              shell_complete=_completing(_losses), known=_losses_in_words,
              help="The loss of a gradient")  # fmt: skip
@click.option("--full", is_flag=True, help="Give every line its rule, its reason and the shapes.")
@click.option("--weights", "path_of_weights", metavar="FILE.npz",
              help="Own weights by name for the part example.")  # fmt: skip
@click.option("--input", "inputs", metavar="X.npy", multiple=True,
              help="Own input (T, D) for the part example; once for each input.")  # fmt: skip
@_print_options
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
    from .documents.rendering import USUAL, document, format_of

    target = None if output in (None, "-") else Path(str(output))
    to = format_of(str(target or ""), to)
    if target is not None:
        _check_target(target, force)
    # N and T are no sizes of a cell: its costs grow with them.
    at = {n: v for n, v in map(_size, sizes) if n in ("N", "T")}
    parts = ",".join(what)
    if at and "cost" not in parts:
        raise InputError("N and T are sizes of costs: ask for --what cost")
    sizes = [s for s in sizes if _size(s)[0] not in at]
    found = _several(cells, equations, path, convention, sizes, part)
    if convention is not None:
        choices["convention"] = convention
    if inputs or path_of_weights is not None:
        choices["inputs"] = [_load_array(p) for p in inputs]
        choices["weights"] = _weights(path_of_weights) if path_of_weights is not None else {}
    own: dict[str, Any] = {k: choices.pop(k) for k in ("inputs", "weights") if k in choices}
    own |= {k: choices.pop(k) or "" for k in ("title", "author")}
    text = document(
        found, to, at=at, **own, steps=steps, what=parts if what else USUAL,
        loss=loss, full=full, fragment=fragment, **_choices(**choices),
    )  # fmt: skip
    if isinstance(text, bytes) and target is None:
        if sys.stdout.isatty():
            raise InputError("a PDF is no text for a terminal; give -o PATH")
        sys.stdout.buffer.write(text)
    elif target is None:
        _echo(text, nl=False)
    else:
        write_text(target, text)
        _say(f"wrote {target}")


def _check_target(path: Path, force: bool) -> None:
    """Refuse what cannot be written before anything is computed."""
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder")
    if path.is_file() and not force:
        raise InputError(f"{path} is there already; --force writes over it")
    if not path.parent.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {path.parent}")


def _choices(rename: tuple[str, ...], bold: bool | None, **others: Any) -> dict[str, Any]:
    names = {}
    for one in rename:
        old, mark, new = one.partition("=")
        if not mark or not old.strip() or not new.strip():
            raise InputError(f"a renaming is given as OLD=NEW, such as W=W_x, not '{one}'")
        if old.strip() in names:
            raise InputError(f"'{old.strip()}' is renamed twice")
        names[old.strip()] = new.strip()
    return {"rename": names, "bold": bold, **others}


#: Every line that is written out is checked and printed.
_MOST_DERIVED = 200


@main_group.command()
@_cell_options()
@click.option("--what", cls=_Listed, metavar="PART", default="bptt", show_default=True,
              shell_complete=_completing(_derivations), known=_derivations,
              help="What is derived")  # fmt: skip
@click.option(
    "--steps", type=int, help="Write out so many steps of a gradient; T is a symbol without."
)
@click.option("--loss", cls=_Listed, metavar="NAME", default="general", show_default=True,
              shell_complete=_completing(_losses), known=_losses_in_words,
              help="The loss of a gradient")  # fmt: skip
@click.option("--over", metavar="all|last", default="all", show_default=True,
              help="The steps that the loss is taken over.")  # fmt: skip
@click.option("--truncate", type=int, help="Cut the steps into blocks of so many.")
@click.option("--full", is_flag=True, help="Give every line its rule and its reason.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def derive(
    what: str, steps: int | None, loss: str, over: str, truncate: int | None, full: bool,
    as_json: bool, convention: str | None, **which: Any,
) -> None:  # fmt: skip
    """Derive a cell's gradient or Jacobian, every line checked by itself before it is shown.

    CELL is named as for `show`; of a Keras model every part is derived, of a gradient the last one
    first.
    """
    from .derive.kinds import DERIVATIONS
    from .printing.style import in_form

    if what not in DERIVATIONS:
        words = {word: k.name for k in DERIVATIONS.values() for word in k.also}
        hint = suggestion(what, DERIVATIONS, words)
        raise InputError(f"unknown part '{what}'{hint}; there are {', '.join(DERIVATIONS)}")
    kind = DERIVATIONS[what]
    if not kind.of_loss and (steps, truncate, loss, over) != (None, None, "general", "all"):
        others = ", ".join(k.name for k in DERIVATIONS.values() if k.of_loss)
        raise InputError(f"--steps, --truncate, --loss and --over are of {others}, not of {what}")
    if steps is not None and not 1 <= steps <= _MOST_DERIVED:
        raise InputError(f"--steps is a whole number from 1 to {_MOST_DERIVED}, not {steps}")
    subject = _one_subject(convention=convention, **which)
    options = {"steps": steps, "loss": loss, "over": over, "truncate": truncate}
    made = kind.make(subject, **(options if kind.of_loss else {}))
    whole = isinstance(made, tuple)
    derived: list[Derivation] = list(made) if isinstance(made, tuple) else [made]
    derived = [in_form(d, convention or d.convention) for d in derived]
    reports = [(d, d.check()) for d in derived]
    if as_json:
        data = [_derivation_data(d, report, full) for d, report in reports]
        _print_json({"parts": data} if whole else data[0])
        return
    for i, (derivation, report) in enumerate(reports):
        if i:
            _echo("")
        _print_derivation(derivation, report, full)


def _derivation_data(derivation: Derivation, report: Report, full: bool) -> dict[str, Any]:
    from .printing import chosen, to_text
    from .printing.latex import equation_tex
    from .printing.text import equation_text

    _, style = chosen(derivation)
    nothing = {"error": None, "tolerance": None, "verdict": None}  # where a state starts
    found = {
        c.what: {"error": c.error, "tolerance": c.tolerance,
                 "verdict": (c.verdict or report.verdict).slug} for c in report.comparisons
    }  # fmt: skip
    return {
        "title": derivation.title, "verdict": report.verdict.slug, "seed": report.seed,
        "lines": [
            {"line": equation_text(s.equation, style),
             "latex": equation_tex(s.equation, style), "section": s.section,
             **found.get(to_text(s.equation), nothing),
             "rule": s.rule, "reason": s.reason.replace("`", ""),
             "shapes": {str(q): " × ".join(map(str, _turned(derivation.cell, q)))
                        for q, _ in s.shapes}}
            for s in (derivation if full else derivation.terse())
        ],
        "remarks": list(report.remarks),
    }  # fmt: skip


def _print_derivation(derivation: Derivation, report: Report, full: bool) -> None:
    from .printing import chosen
    from .printing.text import equation_text

    _, style = chosen(derivation)
    shown = derivation if full else derivation.terse()
    console = _console()
    console.print(derivation.title, style="bold", markup=False, highlight=False)
    for section, lines in shown.sections.items():
        console.print(f"\n{section or 'lines'}", style="italic", markup=False, highlight=False)
        for s in lines:
            line = equation_text(s.equation, style)
            holds = f"    for t = {s.holds[0]}, …, {s.holds[1]}" if s.holds else ""
            _print_line(f"  {line}{holds}")
            if full:
                _print_words(f"      {s.rule}: {s.reason.replace('`', '')}")
            if s.dropped is not None:
                left = equation_text(replace(s.equation, expr=s.dropped), style)
                _print_line(f"      left out: {left.partition(' = ')[2]}")
    worst = max(c.error or 0.0 for c in report.comparisons)
    seen = sum(c.rejected for c in report.controls)
    console.print(
        f"\n{len(report.comparisons)} lines {report.verdict} by differences at 50 digits, the "
        f"largest error {worst:.1e}; {seen} planted wrong lines rejected (seed {report.seed})",
        markup=False, highlight=False,
    )  # fmt: skip
    for remark in report.remarks:
        console.print(f"note: {remark}", markup=False, highlight=False)


def _turned(cell: Cell, q: Any) -> Any:
    """The shape of a quantity in the form of its cell."""
    return q.shape if cell.convention == "row" else q.shape[::-1]


def _print_words(text: str) -> None:
    """Lines of words, wrapped to a terminal; a pipe or a file gets each line whole."""
    if not sys.stdout.isatty():
        _echo(text)
        return
    width = max(_console().width, 20)
    for line in text.splitlines():
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        _echo("\n".join(textwrap.wrap(line, width, subsequent_indent=indent,
                                      break_long_words=False, break_on_hyphens=False)))  # fmt: skip


def _print_line(text: str) -> None:
    # A formula is not broken: whoever pipes it gets it whole.
    _echo(text)


@main_group.command()
@_cell_options()
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
    subject = _one_subject(convention=convention, **which, part=None)
    if seed < 0:
        raise InputError(f"a seed is a whole number from 0 on, not {seed}")
    from .checking import flow as measure

    weights = _weights(path_of_weights) if path_of_weights is not None else None
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
        from .documents import to_svg

        if output == "-":
            _echo(to_svg(flows[0]))
            return
        write_text(Path(output), to_svg(flows[0]))
        _say(f"wrote {output}")
    several = isinstance(measured, tuple) and part is None
    if as_json:
        data = [f.to_dict() for f in flows]
        _print_json({"parts": data} if several else data[0])
        return
    for i, found in enumerate(flows):
        if several:
            _heading(("\n" if i else "") + found.cell.title)
        _print_flow(found, steps)


def _print_flow(found: Flow, steps: int) -> None:
    names = list(found.norms)
    table = _table("distance", *names)
    shown = sorted({1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, steps})
    for k in (k for k in shown if k <= steps):
        table.add_row(*_plain(str(k), *(f"{found.norms[n][k - 1]:.3e}" for n in names)))
    console = _console()
    console.print(table)
    words = ", ".join(f"{k} = {v}" for k, v in found.sizes.items())
    console.print(f"seed {found.seed}, {words}", markup=False, highlight=False)


@main_group.command()
@_cell_options(many=True)
@click.option("--against", metavar="keras|latex", default="keras", show_default=True,
              help="keras, or latex for the printed formula alone (no TensorFlow).")  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Seed of the random numbers.")
@click.option("--gradient", is_flag=True,
              help="Check the backward pass as well: gradients, and every line.")  # fmt: skip
@click.option("--as", "claim", metavar="CLAIM",
              help="What the cell is said to be: a layer such as keras.layers.GRU, or a cell "
              "of the catalogue.")  # fmt: skip
@click.option("--jobs", default=1, show_default=True, metavar="N",
              help="Check so many cells side by side; -1 takes all cores.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(
    cells: tuple[str, ...],
    claim: str | None,
    against: str,
    seed: int,
    gradient: bool,
    jobs: int,
    as_json: bool,
    equations: str | None,
    path: tuple[str, ...],
    convention: str | None,
    sizes: Any,
    part: str | None,
) -> None:
    """Compare cells with Keras: all of the catalogue, if none is named.

    CELLS are named as for `show`; of a Keras model the whole is compared, and every part.

    The verdict is one of: verified (a framework's own layer agrees), consistent (our own ways
    agree with each other; nobody else was asked), equal under a change of parameters, equal where
    defined, wrong, no power. The last two end with exit code 1.
    """
    from .cells import names

    every = equations is None and not path and not cells
    subjects = _several(
        tuple(names()) if every else cells, equations, path, convention, sizes, part
    )
    if seed < 0:
        raise InputError(f"a seed is a whole number from 0 on, not {seed}")
    from .checking import verify as compare
    from .checking import verify_all

    reports: list[Report] = []

    def done(report: Report) -> None:
        reports.append(report)
        _say_aside(f"[{len(reports)}/{len(subjects)}] {report.subject}: {report.verdict}")
        if not as_json:
            _print_words(str(report))

    if jobs != 1:
        with _quiet_stderr():
            verify_all(subjects, jobs=jobs, progress=done, against=against, claim=claim, seed=seed,
                       gradient=gradient)  # fmt: skip
        subjects = []
    for i, subject in enumerate(subjects, 1):
        with _quiet_stderr():
            report = compare(
                subject,
                against,
                claim=claim,
                seed=seed,
                gradient=gradient,
                progress=lambda what, i=i, subject=subject: _say_aside(  # type: ignore[misc]
                    f"[{i}/{len(subjects)}] {subject.name}: {what}"
                ),
            )
        reports.append(report)
        if not as_json:
            _print_words(str(report))
    if as_json:
        _print_json({"passed": all(reports), "reports": [r.to_dict() for r in reports]})
    _end(reports)


def _end(reports: list[Report]) -> None:
    """End with the exit code of the worst verdict, which is said once more."""
    bad = [r for r in reports if r.verdict.exit]
    if bad:
        raise CheckError("; ".join(f"{r.subject}: {r.verdict}" for r in bad))


@main_group.command()
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
    from .checking import equal as compare
    from .checking.equality import is_text
    from .language import parse

    def meant(text: str) -> Any:
        named = is_text(text)
        return parse(text, convention=convention) if named and convention is not None else text

    with _quiet_stderr():
        report = compare(meant(one), meant(other), seed=seed, progress=_say_aside)
    if as_json:
        _print_json({"passed": bool(report), "reports": [report.to_dict()]})
    else:
        _print_words(str(report))
    _end([report])


@main_group.command()
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
    from .frameworks.keras.files import from_file

    if gradient and no_verify:
        raise InputError("--gradient asks Keras, and --no-verify leaves it out")
    net = from_file(Path(model))
    arrays = [_load_array(path) for path in inputs]
    if inputs and len(inputs) != len(net.inputs):
        names = ", ".join(v.name for v in net.inputs)
        raise InputError(f"the model has {len(net.inputs)} input(s) ({names}): give --input for "
                         "each, in this order")  # fmt: skip
    folder = Path(output) if output is not None else None
    if folder is not None:
        _check_folder(folder, [*_EXPLAIN_FILES, *(["trace.npz"] if inputs else [])], force)
    from .checking import verify as check
    from .checking import verify_printed
    from .numeric import ModelFunction

    if inputs:  # a wrong input is refused before anything is computed
        ModelFunction(net).prepared(tuple(arrays), None, None, None, None)
    from .documents import explain as explained

    with _quiet_stderr() if not no_verify else contextlib.nullcontext():
        report = (
            verify_printed(net, seed=seed, progress=_say_aside)
            if no_verify
            else check(net, seed=seed, gradient=gradient, progress=_say_aside)
        )
    explanation = explained(
        net, report=report, source=f"Read from {Path(model).name}", verified=not no_verify,
        inputs=arrays or None, progress=_say_aside,
    )  # fmt: skip
    if folder is not None:
        _write_explanation(explanation, folder)
    if as_json:
        _print_json(explanation.to_dict())
    else:
        _print_explanation(explanation)
    if folder is not None:
        _say(f"wrote {folder}")
    if report.verdict.exit and (not no_verify or not report.passed):
        sys.exit(FAILED)


_EXPLAIN_FILES = (
    "explanation.tex", "explanation.md", "explanation.html", "explanation.json",
    "explanation.txt", "explanation.pdf",
)  # fmt: skip


def _load_array(path: str) -> Any:
    import numpy as np

    try:
        array = np.load(path, allow_pickle=False)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, EOFError):
        raise InputError(f"{path} is no .npy file of numbers") from None
    except MemoryError:
        raise InputError(f"{path} claims more memory than there is") from None
    if not isinstance(array, np.ndarray):
        raise InputError(f"{path} holds several arrays; one in a .npy file is wanted")
    return array


def _check_folder(folder: Path, names: list[str], force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is no folder")
    there = [name for name in names if (folder / name).exists()]
    if there and not force:
        raise InputError(f"{folder / there[0]} is there already; --force writes over it")


def _write_explanation(explanation: Any, folder: Path) -> None:
    import numpy as np

    from .documents import EXPLANATIONS, render, trace_arrays

    texts: dict[str, str | bytes] = {
        f"explanation.{to}": render(explanation, to) for to in EXPLANATIONS
    }
    texts["explanation.json"] = _json(explanation.to_dict()) + "\n"
    with contextlib.redirect_stdout(io.StringIO()) as terminal:
        _print_explanation(explanation)
    texts["explanation.txt"] = terminal.getvalue()
    if shutil.which("pdflatex"):
        from .documents.pdf import compiled, numbered

        try:
            texts["explanation.pdf"] = compiled(numbered(str(texts["explanation.tex"])))
        except InputError as refusal:  # nobody asked for it: the rest is written
            _say(f"no explanation.pdf: {refusal}")
    for name, figure in explanation.figures.items():
        texts[f"{name}.svg"] = str(figure)
    if explanation.traces:
        buffer = io.BytesIO()
        arrays: dict[str, Any] = trace_arrays(explanation)
        np.savez(buffer, **arrays)
        texts["trace.npz"] = buffer.getvalue()
    _write_folder(folder, texts)


def _print_explanation(explanation: Any) -> None:
    model, report = explanation.model, explanation.report
    console = _console()
    weak = f": {report.weak}" if report.weak else ""
    part = f", {model.coverage}" if model.boxes else ""
    console.print(f"{model.title}{part}: {explanation.verdict}{weak}", style="bold", markup=False,
                  highlight=False)  # fmt: skip
    console.print(
        f"{explanation.source}; {model.parameter_count:,} parameters"
        f"{' of the layers explained' if model.boxes else ''} in {model.dtype}\n",
        markup=False, highlight=False,
    )  # fmt: skip
    table = _table("layer", "class", "options", "gives", "parameters", "number")
    for layer, formula, number in explanation.layers:
        table.add_row(*_plain(layer.title, layer.kind, layer.words, layer.shape, formula,
                              f"{number:,}"))  # fmt: skip
    console.print(table)
    from .printing import to_text

    console.print()
    for line in to_text(model).splitlines():
        _print_line(("\n" + line) if line.startswith("# ") else f"  {line}")
    console.print()
    table = _table("block", "of", "is", "meaning", "least", "largest", "deviation")
    for b in explanation.blocks:
        numbers = [f"{b.statistics[k]:.3g}" for k in ("min", "max", "std")] if b.statistics else []
        table.add_row(*_plain(b.words, b.key, b.symbol, b.meaning, *numbers))
    console.print(table)
    console.print()
    _print_words(to_text(report))


@main_group.command()
@click.option("-o", "--output", default="build", show_default=True, metavar="FOLDER",
              help="Where the documents and the site are written.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--no-site", is_flag=True, help="Leave the site out.")
def tour(output: str, as_json: bool, no_site: bool) -> None:
    """The whole way on the notebook's network: derive, run, compare with Keras, write documents."""
    folder = Path(output)
    _make_folder(folder)
    total = 5 if no_site else 6
    say = _counter(total)
    say("reading the equations of simple_rnn and dense")
    from .cells import get
    from .checking import verify as compare
    from .derive import stack, unroll
    from .documents import document
    from .documents.environment import read_source
    from .documents.notebooks import from_script
    from .numeric import lambdify

    net = stack(get("simple_rnn"), get("dense"), D=3, M=5, K=3)
    say("unrolling ten steps and generating the NumPy functions")
    derivation = unroll(net, steps=10)
    function = lambdify(net)
    lambdify(derivation)
    say("importing TensorFlow and running the notebook's model in Keras")
    from .pages.notebook import run_notebook

    with _quiet_stderr():
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
    _make_folder(folder / "tour")
    for format_ in ("tex", "md"):
        write_text(files[format_], document(net, format_, steps=10, report=report))
    write_text(files["py"], function.source)
    write_text(files["ipynb"], from_script(read_source("explore_rnn.py")))
    write_text(files["report"], _json(report.to_dict()) + "\n")
    warnings: list[str] = []
    if not no_site:
        say("building the site")
        from .pages.sources import build_site

        with _quiet_stderr():
            warnings = build_site(folder / "site")
        files["site"] = folder / "site" / "index.html"
    # The worse of the two: the notebook's own model, and the report's random weights.
    worst = {d: max(run.errors[d], report.error(d) or 0.0) for d in ("float64", "float32")}
    small = {"float64": 1e-12, "float32": 1e-6}
    passed = bool(report) and all(worst[d] <= small[d] for d in small)
    if as_json:
        _print_json({"passed": passed, "max_error": worst, "parameters": run.parameters,
                     "files": {k: str(v) for k, v in files.items()}})  # fmt: skip
    else:
        _print_tour(run, report, files)
    for warning in warnings:
        _say(f"warning: {warning}")
    if not passed:
        raise CheckError(f"the tour's network does not agree with Keras: {report.verdict}")


def _print_tour(run: Any, report: Report, files: dict[str, Path]) -> None:
    console = _console()
    console.print(str(run.net), markup=False, highlight=False)
    console.print(f"parameters: {run.parameters}\n", highlight=False)
    table = _table("t", "y, ours", "y, Keras", "error")
    for row in run.rows:
        table.add_row(str(row.step), "  ".join(f"{v:9.6f}" for v in row.ours),
                      "  ".join(f"{v:9.6f}" for v in row.keras), f"{row.error:.1e}")  # fmt: skip
    console.print(table)
    console.print()
    console.print(str(report), markup=False, highlight=False)
    console.print("\nWhere to look:")
    for path in files.values():
        console.print(f"  {path}", markup=False, highlight=False, soft_wrap=True)


@main_group.group()
def docs() -> None:
    """The site: build it, or serve it while you write."""


@docs.command()
@click.option("-o", "--output", default="build/site", show_default=True, metavar="FOLDER",
              help="Where the site is written.")  # fmt: skip
def build(output: str) -> None:
    """Build the site; a warning is a failure."""
    from .pages.sources import build_site

    _make_folder(Path(output))  # before anything is computed
    _say_aside("building the site (this runs Keras for the numbers on the pages)")
    with _quiet_stderr():
        warnings = build_site(Path(output))
    for warning in warnings:
        _say(f"warning: {warning}")
    if warnings:
        raise CheckError(f"the site was built with {len(warnings)} warning(s)")
    _echo(str(Path(output) / "index.html"))


@docs.command()
@click.option("-o", "--output", metavar="PATH", help="Write to a file; - is the terminal.")
def house(output: str | None) -> None:
    """Draw which room of the package imports which, as SVG."""
    from .pages.house import house_svg

    if output in (None, "-"):
        _echo(house_svg())
        return
    write_text(Path(str(output)), house_svg())
    _say(f"wrote {output}")


@docs.command()
@click.option("--address", default="127.0.0.1:8000", show_default=True, help="Host and port.")
def serve(address: str) -> None:
    """Serve the site and rebuild it when a source changes."""
    from .pages.sources import serve_site

    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise InputError(f"an address is HOST:PORT, such as 127.0.0.1:8000, not '{address}'")
    serve_site(address)


def _weights(path: str) -> dict[str, Any]:
    """The arrays of an .npz file; nothing in it is executed."""
    import zipfile

    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except (ValueError, TypeError, AttributeError, EOFError, KeyError, zipfile.BadZipFile):
        raise InputError(f"cannot read {path}: no .npz file of plain arrays") from None


# --- small things ------------------------------------------------------------------------------


def write_text(path: Path, text: str | bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        InputError: one line, if the path cannot be written.
    """
    data = text if isinstance(text, bytes) else text.encode("utf-8")
    if path.is_dir():
        raise InputError(f"cannot write {path}: it is a folder")
    if path.exists() and not path.is_file():  # a device or a pipe takes what it is given
        try:
            path.write_bytes(data)
        except OSError as error:
            raise InputError(f"cannot write {path}: {error.strerror or error}") from None
        return
    path = path.resolve()  # of a link, the file behind it
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent or ".", prefix=f".{path.name}.")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        # A temporary file is for its owner alone; the document should be like any other.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise InputError(f"cannot write {path}: {error.strerror or error}") from None


def _write_folder(folder: Path, texts: Mapping[str, str | bytes]) -> None:
    """Write a folder's files all or none: beside it first, and then in one move or several."""
    folder = folder.resolve()
    parent = folder if folder.is_dir() else folder.parent
    made = [p for p in (folder, *folder.parents) if not p.exists()]
    _make_folder(parent)
    try:
        beside = Path(tempfile.mkdtemp(dir=parent, prefix=f".{folder.name}."))
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from None
    try:
        for name, text in texts.items():
            if (folder / name).is_dir():
                raise InputError(f"cannot write {folder / name}: it is a folder")
            write_text(beside / name, text)
        _make_folder(folder)
        for name in texts:
            os.replace(beside / name, folder / name)
    except BaseException as error:
        shutil.rmtree(beside, ignore_errors=True)
        for path in made:  # what was made for this alone goes again
            with contextlib.suppress(OSError):
                path.rmdir()
        if isinstance(error, OSError):
            raise InputError(f"cannot write to {folder}: {error.strerror or error}") from None
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror or error}") from None


def _counter(total: int) -> Callable[[str], None]:
    done = 0

    def say(what: str) -> None:
        nonlocal done
        done += 1
        _say_aside(f"[{done}/{total}] {what}")

    return say


def _say_aside(what: str) -> None:
    """Progress: on standard error, past anything that keeps libraries quiet."""
    stream = _STDERR[-1] if _STDERR else sys.stderr
    print(what, file=stream, flush=True)


#: The real standard error, while that of libraries is kept back.
_STDERR: list[Any] = []


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Keep back what TensorFlow's C++ writes to standard error; show it if something fails."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        _STDERR.append(os.fdopen(os.dup(kept), "w"))
        try:
            yield
        except (RnnsymError, CheckError):
            raise
        except BaseException:
            file.seek(0)
            os.write(kept, file.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            _STDERR.pop().close()


def _json(data: Any) -> str:
    def finite(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: finite(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [finite(v) for v in value]
        if isinstance(value, float) and not -1e308 < value < 1e308:
            return str(value)  # JSON has no infinity and no NaN
        return value

    return json.dumps(finite(data), indent=2, ensure_ascii=False)


def _print_json(data: Any) -> None:
    _ANSWERED.append(True)
    _echo(_json(data))


def _console() -> Any:
    from rich.console import Console

    # A terminal, or whoever sets COLUMNS, says how wide lines are.
    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS", "").isdecimal() else 110
    return Console(width=width)


def _table(*columns: str) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column)
    return table


def _plain(*cells: str) -> list[Any]:
    """Cells that are shown as they are: a user's text is no markup."""
    from rich.text import Text

    return [Text(fitting(cell, sys.stdout.encoding or "utf-8")) for cell in cells]
