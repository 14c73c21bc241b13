"""The language is general: cells of papers parse, infer and evaluate, in every spelling."""

import numpy as np
import pytest
from texts import TEXTS, ascii_of, run

import rnnsym
from rnnsym.checking.samples import default_sizes, draw
from rnnsym.language import read

SEED = 7
STEPS, SAMPLES = 5, 3
SPELLINGS = ("plain", "ascii", "latex", "column")


def spelled(name: str, spelling: str) -> rnnsym.Cell:
    text = TEXTS[name]
    if spelling == "ascii":
        return rnnsym.Cell.parse(ascii_of(text.plain))
    if spelling == "column":
        return rnnsym.Cell.parse(text.column, convention="column")
    return rnnsym.Cell.parse(getattr(text, spelling))


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", TEXTS)
def test_equals_independent_numpy(name, spelling):
    text = TEXTS[name]
    cell = spelled(name, spelling)
    if spelling == "ascii":
        assert ascii_of(text.plain).isascii()
    sample = draw(cell, SEED, default_sizes(cell), SAMPLES, STEPS)
    flat = {n: w if np.ndim(w) == 0 or w.shape[0] != 1 else w[0] for n, w in sample.weights.items()}
    inputs = {v.name: x for v, x in zip(cell.inputs, sample.inputs)}
    expected = run(text, flat, inputs, sample.states, STEPS, SAMPLES)
    found = sample.call(rnnsym.lambdify(cell))
    assert found.shape == expected.shape and found.size > 0
    error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert error <= 1e-13, f"seed {SEED}: {error}"  # two orders of summation in float64


@pytest.mark.parametrize("spelling", SPELLINGS[1:])
@pytest.mark.parametrize("name", TEXTS)
def test_every_spelling_is_the_same_cell(name, spelling):
    plain, other = spelled(name, "plain"), spelled(name, spelling)
    rows = [sorted((v.name, v.role, v.shape[0] == 1) for v in c.variables) for c in (plain, other)]
    assert rows[0] == rows[1]
    assert plain.output.name == other.output.name
    # In the mLSTM a fraction groups what ⊙ does not; sizes are named in the order of the text.
    if name not in ("mlstm", "gated_linear_attention"):
        assert [e.expr for e in plain.equations] == [e.expr for e in other.equations]


@pytest.mark.parametrize("convention", ["row", "column"])
@pytest.mark.parametrize("name", TEXTS)
def test_what_is_printed_reads_back_to_the_same_tree(name, convention):
    cell = spelled(name, "plain")
    for equation in cell.equations:
        for printed, latex in (
            (rnnsym.to_latex(equation, convention=convention), True),
            (rnnsym.to_text(equation, convention=convention), False),
        ):
            (back,) = read(printed, cell, convention, latex)
            assert back == equation, printed


@pytest.mark.parametrize("name", TEXTS)
def test_printed_latex_reads_cold(name):
    """Without the symbol table, with the scalars and matrix states declared."""
    cell = spelled(name, "plain")
    declared = [f"{v.tex}: \\text{{scalar}}" for v in cell.variables if v.scalar]
    text = "\n".join(declared) + "\n" + rnnsym.to_latex(cell)
    again = rnnsym.Cell.parse(text)
    assert [e.expr for e in again.equations] == [e.expr for e in cell.equations]


def roles(cell):
    return {v.name: (v.role.value, tuple(map(str, v.shape))) for v in cell.variables}


def test_roles_and_shapes_follow_from_the_text():
    cell = rnnsym.Cell.parse("h_t = tanh(x_t W + h_{t-1} U + b)")
    assert roles(cell) == {
        "x": ("input", ("1", "D")),
        "h": ("state", ("1", "M")),
        "W": ("parameter", ("D", "M")),
        "U": ("parameter", ("M", "M")),
        "b": ("parameter", ("1", "M")),
    }
    assert cell.output.name == "h"


def test_sizes_avoid_the_names_of_the_text():
    cell = spelled("state_space", "plain")
    assert cell["D"].role == "parameter"
    assert "D" not in map(str, cell.dims)


def test_a_concatenation_is_as_wide_as_its_parts():
    assert str(spelled("concatenation", "plain")["W"].shape) == "(D + M, M)"


