"""Verification: it passes what is right, rejects what is wrong, and says when it has no power."""

import dataclasses

import numpy as np
import pytest
from texts import TEXTS

import rnnsym
from rnnsym.cells import find, same
from rnnsym.checking import plant, readback
from rnnsym.checking.samples import default_sizes, draw, error_of
from rnnsym.frameworks import keras as keras_framework
from rnnsym.printing.formula import Tex


def network(**sizes):
    return rnnsym.stack(rnnsym.cells.get("simple_rnn"), rnnsym.cells.get("dense"), **sizes)


@pytest.fixture(scope="module")
def report():
    return rnnsym.verify(network(D=3, M=5, K=3), against="keras", seed=4)


def test_the_notebooks_network_is_kerass(report):
    assert report and report.verdict == "verified" and report.check() is report
    assert report.against == "keras.layers.SimpleRNN; keras.layers.Dense"
    assert report.error("float64") <= 1e-12 and report.error("float32") <= 1e-6
    what = " ".join(c.what for c in report.comparisons)
    for form in (
        "loop",
        "unrolled",
        "explicit matrices",
        "row form",
        "column form",
        "= 63, Keras counts 63",
        "get_weights()",
    ):
        assert form in what
    kinds = " ".join(c.what for c in report.controls)
    for kind in (plant.SIGN, plant.TRANSPOSED, plant.BIAS, plant.TIME):
        assert kind in kinds
    assert "in the LaTeX" in kinds and "in the code" in kinds
    assert all(c.rejected for c in report.controls)


@pytest.mark.parametrize("name", rnnsym.cells.names())
def test_every_cell_of_the_catalogue(name):
    rnnsym.verify(rnnsym.cells.get(name), seed=2).check()


@pytest.mark.parametrize("name", TEXTS)
def test_free_texts_run_as_an_rnn_cell_of_keras(name):
    cell = rnnsym.Cell.parse(TEXTS[name].plain)
    result = rnnsym.verify(cell, seed=1).check()
    known = find(cell)
    if known is None:
        assert "RNN over a cell made from the same equations" in result.against
        assert any("not the equations" in r for r in result.remarks)
    else:
        assert result.against == keras_framework.LAYERS[known[0].name].words


@pytest.mark.parametrize(
    ("text", "convention", "layer"),
    [
        ("s_t = tanh(k + s_{t-1} A + u_t B)", "row", "SimpleRNN"),
        ("h_t = tanh(b + W x_t + U h_{t-1})", "column", "SimpleRNN"),
        (r"\mathbf{o}_t = \mathbf{V} \mathbf{s}_t + c", "column", "Dense"),
        ("h_t = tanh(x_t W + h_{t-1} U)", "row", None),
        ("h_t = tanh(x_t W - h_{t-1} U + b)", "row", None),
        ("h_t = relu(x_t W + h_{t-1} U + b)", "row", None),
        ("h_t = tanh(x_t W + h_{t-1} U^T + b)", "row", None),
        ("h_t = tanh(x_{t-1} W + h_{t-1} U + b) + 0 ⊙ x_t W", "row", None),
    ],
)  # fmt: skip
def test_a_free_text_is_matched_up_to_renaming(text, convention, layer):
    if "0 ⊙" in text:
        text = text.replace("0 ⊙ x_t W", "0 ⊙ (x_t W)")
    cell = rnnsym.Cell.parse(text, convention=convention)
    words = keras_framework.parts(cell)[0].words
    assert words == (f"keras.layers.{layer}" if layer else words) and ("RNN over" in words) == (
        layer is None
    )


def test_matching_is_a_bijection():
    simple = rnnsym.cells.get("simple_rnn")
    assert same(simple, simple) == {v.name: v.name for v in simple.variables}
    shared = rnnsym.Cell.parse("h_t = tanh(x_t W + h_{t-1} W + b)")
    assert same(shared, simple) is None and same(simple, shared) is None


def test_matching_of_a_hostile_text_gives_up():
    terms = " + ".join(f"tanh(x_t W_{a}{b} + c_{a}{b})" for a in "abcde" for b in "abcdef")
    one = rnnsym.Cell.parse(f"h_t = {terms}")
    other = rnnsym.Cell.parse(f"h_t = {terms.replace('W_ef + c_ef', 'W_ef - c_ef')}")
    assert same(one, other) is None


# --- the check sees what is wrong


def broken_layer(monkeypatch, **changes):
    layers = dict(keras_framework.LAYERS)
    layers["simple_rnn"] = dataclasses.replace(layers["simple_rnn"], **changes)
    monkeypatch.setattr("rnnsym.frameworks.keras.witness.LAYERS", layers)


def failed(report, words):
    assert not report and report.verdict == "wrong"
    assert any(words in c.what and not c.passed for c in report.comparisons)
    with pytest.raises(rnnsym.CheckError) as caught:
        report.check()
    return str(caught.value)


def test_another_layer_is_not_verified(monkeypatch):
    broken_layer(monkeypatch, name="GRU")
    with pytest.raises(Exception):  # noqa: B017  its weights have other shapes
        rnnsym.verify(rnnsym.cells.get("simple_rnn"))


