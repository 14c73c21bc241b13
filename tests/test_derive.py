"""Unrolling, explicit matrices, stacking."""

import numpy as np
import pytest
import sympy
from texts import TEXTS

import rnnsym
from rnnsym.checking.samples import default_sizes, draw, error_of

SEED = 11


def network(**sizes):
    return rnnsym.stack(rnnsym.cells.get("simple_rnn"), rnnsym.cells.get("dense"), **sizes)


@pytest.mark.parametrize("name", TEXTS)
def test_three_forms_give_the_same_numbers(name):
    cell = rnnsym.Cell.parse(TEXTS[name].plain)
    sizes = default_sizes(cell, 4)
    sample = draw(cell, SEED, sizes, steps=3)
    unrolled = rnnsym.unroll(cell, steps=3)
    explicit = unrolled.matrices(**sizes)
    loop = sample.call(rnnsym.lambdify(cell))
    for form in (unrolled, explicit):
        found = sample.call(rnnsym.lambdify(form))
        assert error_of(found, loop)[0] <= 1e-14  # float64, sums in another order
        single = sample.cast("float32").call(rnnsym.lambdify(form))
        assert single.dtype == np.float32 and single.shape == loop.shape


@pytest.mark.parametrize("name", TEXTS)
def test_traces_agree_and_hold_every_named_quantity(name):
    cell = rnnsym.Cell.parse(TEXTS[name].plain)
    sample = draw(cell, SEED, default_sizes(cell), steps=4)
    loop = sample.call(rnnsym.lambdify(cell), trace=True)
    straight = sample.call(rnnsym.lambdify(rnnsym.unroll(cell, 4)), trace=True)
    assert (
        set(loop)
        == set(straight)
        == {v.name for v in cell.variables if v.role != rnnsym.Role.PARAMETER}
    )
    for key in loop:
        np.testing.assert_array_equal(loop[key], straight[key])
        if cell[key].timed:
            assert loop[key].shape[:2] == (2, 4)
    output = sample.call(rnnsym.lambdify(cell))
    np.testing.assert_array_equal(loop[cell.output.name], output)


def test_unrolling_is_linear_and_shares_the_weights():
    net = network()
    lengths = [len(rnnsym.unroll(net, steps=n)) for n in (1, 2, 3, 50)]
    assert lengths == [3, 5, 7, 101]
    used = {
        q.name for e in rnnsym.unroll(net, steps=50).equations for q in e.uses if q.time is None
    }
    assert used == {"W", "U", "b", "V", "c"}


def test_every_step_names_what_it_uses():
    steps = rnnsym.unroll(network(), steps=3).steps
    last = next(s for s in steps if s.equation.lhs.name == "h_3")
    assert last.uses == ("x_3", "W", "h_2", "U", "b")
    assert str(last.equation) == "h_3 = tanh(x_3 W + h_2 U + b)"
    assert steps[0].rule == "initial state" and str(steps[0].equation) == "h_0 = 0"


def test_symbolic_length_is_the_recurrence_with_its_start():
    derivation = rnnsym.unroll(network(), steps=None)
    assert derivation.length is None and derivation.form == "recurrence"
    assert [s.rule for s in derivation] == ["initial state", "recurrence", "recurrence"]
    with pytest.raises(rnnsym.InputError, match="symbolic T"):
        rnnsym.lambdify(derivation)


@pytest.mark.parametrize("steps", [0, -1, 2.5, "3", True])
def test_steps_must_be_a_positive_whole_number(steps):
    with pytest.raises(rnnsym.InputError, match="positive whole number"):
        rnnsym.unroll(network(), steps=steps)


def test_explicit_matrices_are_sympy_matrices_entry_by_entry():
    explicit = rnnsym.unroll(network(), steps=2).matrices(D=2, M=2, K=1)
    h_2 = next(e for e in explicit.equations if e.lhs.name == "h_2")
    assert isinstance(h_2.expr, sympy.MatrixBase) and h_2.expr.shape == (1, 2)
    x, h, W, U, b = (q for q in rnnsym.unroll(network(D=2, M=2, K=1), 2).equations[3].uses)
    entry = str(h_2.expr[0, 1])
    assert entry.startswith("tanh(") and "h_1[0, 0]*U[0, 1]" in entry.replace(
        "U[0, 1]*h_1[0, 0]", "h_1[0, 0]*U[0, 1]"
    )
    assert sympy.diff(h_2.expr[0, 0], sympy.Symbol("nothing")) == 0
    assert "bmatrix" in rnnsym.to_latex(explicit)


