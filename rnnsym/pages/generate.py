"""The generated pages: a pure function from the package to Markdown."""

from __future__ import annotations

import html
import inspect
import shutil
import subprocess
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

import rnnsym

from ..cells import get, names
from ..checking import verify
from ..checking.calculus import TOLERANCE, calculus
from ..checking.cells import CellWhole
from ..checking.evidence import kept
from ..checking.printed import Printing
from ..derive.kinds import DERIVATIONS, kind_of
from ..documents import to_svg
from ..documents.derivations import DerivationView, view
from ..documents.environment import Safe, markdown_environment, site_sources
from ..documents.notebooks import from_script
from ..documents.plots import chart
from ..documents.rendering import FORMATS, WHAT
from ..documents.views import CellView, Request
from ..frameworks.keras.builder import MOST_LAYERS, MOST_NUMBERS, covered
from ..frameworks.keras.files import MOST_CONFIG
from ..language import CONVENTIONS
from ..notations import get as get_notation
from ..notations import names as notation_names
from ..nouns import Cell, Report
from ..ops.elementwise import is_function
from ..ops.rows import RowApply
from ..printing import Style, count_text, to_latex
from ..printing.latex import aligned, size_tex
from .notebook import TrainingRun, run_explained, run_notebook, run_training

_UNROLLED = 3
_DISTANCE = 100


def cell_navigation() -> list[Any]:
    """The navigation of the cells: the overview and a page for each cell."""
    return ["cells/index.md", *({_entry(get(n)): f"cells/{n}.md"} for n in names())]


def report_navigation() -> list[Any]:
    """The navigation of the reports, one for each cell."""
    return [{_entry(get(n)): f"reports/{n}.md"} for n in names()]


#: What the navigation in `mkdocs.yml` names by one word, and what stands there.
NAVIGATION = {"cells": cell_navigation, "reports": report_navigation}


def site_files() -> dict[str, str | bytes]:
    """Every generated page and download by its path under `docs/`; what nothing changed is kept."""
    found: dict[str, str | bytes] = {}
    for name, make in _pieces().items():
        found |= kept(["a piece of the site", name, _pdflatex()], make)
    return found


Piece = dict[str, str | bytes]


def _pieces() -> dict[str, Callable[[], Piece]]:
    """What the site is made of, by name; each is checked and kept by itself."""
    pages: dict[str, Callable[[], str]] = {
        "index.md": _home,
        "notebook.md": notebook_page,
        "training.md": training_page,
        "explain.md": explain_page,
        "cells/index.md": cells_page,
        "reference/python.md": python_page,
        "reference/calculus.md": calculus_page,
        "print.md": print_page,
    }
    found: dict[str, Callable[[], Piece]] = {
        path: lambda path=path, make=make: {path: make()}  # type: ignore[misc]
        for path, make in pages.items()
    }
    found["the notebook"] = lambda: {"notebook/explore_rnn.ipynb": from_script(
        (site_sources() / "docs" / "explore_rnn.py").read_text(encoding="utf-8"))}  # fmt: skip
    return found | {f"the cell {n}": partial(cell_files, n) for n in names()}


def cell_files(name: str) -> Piece:
    """The page of a cell, its report, and the documents that the page offers."""
    cell = get(name)
    report = _report(cell)
    found: Piece = {
        f"cells/{name}.md": cell_page(cell, report),
        f"reports/{name}.md": _render(
            "site/report_page.md.j2", title=_title(cell), name=name, report=report
        ),
    }
    view = _view(cell, "row", WHAT_EXPORTED)
    for to, render in FORMATS.items():
        if to != "pdf" or shutil.which("pdflatex"):
            found[f"cells/{name}/{name}.{EXTENSIONS.get(to, to)}"] = render([view], False)
    return found


@cache
def _pdflatex() -> str:
    """Which pdflatex there is: PDFs are made by it."""
    path = shutil.which("pdflatex")
    if path is None:
        return "no pdflatex"
    done = subprocess.run([path, "--version"], capture_output=True, text=True)  # noqa: S603
    return done.stdout


#: The parts of the documents that pages offer.
WHAT_EXPORTED = ("symbols", "count", "forward", "elements", "unrolled", "matrices", "example",
                 "code", "report")  # fmt: skip
#: Endings of files, where they are not that of the format: MkDocs would make a page of an .md file.
EXTENSIONS = {"md": "md.txt", "mathml": "html", "tikz": "tikz.tex"}


