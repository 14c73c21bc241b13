"""Run in a copy of the project to which a contributor has added one of each: all of it works."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

import rnnsym
from rnnsym.numeric.operations import OPERATIONS

VERIFIED, GOOD = rnnsym.Verdict.VERIFIED, {rnnsym.Verdict.VERIFIED, rnnsym.Verdict.CONSISTENT}
ALL = "symbols,count,forward,elements,unrolled,matrices,example,code,bptt,cost,report"


def cell(text):
    return rnnsym.parse(text, name="mine")


def slopes_agree(cell, loss="general"):
    """The gradient against differences of the loss."""
    rng = np.random.default_rng(1)
    x, target = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 5))
    sizes = {"D": 4, "M": 5}
    weights = {
        v.name: rng.normal(size=[sizes.get(str(s), 1) for s in v.shape]) * 0.5
        for v in cell.parameters
    }
    weights = {k: w.reshape(-1) if len(w) == 1 else w for k, w in weights.items()}
    function = rnnsym.lambdify(cell, gradient=True, loss=loss)
    value, found = function(x, target, **weights)
    for name, w in weights.items():
        change = rng.normal(size=w.shape)
        ends = [function(x, target, **{**weights, name: w + s * 1e-6 * change})[0] for s in (1, -1)]
        wanted = (ends[0] - ends[1]) / 2e-6
        assert np.isclose(wanted, (found[name] * change).sum(), rtol=1e-5, atol=1e-7), (name, loss)


def a_function():
    mine = cell("h_t = bumpy(x_t W + h_{t-1} U + b)")
    assert r"\operatorname{bumpy}" in rnnsym.to_latex(mine)
    assert rnnsym.read_back(mine) and rnnsym.backpropagate(mine).check()
    assert rnnsym.verify(mine, gradient=True).verdict in GOOD
    slopes_agree(mine)
    for to in ("tex", "md", "txt", "json", "mathml", "py"):
        assert rnnsym.document(
            mine, to, what=ALL if to in ("tex", "md", "txt", "json") else "forward,bptt"
        )


def a_loss():
    for mine in (rnnsym.cells.get("simple_rnn"), rnnsym.cells.get("lstm")):
        for over in ("all", "last"):
            derived = rnnsym.backpropagate(mine, loss="log_cosh", over=over)
            assert derived.check()
        slopes_agree(mine, "log_cosh")
        rnnsym.lambdify(rnnsym.backpropagate(mine, loss="log_cosh", steps=3))
        for to in ("tex", "md", "json"):
            assert "cosh" in rnnsym.document(
                mine, to, what="bptt", loss="log_cosh", full=to != "json"
            )


def a_derivation():
    from click.testing import CliRunner

    from rnnsym.cli import main_group
    from rnnsym.derive.kinds import DERIVATIONS, derivations_of, kind_of

    lstm = rnnsym.cells.get("lstm")
    assert "tangent" in DERIVATIONS and len(derivations_of(lstm)) == 4
    derived = DERIVATIONS["tangent"].of(lstm)
    assert kind_of(derived).name == "tangent" and derived.check()
    for to in ("tex", "md", "txt", "json", "mathml"):
        document = rnnsym.document(lstm, to, what="forward,tangent", full=to == "md")
        assert "How the output moves" in document, to
    run = CliRunner().invoke(main_group, ["derive", "gru", "--what", "tangent", "--full"])
    assert run.exit_code == 0 and "lines consistent by differences" in " ".join(run.output.split())
    shown = CliRunner().invoke(main_group, ["derive", "--help"])
    assert "tangent" in shown.output and "log_cosh" in shown.output
    assert "tangent" in CliRunner().invoke(main_group, ["export", "--help"]).output
    report = rnnsym.verify(lstm, gradient=True)
    assert report.verdict == VERIFIED and any("ẋ_t" in c.what for c in report.comparisons)
    assert rnnsym.to_latex(derived, rename={"W_i": "A"}).count("A") == 2


def an_operation():
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((4, 3)),
            layers.LSTM(3, return_sequences=True),
            layers.UpSampling1D(2),
            layers.GRU(2),
        ]
    )
    net = rnnsym.from_keras(model)
    assert not net.boxes and [n.operation for n in net.nodes if n.cell is None] == ["upsample"]
    report = rnnsym.verify(net, gradient=True)
    assert report.verdict == VERIFIED, str(report)
    from rnnsym.checking import verify_printed
    from rnnsym.documents import explain, render

    explained = explain(net, report=verify_printed(net), source="test", verified=False)
    assert explained.between["up_sampling1d"] == 0.0  # read again, by its own production
    for to in ("tex", "md", "html"):
        assert "lceil" in render(explained, to)
    entry = OPERATIONS["upsample"]
    x, g = np.random.default_rng(0).normal(size=(2, 2, 3, 4))[0], np.ones((2, 6, 4))
    assert entry.backward(g, x, size=2).shape == x.shape
    plain = OPERATIONS["slice"]  # without a reading of its own it is said not to be read again
    assert plain.reading is None


def an_operation_of_the_language():
    """A matrix inverse and a trace, one file: through everything that there is."""
    from rnnsym.ops.inverse import Inverse, Trace

    from rnnsym.checking.calculus import calculus
    from rnnsym.pages.generate import calculus_page

    texts = ["A = inv(I + W W^T)\nh_t = tanh(x_t V A + h_{t-1} U + b)",
             "S_t: K × K\nS_t = S_{t-1} + k_t^T k_t\nh_t = k_t inv(I + S_t)",
             "s: scalar\ns = tr(U)\nh_t = tanh(x_t W + s h_{t-1} U)"]  # fmt: skip
    for text in texts:
        mine = cell(text)
        for convention in ("row", "column"):  # both spellings, printed and read to the same tree
            head = "s: scalar\n" if "scalar" in text else "S_t: K × K\n" * ("S_t" in text)
            for printed in (rnnsym.to_latex(mine, convention=convention),
                            rnnsym.to_text(mine, convention=convention)):  # fmt: skip
                again = rnnsym.parse(head + printed, convention=convention)
                assert [e.expr for e in again.equations] == [e.expr for e in mine.equations]
        assert rnnsym.read_back(mine)
        for derive in (rnnsym.backpropagate, rnnsym.jacobian, rnnsym.rtrl):
            if derive is not rnnsym.rtrl or mine.parameters:
                assert derive(mine).check()
        report = rnnsym.verify(mine, gradient=True)  # Keras, GradientTape, cost of the code
        assert report.verdict == rnnsym.Verdict.CONSISTENT, str(report)
        explicit = rnnsym.matrices(rnnsym.unroll(mine, 1), **{str(s): 2 for s in mine.dims})
        assert explicit.steps and rnnsym.lambdify(explicit)
        for to in ("md", "tex", "mathml", "json"):
            what = ALL if "inv" not in text else ALL.replace("elements,", "")
            assert rnnsym.document(mine, to, what=what)
    assert r"\operatorname{inv}(" in rnnsym.to_latex(cell(texts[0]))
    assert rnnsym.to_text(cell(texts[2]), form="elements").startswith("s = ∑_{k=1}^{M} U_{k,k}")
    shown = [r for r in calculus() if r.operation in (Inverse, Trace)]
    assert [str(b) for r in shown for b in r.backs] == ["Ā = -Y^⊤ Ȳ Y^⊤", "Ā = Ȳ 𝐈_{M}"]
    page = calculus_page()
    assert r"\operatorname{inv}(A)" in page and "a value where det A ≠ 0" in page
    for wrong, words in (
        ("h_t = inv(x_t)", "takes a square matrix"),
        ("h_t = tanh(x_t inv(W, W))", "takes 1 argument"),
    ):
        try:
            cell(wrong)
        except rnnsym.LanguageError as refusal:
            assert words in str(refusal), str(refusal)
        else:
            raise AssertionError(wrong)
    # The second derivative, from the first one's own expression.
    from rnnsym.checking.calculus import TOLERANCE, error_of_rule
    from rnnsym.derive.differentials import change
    from rnnsym.nouns import Quantity

    def moved(q):
        return Quantity(f"moved_{q.label}", *q.shape, q.time)

    for step in rnnsym.backpropagate(cell(texts[1])):
        expr = step.equation.expr
        found = change(expr, moved)
        assert not found or error_of_rule(expr, found.expr, 1, move=moved) <= TOLERANCE


def a_notation():
    lstm = rnnsym.cells.get("lstm")
    tex = rnnsym.to_latex(lstm, notation="mine")
    assert "A_{f}" in tex and "^{(t)}" in tex
    from rnnsym.checking.printed import FORMS, Printing

    for form in FORMS:
        assert Printing(lstm, notation="mine").block(form).error < 1e-12


def a_format():
    text = rnnsym.document(rnnsym.cells.get("lstm"), "asciidoc", what="forward")
    assert text.startswith("= ") and "stem:[c_{t}" in text


def a_cell():
    mine = rnnsym.cells.get("skipping")
    assert rnnsym.read_back(mine) and rnnsym.backpropagate(mine).check()
    assert rnnsym.verify(mine, gradient=True).verdict in GOOD
    for to in ("tex", "json"):
        document = rnnsym.document(mine, to, what=ALL)
        assert "Skipping" in (
            json.loads(document)["cells"][0]["title"] if to == "json" else document
        )
    assert "skipping" in rnnsym.cells.names()


def a_command():
    from click.testing import CliRunner

    from rnnsym.cli import main_group

    assert "Name the symbols" in CliRunner().invoke(main_group, ["--help"]).output
    assert CliRunner().invoke(main_group, ["symbols", "dense"]).output.split()[0] == "x"


if __name__ == "__main__":
    assert Path(rnnsym.__file__).resolve().is_relative_to(Path.cwd().resolve()), rnnsym.__file__
    for step in (
        a_function,
        a_loss,
        a_derivation,
        an_operation,
        an_operation_of_the_language,
        a_notation,
        a_format,
        a_cell,
        a_command,
    ):
        step()
        print(step.__name__.replace("_", " "), "works")
    sys.exit(0)
