"""`rnnsym derive`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ..errors import InputError, suggestion
from ._options import (
    Listed,
    cell_options,
    completing,
    derivations_known,
    losses_in_words,
    losses_known,
)
from ._subjects import one_subject
from ._terminal import console_of, echo, print_json, print_line, print_words

if TYPE_CHECKING:
    from ..nouns import Cell, Derivation, Report


#: Every line that is written out is checked and printed.
_MOST_DERIVED = 200


@click.command()
@cell_options()
@click.option("--what", cls=Listed, metavar="PART", default="bptt", show_default=True,
              shell_complete=completing(derivations_known), known=derivations_known,
              help="What is derived")  # fmt: skip
@click.option(
    "--steps", type=int, help="Write out so many steps of a gradient; T is a symbol without."
)
@click.option("--loss", cls=Listed, metavar="NAME", default="general", show_default=True,
              shell_complete=completing(losses_known), known=losses_in_words,
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
    from ..derive.kinds import DERIVATIONS
    from ..printing.style import in_form

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
    subject = one_subject(convention=convention, **which)
    options = {"steps": steps, "loss": loss, "over": over, "truncate": truncate}
    made = kind.make(subject, **(options if kind.of_loss else {}))
    whole = isinstance(made, tuple)
    derived: list[Derivation] = list(made) if isinstance(made, tuple) else [made]
    derived = [in_form(d, convention or d.convention) for d in derived]
    reports = [(d, d.check()) for d in derived]
    if as_json:
        data = [_derivation_data(d, report, full) for d, report in reports]
        print_json({"parts": data} if whole else data[0])
        return
    for i, (derivation, report) in enumerate(reports):
        if i:
            echo("")
        _print_derivation(derivation, report, full)


def _derivation_data(derivation: Derivation, report: Report, full: bool) -> dict[str, Any]:
    from ..printing import chosen, to_text
    from ..printing.latex import equation_tex
    from ..printing.text import equation_text

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
    from ..printing import chosen
    from ..printing.text import equation_text

    _, style = chosen(derivation)
    shown = derivation if full else derivation.terse()
    console = console_of()
    console.print(derivation.title, style="bold", markup=False, highlight=False)
    for section, lines in shown.sections.items():
        console.print(f"\n{section or 'lines'}", style="italic", markup=False, highlight=False)
        for s in lines:
            line = equation_text(s.equation, style)
            holds = f"    for t = {s.holds[0]}, …, {s.holds[1]}" if s.holds else ""
            print_line(f"  {line}{holds}")
            if full:
                print_words(f"      {s.rule}: {s.reason.replace('`', '')}")
            if s.dropped is not None:
                left = equation_text(replace(s.equation, expr=s.dropped), style)
                print_line(f"      left out: {left.partition(' = ')[2]}")
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


#: What the command line finds.
command = derive
