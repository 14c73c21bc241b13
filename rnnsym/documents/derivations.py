"""Derivations laid out for templates: their lines printed, read again, and given with reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sympy import Expr, Integer, Symbol, latex

from ..checking import verify_lines
from ..checking.definitions import check_size
from ..checking.lines import check_bounds
from ..derive import count
from ..derive.bounds import bounds
from ..derive.costs import Costs
from ..derive.differentiated import Differentiated
from ..derive.kinds import ACCENT_WORDS, DERIVATIONS
from ..errors import CheckError, RnnsymError
from ..language import read
from ..names import T, tex_of
from ..nouns import Cell, Derivation, Equation, Quantity, Report, Sentence, Step
from ..ops.leaves import Number
from ..ops.node import mirrored
from ..pieces import Piece, break_lines, join, measure
from ..printing import Style, tex_lines
from ..printing.formula import Plain, Tex, in_convention
from ..printing.latex import PAGE, size_tex
from ..printing.text import equation_text
from .environment import Safe


@dataclass(frozen=True)
class LineView:
    """A line for a template.

    Attributes:
        tex: the line as it stands inside an `aligned` block.
        rule: the rule that gives it.
        reason: pieces of the reason: words, and mathematics (as `Safe` TeX).
        holds: TeX of the steps at which it holds; empty where the line says it itself.
        dropped: TeX of what truncation leaves out, or empty.
        shapes: TeX of the left side's shape and of each factor's.
        text: the line in plain text.
        words: the reason in plain text, its formulas in the form of the line.
    """

    tex: Safe
    rule: str
    reason: tuple[str | Safe, ...]
    holds: Safe
    dropped: Safe
    shapes: tuple[Safe, ...]
    text: Safe
    words: str


@dataclass(frozen=True)
class GroupView:
    """A section of a derivation: a title, what it says, its lines."""

    title: str
    intro: tuple[str | Safe, ...]
    lines: tuple[LineView, ...]


@dataclass(frozen=True)
class DerivationView:
    """A derivation for a template."""

    title: str
    intro: tuple[str | Safe, ...]
    groups: tuple[GroupView, ...]
    report: Report
    error: float
    bounds: tuple[Safe, ...] = ()
    product: str = ""


@dataclass(frozen=True)
class CostRow:
    """What is counted, its formula, and its value where every size is given."""

    words: str
    formula: Safe
    text: str


def views(
    cell: Cell, what: tuple[str, ...], style: Style, full: bool, loss: str
) -> tuple[DerivationView, ...]:
    """The derivations that a document asks for, every line checked by itself first.

    Raises:
        CheckError: if a line does not hold, or is not read again as it was derived.
    """
    found = []
    for name in what:
        if name not in DERIVATIONS:
            continue
        derivation = derive(cell, name, loss)
        if derivation is not None:
            found.append(view(derivation, name, style, full))
    return tuple(found)


def derive(cell: Cell, name: str, loss: str = "general") -> Derivation | None:
    """One derivation of a cell, or None where it has none (no state, no parameter)."""
    return DERIVATIONS[name].of(cell, loss)


def view(
    derivation: Derivation, name: str, style: Style | None = None, full: bool = False,
    report: Report | None = None,
) -> DerivationView:  # fmt: skip
    """A derivation for a template, checked."""
    style = style or Style()
    checked = (report or verify_lines(derivation)).check()
    shown = derivation if full else derivation.terse()
    marks = Differentiated.of(derivation)
    groups = []
    for section, steps in shown.sections.items():
        title, about = _SECTIONS.get(section, (section.capitalize(), ""))
        lines = tuple(_line(s, derivation, style) for s in steps)
        about = about.format(tangent=ACCENT_WORDS[marks.tangent_mark])
        groups.append(GroupView(title, (about,) if about else (), lines))
    error = max(c.error or 0.0 for c in checked.comparisons)
    kind = DERIVATIONS[name]
    intro = _set(kind.about(derivation, style.convention), derivation, style)
    limits: tuple[Safe, ...] = ()
    product = ""
    if kind.blocks:
        limits = tuple(map(Safe, bound_lines(derivation, style)))
        product = _product_tex(derivation, style)
    return DerivationView(kind.title, intro, tuple(groups), checked, error, limits, Safe(product))


#: The sections of derivations: a title, and what there is to say about them.
_SECTIONS = {
    "forward": ("Equations", "Every nested part has a name, so that slopes are written in names."),
    "changes": (
        "How each equation changes",
        "{tangent} is a small change. Each line is linear in the changes, and read backwards it "
        "gives the derivatives below.",
    ),
    "loss": ("Loss", "What a step adds to the loss, and its derivative by the output."),
    "immediate": (
        "Immediate derivatives",
        "They count the loss of step t alone, as if there were no later steps. They are not the "
        "total derivatives, although some books write both alike.",
    ),
    "backward": (
        "Backward in time",
        "From the last step to the first. Where a line at T follows, the line above it holds for "
        "all steps before T.",
    ),
    "gradients": ("Gradients", "What the sweep leaves for everything that goes in."),
    "start": ("Start", ""),
    "sensitivities": (
        "Forward in time",
        "The change of every quantity, carried along with the quantity itself.",
    ),
    "gradient": ("The gradient", "Both ways give the same number."),
    "jacobians": ("Derivatives by the state before", ""),
}


def _line(step: Step, derivation: Derivation, style: Style) -> LineView:
    spelling, convention = Tex(style), style.convention
    tex = tex_lines(step.equation, style)
    _held(tex, step, derivation, convention)
    dropped = ""
    if step.dropped is not None:
        _, expr = in_convention(type(step.equation)(step.equation.variable, step.dropped,
                                                    step.equation.time), convention)  # fmt: skip
        dropped = join(spelling.expr(expr))
        head = tex.partition(" &= ")[0]
        (again,) = read(f"{head} = {dropped}", derivation, convention, True)
        if again.expr != step.dropped:
            raise CheckError(f"what is left out is read as something else: {dropped}")
    shapes = tuple(
        Safe(rf"{spelling.quantity(q).text}\colon {_shape(q, convention)}") for q, _ in step.shapes
    )
    return LineView(
        Safe(tex), step.rule, _set(step.why, derivation, style), Safe(_holds(step)),
        Safe(dropped), tuple(dict.fromkeys(shapes)), Safe(_text(step, derivation, style)),
        _plain(step.why, derivation, style),
    )  # fmt: skip


def _text(step: Step, derivation: Derivation, style: Style) -> str:
    """A line in plain text, held to the line that was checked."""
    text = equation_text(step.equation, style)
    (again,) = read(text, derivation, style.convention, False)
    if again.expr != step.equation.expr or again.lhs != step.equation.lhs:
        raise CheckError(f"a printed line is read as another one: {text}")
    return text


def _shape(q: Quantity, convention: str) -> str:
    rows, cols = q.shape if convention == "row" else q.shape[::-1]
    sides = (check_size(size_tex(side), side) for side in (rows, cols))
    return r" \times ".join(sides)


def _held(tex: str, step: Step, derivation: Derivation, convention: str) -> None:
    """Hold a printed line to the line that was checked."""
    try:
        (again,) = read(tex, derivation, convention, True)
        (tight,) = read(tex, derivation, convention, True, tight=True)
    except RnnsymError as refusal:
        raise CheckError(f"a printed line cannot be read again: {refusal}") from None
    for found in (again, tight):
        if found.expr != step.equation.expr or found.lhs != step.equation.lhs:
            raise CheckError(f"a printed line is read as another one: {tex}")


def _holds(step: Step) -> str:
    if step.holds is None:
        return ""
    first, last = step.holds
    if (first, last) == (Integer(1), T):
        return ""
    return rf"{latex(first)} \leq t \leq {latex(last)}"


def _set(sentence: Sentence, derivation: Derivation, style: Style) -> tuple[str | Safe, ...]:
    """A sentence in pieces: words, and what it names as TeX in the form of the page."""
    return tuple(
        p if isinstance(p, str) else Safe(_spelt(p, derivation, style, Tex(style)))
        for p in sentence.parts
    )


def _plain(sentence: Sentence, derivation: Derivation, style: Style) -> str:
    """The same in plain text."""
    return "".join(
        p if isinstance(p, str) else _spelt(p, derivation, style, Plain(style))
        for p in sentence.parts
    )


def _spelt(
    thing: Quantity | Equation, derivation: Derivation, style: Style, spelling: Tex | Plain
) -> str:
    """What a sentence names; an equation is read again, and must be the same one."""
    if isinstance(thing, Quantity):
        return spelling.quantity(mirrored(thing) if style.column else thing).text
    left, right = in_convention(thing, style.convention)
    line = f"{spelling.quantity(left).text} = {join(spelling.expr(right))}"
    (again,) = read(line, derivation, style.convention, isinstance(spelling, Tex))
    if (again.lhs, again.expr) != (thing.lhs, thing.expr):
        raise CheckError(f"a reason's equation is read as another one: {line}")
    return line


def _product_tex(derivation: Derivation, style: Style) -> str:
    """The derivative over several steps as a product; of one state, which has one Jacobian."""
    states = derivation.cell.states
    if len(states) != 1 or states[0].shape[0] != 1:
        return ""
    name = states[0].name
    h = {k: tex_of(name, Symbol(k), style.look) for k in ("s", "T")}
    after, before = (tex_of(name, time, style.look) for time in (Symbol("s") + 1, T - 1))
    first = rf"\frac{{\partial {after}}}{{\partial {h['s']}}}"
    last = rf"\frac{{\partial {h['T']}}}{{\partial {before}}}"
    factors = (last, first) if style.column else (first, last)
    return rf"\frac{{\partial {h['T']}}}{{\partial {h['s']}}} = {factors[0]} \cdots {factors[1]}"


def bound_lines(derivation: Derivation, style: Style) -> list[str]:
    """TeX of the bounds of Jacobians, each held to numbers first.

    Raises:
        CheckError: if a bound does not hold on random numbers.
    """
    found = []
    for bound in bounds(derivation):
        left = Tex(style).quantity(bound.line.equation.lhs).text
        pieces: list[Piece] = []
        for i, factors in enumerate(bound.terms):
            for k, (kind, expr) in enumerate(factors or (("number", Number("1")),)):
                tex, width = _norm(kind, expr, style)
                mark = " + " if i and not k else r" \, " if k else ""
                pieces.append(Piece(mark + tex, width + 3 * bool(i and not k), 1 if k else 0))
        if max(p.width for p in pieces) > PAGE - 12:
            continue  # a factor that no line holds: the bound is left out
        lines = break_lines(pieces, PAGE - 12, PAGE - 6)
        right = " \\\\\n&\\quad ".join(lines)
        found.append(rf"\left\lVert {left} \right\rVert &\leq {right}")
    check_bounds(derivation)
    return found


def _norm(kind: str, expr: Any, style: Style) -> tuple[str, float]:
    """TeX of a norm and its width."""
    pieces = Tex(style).expr(mirrored(expr) if style.column else expr)
    inner, width = join(pieces), measure(pieces) + 3
    if kind == "number":
        return rf"\lvert {inner} \rvert", width
    mark = r"_{\infty}" if kind == "largest" else ""
    return rf"\left\lVert {inner} \right\rVert{mark}", width


def cost_rows(cell: Cell, at: Mapping[str, int] | None = None) -> tuple[CostRow, ...]:
    """The costs of a cell as formulas, and at the sizes that are given, N and T among them."""
    costs: Costs = count(cell)
    values = {symbol: Integer(value) for symbol, value in cell.sizes.items()}
    values |= {Symbol(name): Integer(value) for name, value in (at or {}).items()}
    return tuple(
        CostRow(words, Safe(_cost_tex(expr, values)), _cost_text(expr, values))
        for words, expr in costs.rows()
    )


def _cost_text(expr: Expr, values: Mapping[Symbol, Integer]) -> str:
    def text(e: Expr) -> str:
        return check_size(str(e).replace("**", "^").replace("*", " "), e, latex=False)

    number = expr.xreplace(dict(values))
    return text(expr) if number == expr else f"{text(expr)} = {text(number)}"


def _cost_tex(expr: Expr, values: Mapping[Symbol, Integer]) -> str:
    number = expr.xreplace(dict(values))
    tex = check_size(size_tex(expr), expr)
    if not values or number == expr:
        return tex
    return f"{tex} = {check_size(size_tex(number), number)}"