def test_a_wrong_printer_of_code_is_seen(monkeypatch):
    from rnnsym.ops.sums import MatAdd

    monkeypatch.setattr(MatAdd, "code", lambda self, p: " - ".join(map(p.text, self.args)))
    message = failed(rnnsym.verify(rnnsym.cells.get("simple_rnn")), "loop against Keras")
    assert "sample" in message and "step" in message and "seed 0" in message


@pytest.mark.parametrize(
    ("attribute", "value"), [("hadamard", "+"), ("transpose", ""), ("minus", "")]
)
def test_a_wrong_printer_of_latex_is_seen(monkeypatch, attribute, value):
    text = "z_t = σ(x_t W)\nh_t = -z_t ⊙ h_{t-1} + h_{t-1} U^⊤"
    monkeypatch.setattr(Tex, attribute, value)
    failed(rnnsym.read_back(rnnsym.Cell.parse(text)), "printed LaTeX")


def test_a_wrong_step_of_the_unrolling_is_seen(monkeypatch):
    from rnnsym.derive import unrolling

    original = unrolling._at_step

    def stuck(ordered, step):
        return original(ordered, 1 if step == 2 else step)

    monkeypatch.setattr(unrolling, "_at_step", stuck)
    with pytest.raises((rnnsym.CheckError, KeyError, NameError)):
        rnnsym.verify(rnnsym.cells.get("simple_rnn")).check()


def test_without_planted_errors_there_is_no_power(monkeypatch):
    monkeypatch.setattr(readback, "planted", lambda cell: iter(()))
    report = rnnsym.read_back(rnnsym.cells.get("dense"))
    assert report.passed and not report and report.verdict == "no power"
    with pytest.raises(rnnsym.CheckError, match="no power"):
        report.check()


def test_a_planted_error_that_is_not_rejected_takes_the_power(monkeypatch):
    cell = rnnsym.cells.get("dense")
    monkeypatch.setattr(readback, "planted", lambda c: iter([("a sign", "a sign: none at all", c)]))
    monkeypatch.setattr(readback.Samples, "equal", lambda *_: lambda _: False)
    report = rnnsym.read_back(cell)
    assert report.verdict == "no power" and not report
    with pytest.raises(rnnsym.CheckError, match="a sign: none at all"):
        report.check()


def test_a_planted_change_that_changes_nothing_is_called_harmless():
    report = rnnsym.read_back(rnnsym.Cell.parse("h_t = cos(x_t W + b) + 0 ⊙ h_{t-1}")).check()
    assert report
    even = rnnsym.read_back(rnnsym.Cell.parse("h_t = exp(0 ⊙ (x_t W + b)) ⊙ (x_t V)"))
    assert any(c.harmless for c in even.controls) and even.power


@pytest.mark.parametrize("name", TEXTS)
def test_planted_cells_are_cells_and_differ(name):
    cell = rnnsym.Cell.parse(TEXTS[name].plain)
    wrong = list(plant.planted(cell))
    assert len(wrong) >= len(cell.equations)
    assert all(w.equations != cell.equations for _, _, w in wrong)


# --- errors of arrays


def test_nan_shape_and_emptiness_fail():
    one = np.ones((1, 2, 3))
    assert error_of(one, one)[0] == 0
    for other in (one * np.nan, one[:, :1], np.ones((1, 2, 0)), np.full_like(one, np.inf)):
        assert not error_of(other, one)[0] <= 1e300
        assert not error_of(one, other)[0] <= 1e300
    assert error_of(np.ones((1, 2, 0)), np.ones((1, 2, 0)))[0] == float("inf")
    assert error_of(np.zeros(3), np.zeros(3))[0] == 0
    assert error_of(np.ones(3), np.zeros(3))[0] == float("inf")


def test_nan_is_not_verified(monkeypatch):
    original = keras_framework.Model.__call__
    monkeypatch.setattr(
        keras_framework.Model, "__call__", lambda self, *a: original(self, *a) * np.nan
    )
    assert not rnnsym.verify(rnnsym.cells.get("dense"))


def test_samples_are_random_scaled_and_without_zeros():
    net = network(D=64, M=100, K=7)
    sample = draw(net, 3, default_sizes(net))
    assert all(np.all(w != 0) for w in sample.weights.values())
    assert all(np.all(s != 0) for s in sample.states.values())
    assert 0.9 < np.std(sample.weights["U"]) * np.sqrt(100) < 1.1
    again = draw(net, 3, default_sizes(net))
    np.testing.assert_array_equal(again.weights["U"], sample.weights["U"])
    assert len(set(default_sizes(network()).values())) == 3


def test_bad_use():
    with pytest.raises(rnnsym.InputError, match="keras, latex"):
        rnnsym.verify(network(), against="torch")
    with pytest.raises(rnnsym.InputError, match="takes a cell"):
        rnnsym.verify("h_t = x_t")
    with pytest.raises(rnnsym.InputError, match="positive whole number"):
        rnnsym.verify(network(), steps=0)


def test_keras_that_is_missing_is_one_line(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(rnnsym.InputError, match=r"rnnsym\[keras\]"):
        rnnsym.verify(network())


def test_a_report_is_plain_data(report):
    import json

    data = json.loads(json.dumps(report.to_dict()))
    assert data["passed"] is True and data["sizes"] == {"D": 3, "M": 5, "K": 3}