def test_explicit_matrices_need_sizes_and_are_limited():
    unrolled = rnnsym.unroll(network(), steps=2)
    with pytest.raises(rnnsym.InputError, match="missing: M, K"):
        unrolled.matrices(D=3)
    with pytest.raises(rnnsym.InputError, match="limit"):
        unrolled.matrices(D=256, M=256, K=256)
    with pytest.raises(rnnsym.InputError, match="no size 'Q'"):
        unrolled.matrices(Q=3)


def test_names_that_clash_get_their_layers_number():
    simple = rnnsym.cells.get("simple_rnn")
    net = rnnsym.stack(simple, simple, rnnsym.cells.get("dense"))
    names = [v.name for v in net.variables]
    assert names == ["x", "h_1", "h_2", "y", "W_1", "U_1", "b_1", "W_2", "U_2", "b_2", "V", "c"]
    assert str(net["W_2"].shape) == "(M_1, M_2)"
    assert str(net.equations[1]) == "h_{2,t} = tanh(h_{1,t} W_2 + h_{2,t-1} U_2 + b_2)"
    assert rnnsym.to_latex(net.equations[1]).startswith(r"h_{2,t} = \tanh(h_{1,t} W_{2}")


def test_a_network_is_its_layers_one_after_the_other():
    cells = [
        rnnsym.Cell.parse(TEXTS[n].plain) for n in ("lstm", "delayed_input", "gru_reset_after")
    ]
    net = rnnsym.stack(*cells, rnnsym.cells.get("dense"))
    sample = draw(net, SEED, default_sizes(net), steps=5)
    found = sample.call(rnnsym.lambdify(net))
    value = sample.inputs[0]
    for number, layer in enumerate([*cells, rnnsym.cells.get("dense")], 1):

        def own(name, number=number):
            numbered = f"{name}_{number}"
            return numbered if numbered in net else name

        weights = {v.name: sample.weights[own(v.name)] for v in layer.parameters}
        states = {v.name: sample.states[own(v.name)] for v in layer.states}
        if layer.delayed:  # the copy of the delayed input is a state of the network
            assert net[own("x")].role == "state"
            first = sample.states[own("x")]
            assert np.abs(first).max() > 0
        value = rnnsym.lambdify(layer)(value, initial_state=states, **weights)
        if layer.delayed:
            zero = dict(sample.states) | {own("x"): np.zeros_like(first)}
            again = rnnsym.lambdify(net)(*sample.inputs, initial_state=zero, **sample.weights)
    expected = value
    assert error_of(again, expected)[0] <= 1e-14
    assert error_of(found, expected)[0] > 1e-3  # another start of the delay gives other numbers


def test_stack_refuses_what_does_not_fit():
    with pytest.raises(rnnsym.InputError, match="at least one"):
        rnnsym.stack()
    with pytest.raises(rnnsym.InputError, match="argument 2 is str"):
        rnnsym.stack(rnnsym.cells.get("dense"), "dense")
    two = rnnsym.Cell.parse("h_t = x_t W + u_t V")
    with pytest.raises(rnnsym.InputError, match="one input"):
        rnnsym.stack(rnnsym.cells.get("dense"), two)
    matrix = rnnsym.Cell.parse("S_t = k_t^⊤ v_t")
    with pytest.raises(rnnsym.InputError, match="row vector"):
        rnnsym.stack(matrix, rnnsym.cells.get("dense"))
    with pytest.raises(rnnsym.InputError, match="no size 'Q'"):
        network(Q=3)
    with pytest.raises(rnnsym.InputError, match="positive whole number"):
        network(M=0)
    given = rnnsym.cells.get("dense", D=4)
    with pytest.raises(rnnsym.InputError, match="D = 4"):
        rnnsym.stack(rnnsym.cells.get("simple_rnn", M=5), given)


def test_the_parameter_count_is_a_formula():
    net = network(D=3, M=5, K=3)
    D, M, K = sympy.symbols("D M K")
    assert sympy.expand(net.parameter_count - (M * (D + M + 1) + K * (M + 1))) == 0
    assert net.parameter_count.subs(net.sizes) == 63
    from rnnsym.printing import count_text

    assert count_text(net) == "M(D + M + 1) + K(M + 1)"


@pytest.mark.parametrize("name", TEXTS)
def test_nouns_show_themselves(name):
    cell = rnnsym.Cell.parse(TEXTS[name].plain)
    assert cell._repr_latex_().startswith("$$") and "aligned" in cell._repr_latex_()
    assert "<table>" in cell._repr_html_()
    assert cell.equations[0]._repr_latex_().startswith("$")
    assert cell.variables[0]._repr_latex_().startswith("$")
    assert rnnsym.unroll(cell, 2)._repr_latex_().count("\\\\") >= 1
    report = rnnsym.read_back(cell)
    assert "planted wrong formulas were rejected" in report._repr_html_()
    assert str(report).splitlines()[0].startswith("cell: consistent")