@cache
def _view(cell: Cell, convention: str, what: tuple[str, ...], notation: str = "own") -> CellView:
    choices = {"convention": convention, "notation": notation}
    return CellView(cell, Request(what, _UNROLLED, report=_report(cell), choices=choices))


def notebook_page() -> str:
    """The notebook, run, with its network in every form."""
    return _render("site/notebook.md.j2", run=run_notebook(), **_notebook_forms())


def training_page() -> str:
    """The page of two networks that are trained side by side."""
    run = run_training()
    return _render("site/training.md.j2", run=run, picture=Safe(losses_svg(run)))


def cells_page() -> str:
    """The overview of the cells."""
    cells = [get(n) for n in names()]
    reports = {c.name: _report(c) for c in cells}
    return _render("site/cells.md.j2", cells=cells, reports=reports)


def python_page() -> str:
    """The reference of the public names."""
    return _render("site/python.md.j2", groups=public_names())


def print_page() -> str:
    """The page about forms, notations and formats, with a cell in each of them."""
    cell = get("simple_rnn")
    shown = _view(cell, "row", ("forward", "elements"))
    joining = Cell.parse("y_t = softmax([h_{t-1}, x_t] W)\nh_t = tanh(y_t V)")
    joined = CellView(joining, Request(("elements",)))
    return _render(
        "site/print.md.j2",
        cell=cell,
        forms={form: aligned(shown.blocks[form].lines) for form in shown.blocks},
        notations=_in_notations(cell),
        own=[get_notation(n) for n in notation_names()],
        formats=list(FORMATS),
        parts=list(WHAT),
        joined=aligned(joined.blocks["elements"].lines),
    )  # fmt: skip


def _in_notations(cell: Cell) -> list[tuple[Any, CellView]]:
    """A cell in every notation but its own, as the source of each writes vectors."""
    found = []
    for name in notation_names():
        notation = get_notation(name)
        if name != "own":
            view = _view(cell, notation.convention, ("forward", "elements"), name)
            found.append((notation, view))
    return found


def calculus_page() -> str:
    """The rules of every operation, each checked now."""
    rules = calculus()
    functions = [r for r in rules if is_function(r.equation.expr)]
    along = [r for r in rules if r.operation is RowApply]
    return _render(
        "site/calculus.md.j2",
        rules=rules,
        operations=[r for r in rules if r not in functions and r not in along],
        along=along,
        functions=functions,
        worst=max(r.error for r in rules),
        tolerance=TOLERANCE,
    )


def explain_page() -> str:
    """The page about a reader's own model, with an example that is trained here."""
    run = run_explained()
    e = run.explanation
    (picture,) = e.figures.values()
    memory = next(e.model.equations)
    assert memory.cell is not None
    return _render(
        "site/explain.md.j2",
        run=run,
        e=e,
        picture=picture,
        sizes={str(symbol): value for symbol, value in memory.cell.sizes.items()},
        covered=[k for k in covered() if k not in ("InputLayer", "Model")],
        most_numbers=MOST_NUMBERS,
        most_layers=MOST_LAYERS,
        most_config=MOST_CONFIG,
    )


def cell_page(cell: Cell, report: Report) -> str:
    """The page of a cell; the equations on it are those that were read back."""
    what = (*WHAT_EXPORTED, *DERIVATIONS, "cost")
    shown = {c: _view(cell, c, what) for c in CONVENTIONS}
    name = cell.name
    return _render(
        "site/cell.md.j2",
        d=shown["row"],
        forms=shown,
        report=report,
        text=Safe(cell.text),
        notations=_in_notations(cell),
        files={to: f"{name}/{name}.{EXTENSIONS.get(to, to)}" for to in FORMATS
               if to != "pdf" or shutil.which("pdflatex")},
        diagram=Safe(FORMATS["svg"]([shown["row"]], False)),
        derivations=_derivations(cell),
        gradient=Safe(rnnsym.lambdify(cell, gradient=True).source.rstrip()) if cell.inputs else "",
        flow=Safe(to_svg(rnnsym.flow(cell, _DISTANCE))) if cell.states else "",
    )  # fmt: skip


def _derivations(cell: Cell) -> dict[str, dict[str, DerivationView]]:
    """Every derivation of a cell in both conventions, by what and by convention."""
    found: dict[str, dict[str, DerivationView]] = {}
    _report(cell)
    for derivation, report in _verified(cell).derived:
        kind = kind_of(derivation)
        assert kind is not None
        checked = report.check()
        views = {c: view(derivation, kind.name, Style(c), True, checked) for c in CONVENTIONS}
        found[kind.name] = views
    return found