def test_constants_delays_and_outputs():
    cell = spelled("constant_cell", "plain")
    assert cell["A"].role == "constant" and not cell["A"].timed
    assert [v.name for v in spelled("delayed_input", "plain").delayed] == ["x"]
    both = rnnsym.Cell.parse("output: c_t\nc_t = f ⊙ c_{t-1} + x_t\nh_t = tanh(c_t)")
    assert both.output.name == "c"
    assert rnnsym.Cell.parse("c_t = x_t\nh_t = c_t", output="c").output.name == "c"


def test_equations_may_stand_in_any_order():
    forward = rnnsym.Cell.parse("a_t = x_t W + h_{t-1} U\nh_t = tanh(a_t)")
    backward = rnnsym.Cell.parse("output: h_t\nh_t = tanh(a_t)\na_t = x_t W + h_{t-1} U")
    assert [e.variable.name for e in backward.ordered] == ["a", "h"]
    sample = draw(forward, SEED, default_sizes(forward))
    np.testing.assert_array_equal(
        sample.call(rnnsym.lambdify(forward)), sample.call(rnnsym.lambdify(backward))
    )


def test_meanings_title_and_source_come_from_comments():
    cell = rnnsym.Cell.parse(
        "# A title.\n# Words on it.\n# Source: somebody,\n# somewhere.\n"
        "dt: scalar  # step size\nh_t = h_{t-1} + dt x_t W  # state\n# W: kernel"
    )
    assert (cell.title, cell.description, cell.source) == (
        "A title", "Words on it.", "somebody, somewhere.",
    )  # fmt: skip
    assert {v.name: v.meaning for v in cell.variables} == {
        "x": "", "h": "state", "dt": "step size", "W": "kernel",
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "h_t = tanh(x_t W\n   + h_{t-1} U)",
        "h_t = x_t W +\n h_{t-1} U",
        "h_t = x_t W\n + h_{t-1} U",
        "h_t = x_t W ; y_t = h_t V",
        "hₜ = tanh(xₜ W + hₜ₋₁ U + b)",
        "h^{(t)} = tanh(x^{(t)} W + h^{(t-1)} U)",
        r"h^{(t)} = \tanh(x^{(t)} W + h^{(t-1)} U)",
        r"\mathbf{h}_t = \tanh(\mathbf{x}_t \mathbf{W}_{xh} + \mathbf{h}_{t-1} \mathbf{W}_{hh})",
        r"$$\boldsymbol h_t = \tanh\left(\boldsymbol x_t W\right)$$",
        r"h_t = \tanh(x_t \cdot W_{\text{in}})",
        "h_t = x_t² + x_t^2 + x_t**2 + x_t^{-1}",
        "h_t = |x_t W| ⊙ |h_{t-1}|",
        "h_t = 0.5 x_t W + 1e-3 h_{t-1}",
        "λ: scalar\nh_t = λ h_{t-1} + x_t W",
    ],
)
def test_other_ways_to_write(text):
    assert rnnsym.Cell.parse(text).output.timed


def test_a_python_keyword_is_a_name_of_the_language():
    cell = rnnsym.Cell.parse("lambda, in: scalar\nh_t = lambda h_{t-1} + in x_t")
    f = rnnsym.lambdify(cell)
    x = np.ones((1, 2, 3))
    y = f(x, **{"lambda": 0.5, "in": 2.0})
    np.testing.assert_array_equal(y, f(x, lambda_=0.5, in_=2.0))
    np.testing.assert_array_equal(y[0, 1], [3.0] * 3)


@pytest.mark.parametrize(
    "text", ["np_t = x_t W", "h_t = x_t np", "x_1_t = u_t W", "N_t = N_{t-1} + x_t"]
)
def test_names_never_meet_names_of_the_code(text):
    cell = rnnsym.Cell.parse(text)
    sample = draw(cell, SEED, default_sizes(cell))
    assert np.isfinite(sample.call(rnnsym.lambdify(cell))).all()
    assert np.isfinite(sample.call(rnnsym.lambdify(rnnsym.unroll(cell, sample.steps)))).all()
