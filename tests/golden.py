"""What the product says today of every cell of the tests, and of every text that it refuses.

    python tests/golden.py

writes `tests/golden/`. A file changes only where something became better, in a commit that says why.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent
sys.path[:0] = [str(ROOT), str(ROOT.parent)]
FOLDER = ROOT / "golden"


def cells():
    from test_backward import CELLS

    import rnnsym

    found = {n: rnnsym.cells.get(n) for n in rnnsym.cells.names()}
    plain = {"_".join(n.split()): text for n, text in CELLS.items()}
    found |= {f"text_{n}": rnnsym.parse(text, name="cell") for n, text in plain.items()}
    simple, dense = rnnsym.cells.get("simple_rnn"), rnnsym.cells.get("dense")
    return found | {"network": rnnsym.stack(simple, dense)}


def said(cell) -> str:
    """Print, LaTeX, derivations, code and costs of a cell."""
    import rnnsym

    parts = {
        "symbols": "\n".join(f"{v.name}: {v.role} {cell.shown_shape(v)} {v.meaning}" for v in cell.variables),
        "text": rnnsym.to_text(cell),
        "text as a cell": _or_refusal(lambda: rnnsym.to_text(cell, form="cell")),
        "LaTeX": rnnsym.to_latex(cell),
        "LaTeX, columns": rnnsym.to_latex(cell, convention="column"),
        "elements": rnnsym.to_latex(cell, form="elements"),
        "two steps": rnnsym.to_text(rnnsym.unroll(cell, 2)),
        "cost": _or_refusal(lambda: _fields(rnnsym.count(cell))),
        "code": rnnsym.lambdify(cell).source,
    }  # fmt: skip
    derivations = {"backward": rnnsym.backpropagate, "forward mode": rnnsym.rtrl}
    if cell.states:
        derivations["jacobian"] = rnnsym.jacobian
    for name, derive in derivations.items():
        parts[name] = _or_refusal(lambda derive=derive: "\n".join(
            f"{s.section}; {s.rule}: {rnnsym.to_latex(s.equation)}  # {s.reason}" for s in derive(cell)
        ))  # fmt: skip
    parts["code of the gradient"] = _or_refusal(lambda: rnnsym.lambdify(cell, gradient=True).source)
    report = rnnsym.verify(cell, against="latex")
    parts["verdict"] = f"{report.verdict}, {len(report.controls)} planted"
    return "".join(f"== {name}\n{text.rstrip()}\n\n" for name, text in parts.items())


def _fields(costs) -> str:
    names = ("parameters", "forward", "backward", "kept")
    return "\n".join(f"{name}: {getattr(costs, name)}" for name in names)


def _or_refusal(make) -> str:
    import rnnsym

    try:
        return make()
    except rnnsym.RnnsymError as refusal:
        return f"refused: {refusal}"


def refusals() -> str:
    """The message of every text that is refused, with its line and column."""
    from test_errors import REFUSED

    import rnnsym

    lines = []
    for text, *_ in REFUSED:
        for convention in ("row", "column"):
            try:
                rnnsym.parse(text, convention=convention)
            except rnnsym.RnnsymError as refusal:
                at = (getattr(refusal, "line", None), getattr(refusal, "column", None))
                lines.append(f"{text!r} ({convention})\n    {at}: {refusal}")
    return "\n".join(lines) + "\n"


def everything():
    """(name of the file, what stands in it)."""
    yield "refused", refusals()
    for name, cell in cells().items():
        yield name, said(cell)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.txt"):
        old.unlink()
    for name, text in everything():
        (FOLDER / f"{name}.txt").write_text(text, encoding="utf-8")
        print(name, len(text))