def losses_svg(run: TrainingRun) -> str:
    """The loss over training, as a picture."""
    rows = {"ours": np.array(run.ours), "Keras": np.array(run.keras)}
    return chart(
        rows, "loss against training steps", "training step",
        f"The loss of both networks falls from {run.ours[0]:.3g} to {run.ours[-1]:.3g} in "
        f"{len(run.ours)} steps; the two lines lie on each other.",
    )  # fmt: skip


@cache
def _verified(cell: Cell) -> CellWhole:
    """A cell, verified with its gradient: the report, and its derivations with theirs."""
    return CellWhole(cell, 0)


@cache
def _report(cell: Cell) -> Report:
    return _verified(cell).report(gradient=True)


def _entry(cell: Cell) -> str:
    """A title in the navigation, where the theme writes it as it is."""
    return html.escape(_title(cell), quote=False)


def _title(cell: Cell) -> str:
    return cell.title or cell.name


def _home() -> str:
    cell = get("simple_rnn")
    return _render(
        "site/home.md.j2",
        cell=cell,
        tex=aligned(_view(cell, "row", ("forward",)).blocks["forward"].lines),
        source=Safe(rnnsym.lambdify(cell).source.rstrip()),
        report=_report(cell),
    )


def _notebook_forms() -> dict[str, Any]:
    net = run_notebook().net
    printing = Printing(net, len(run_notebook().rows))
    return {
        "formula": aligned(printing.block("forward").lines),
        "unrolled": aligned(printing.block("unrolled").lines),
        "report": verify(net, steps=len(run_notebook().rows)),
    }


def public_names() -> list[tuple[str, list[str]]]:
    """What the package offers, by kind, as paths for the reference."""
    groups: dict[str, list[str]] = {"Functions": [], "Classes": [], "Errors": []}
    for name in rnnsym.__all__:
        thing = getattr(rnnsym, name)
        if inspect.isclass(thing):
            group = "Errors" if issubclass(thing, Exception) else "Classes"
        elif inspect.isfunction(thing):
            group = "Functions"
        else:
            continue
        groups[group].append(f"{thing.__module__}.{thing.__qualname__}")
    catalogue = [f"rnnsym.cells.catalogue.{n}" for n in ("names", "get", "read_file")]
    return [*groups.items(), ("The catalogue", catalogue)]


def _display(tex: str) -> Safe:
    """A displayed formula for the site: not searched, rendered by KaTeX when it is seen."""
    lines = "\n".join(line for line in tex.splitlines() if line.strip())
    body = html.escape(lines, quote=False)
    return Safe(f'<div class="arithmatex" data-search-exclude>\\[\n{body}\n\\]</div>')


def _display_in_tab(tex: str, depth: int = 1) -> Safe:
    """A displayed formula inside a tab, where Markdown would read a `div` of ours as prose."""
    return Safe(f"$$\n{tex}\n$$".replace("\n", "\n" + "    " * depth))


def _one_line(tex: str) -> Safe:
    """A formula of an `aligned` block in one line, for the title of something that folds."""
    return Safe(" ".join(tex.replace(r"\\", " ").replace("&", "").replace(r"\quad", "").split()))


def _as_name(text: str) -> Safe:
    """A line in plain text for who hears the page, in a place where Markdown reads signs."""
    plain = html.escape(text)
    return Safe("".join(f"&#{ord(c)};" if c in "_*[]^~`\\|" else c for c in plain))


def _lines_of(numbers: tuple[float, ...], form: str) -> Safe:
    """The numbers of a vector, one below the other."""
    return Safe("<br>".join(form % number for number in numbers))


def _render(template: str, **values: Any) -> str:
    environment = markdown_environment()
    environment.filters |= {
        "display": _display,
        "display_in_tab": _display_in_tab,
        "lines_in_tab": lambda lines, depth=1: _display_in_tab(aligned(lines), depth),
        "one_line": _one_line,
        "as_name": _as_name,
        "count_of": count_text,
        "lines_of": _lines_of,
        "formula": lambda equation: Safe(f"${to_latex(equation)}$"),
        "shape": lambda shape: Safe(f"${size_tex(shape[0])} \\times {size_tex(shape[1])}$"),
    }
    environment.tests["begins"] = str.startswith
    return environment.get_template(template).render(**values)
