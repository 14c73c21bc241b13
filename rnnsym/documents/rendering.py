"""Cells as documents, in every format.

The formulas are printed first, these very strings are read again and evaluated, and the same
strings are handed to the template: what stands on the page is what was checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from ..derive.backward import given_to
from ..derive.kinds import DERIVATIONS
from ..derive.losses import loss_of
from ..derive.parts import nodes_of
from ..errors import InputError, suggestion
from ..language.scan import plain_name
from ..models import Model
from ..nouns import Cell, Report
from .environment import Safe, markdown_environment, tex_environment, text_environment
from .example import given_numbers
from .views import CellView, Request, printable

#: The most steps that are printed one by one.
MOST_STEPS = 200
#: The parts of a document, in the order in which they stand.
WHAT = ("symbols", "count", "forward", "elements", "unrolled", "matrices", "example", "code",
        *DERIVATIONS, "cost", "report")  # fmt: skip
USUAL = ("symbols", "count", "forward", "unrolled", "code", "report")

Views = Sequence[CellView]


def _laid_out(template: str, environment: Callable[[], Any]) -> Callable[[Views, bool], str]:
    """A format that is one template for the document and one for each cell in it."""

    def render(views: Views, fragment: bool) -> str:
        several = len(views) > 1
        inner = environment().get_template(f"document/cell.{template}.j2")
        bodies = [
            Safe(inner.render(d=v, what=v.request.what, full=v.request.full, several=several))
            for v in views
        ]
        outer = environment().get_template(f"document/document.{template}.j2")
        return outer.render(views=views, bodies=bodies, fragment=fragment)

    return render


def _later(module: str, name: str) -> Callable[[Views, bool], Any]:
    """A format whose module is imported when it is asked for."""

    def render(views: Views, fragment: bool) -> Any:
        import importlib

        return getattr(importlib.import_module(f".{module}", __package__), name)(views)

    return render


#: The formats of a document: what makes it, text or (of a PDF) bytes.
FORMATS: dict[str, Callable[[Views, bool], Any]] = {
    "tex": _laid_out("tex", tex_environment),
    "md": _laid_out("md", markdown_environment),
    "txt": _laid_out("txt", text_environment),
    "ipynb": _later("notebooks", "notebook"),
    "py": _later("scripts", "script"),
    "json": _later("data", "data"),
    "mathml": _later("mathml", "mathml"),
    "pdf": _later("pdf", "pdf"),
    "svg": _later("diagrams", "svg"),
    "tikz": _later("diagrams", "tikz"),
}


#: Other words for formats and parts.
_ALSO = {
    "latex": "tex", "markdown": "md", "text": "txt", "plain": "txt", "python": "py", "numpy": "py",
    "notebook": "ipynb", "jupyter": "ipynb", "picture": "svg", "diagram": "svg", "xml": "mathml",
}  # fmt: skip
_ALSO_PARTS = {
    "equations": "forward", "costs": "cost", "flops": "cost", "parameters": "count",
    "shapes": "symbols", "unroll": "unrolled",
} | {word: kind.name for kind in DERIVATIONS.values() for word in kind.also}  # fmt: skip


def format_of(path: str, to: str | None) -> str:
    """The format of a file by the end of its name, or the one that is asked for.

    Raises:
        InputError: if the name promises something else than is written, or nothing that there is.
    """
    suffix = PurePath(path).suffix.removeprefix(".").lower()
    if to is None:
        if not suffix:
            return "tex"
        suffix = _ENDS.get(suffix, suffix)
        if suffix not in FORMATS:
            raise InputError(
                f"no format writes .{suffix}{suggestion(suffix, FORMATS, _ALSO)}; there are "
                f"{', '.join(FORMATS)}"
            )
        return suffix
    suffix = _ENDS.get(suffix, suffix)
    other = suffix in FORMATS and suffix != to and {suffix, to} != {"tex", "tikz"}
    if other or suffix in _OTHERS:
        raise InputError(f"{path} is the name of another kind of file than --to {to} writes")
    return to


#: Other ends of names: a page whose formulas are MathML is a page.
_ENDS = {"html": "mathml", "htm": "mathml", "markdown": "md", "text": "txt"}
#: Ends of names of what no format writes.
_OTHERS = ("png", "jpg", "jpeg", "gif", "webp", "docx", "odt", "ps", "eps")


def document(
    cells: Cell | Model | Sequence[Cell | Model],
    to: str = "tex",
    *,
    steps: int = 3,
    what: tuple[str, ...] | str = USUAL,
    loss: str = "general",
    full: bool = False,
    report: Report | None = None,
    fragment: bool = False,
    at: Mapping[str, int] | None = None,
    inputs: Sequence[Any] | None = None,
    weights: Mapping[str, Any] | None = None,
    title: str = "",
    author: str = "",
    **choices: Any,
) -> Any:
    """Render cells or networks: symbols, equations, recurrence, unrolled steps, code and report.

    Args:
        cells: what to print; several give one document with a table of contents. A model is
            printed part by part.
        to: the format, one of FORMATS: "tex" (an article that pdflatex compiles), "md", "txt",
            "ipynb", "py" (needs NumPy alone), "json", "mathml", "pdf", "svg" or "tikz" (diagrams).
        steps: how many steps are written out.
        what: the parts, of WHAT; a text splits them by commas. Formats that are no page (py, svg,
            tikz) have parts of their own.
        loss: the loss of "bptt", of a model that of its output; see `backpropagate`.
        full: give every line of the derivations with its rule, its reason and the shapes.
        report: the report to print of a single cell; without one, the LaTeX is read back here.
        fragment: of "tex": for `\\input`, without the preamble.
        at: N and T as numbers, for the costs.
        inputs: somebody's own numbers for the worked example of a single cell: an array (T, D) for
            each of its inputs.
        weights: the parameters of that example by name, as the cell's function takes them.
        title: of an article ("tex", "pdf"); the titles of its cells without.
        author: of an article.
        **choices: as those of `to_latex`.

    Returns:
        The text of the document; bytes of a PDF.

    Raises:
        InputError: for an unknown format or choice, too many steps, or a form that a cell does not
            have.
        CheckError: if the printed equations do not evaluate to what the code computes.
    """
    subjects = [cells] if isinstance(cells, (Cell, Model)) else cells
    if not isinstance(subjects, (list, tuple)) or not subjects:
        raise InputError(f"a document is of a cell, network or model, not {type(cells).__name__}")
    if to not in FORMATS:
        hint = suggestion(to, FORMATS, _ALSO)
        raise InputError(f"unknown format '{to}'{hint}; there are {', '.join(FORMATS)}")
    loss_of(loss)  # also where no part asks for it
    given, losses = _cells(subjects, loss)
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= MOST_STEPS:
        raise InputError(f"steps must be a whole number from 1 to {MOST_STEPS}, not {steps!r}")
    if fragment and to != "tex":
        raise InputError(f"a fragment is of tex, not of {to}")
    if report is not None and len(given) > 1:
        raise InputError("a report is of one cell; the document has several")
    if report is not None and not isinstance(report, Report):
        raise InputError(f"a report is what verify gives, not {type(report).__name__}")
    parts = check_what(what)
    if (title or author) and (to not in ("tex", "pdf") or fragment):
        raise InputError("a title and an author are of articles: tex and pdf")
    title, author = (printable(" ".join(words.split())) for words in (title, author))
    if at and (not set(at) <= {"N", "T"} or any(n < 1 for n in at.values())):
        raise InputError("costs are taken at whole numbers N and T from 1 on")
    numbers = None
    if inputs is not None or weights is not None:
        if len(given) > 1 or inputs is None or "example" not in parts:
            raise InputError("own numbers are of the part example of one cell: inputs and weights")
        numbers = given_numbers(given[0], inputs, weights or {})
    views = []
    for cell, of_cell in zip(given, losses):
        own = dict(choices)
        if len(given) > 1 and isinstance(choices.get("rename"), dict):
            own["rename"] = _where_it_fits(choices["rename"], cell, given)
        views.append(
            CellView(
                cell,
                Request(parts, steps, of_cell, full, report, own, at, numbers, title, author),
            )
        )
    return FORMATS[to](views, fragment)


def _cells(subjects: Sequence[Cell | Model], loss: str) -> tuple[list[Cell], list[str]]:
    """Every cell of what is printed, and the loss of each."""
    cells: list[Cell] = []
    losses: list[str] = []
    for subject in subjects:
        nodes = nodes_of(subject, "a document")
        if isinstance(subject, Cell):
            cells.append(subject)
            losses.append(loss)
            continue
        own = [given_to(subject, n, {"loss": loss}) for n in nodes]
        cells += [cell for cell, _ in own]
        losses += [options["loss"] for _, options in own]
    return cells, losses


def _where_it_fits(rename: dict[str, str], cell: Cell, cells: Sequence[Cell]) -> dict[str, str]:
    """Of renamings for several cells, those of one; a name that none has is refused there."""
    known = {v.name for c in cells for v in c.variables}
    return {old: new for old, new in rename.items()
            if plain_name(old) in cell or plain_name(old) not in known}  # fmt: skip


def check_what(what: tuple[str, ...] | str) -> tuple[str, ...]:
    """The parts of a document, checked, in their order.

    Raises:
        InputError: for a part that is none.
    """
    if not isinstance(what, (str, tuple, list)) or not all(isinstance(n, str) for n in what):
        raise InputError(f"the parts are names, split by commas, not {what!r}")
    names = tuple(what.split(",")) if isinstance(what, str) else tuple(what)
    names = tuple(n.strip() for n in names if n.strip())
    for name in names:
        if name not in WHAT:
            hint = suggestion(name, WHAT, _ALSO_PARTS)
            raise InputError(f"unknown part '{name}'{hint}; there are {', '.join(WHAT)}")
    if not names:
        raise InputError(f"a document needs a part; there are {', '.join(WHAT)}")
    return tuple(n for n in WHAT if n in names)
