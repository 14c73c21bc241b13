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


if __name__ == "__main__":
    assert Path(rnnsym.__file__).resolve().is_relative_to(Path.cwd().resolve()), rnnsym.__file__
    for step in (a_function, a_loss, an_operation, a_notation, a_format, a_cell):
        step()
        print(step.__name__.replace("_", " "), "works")
    sys.exit(0)
