"""The backward pass: derived for any cell, every line checked, equal to TensorFlow's."""

import sys

import numpy as np
import pytest
import sympy
from texts import TEXTS

import rnnsym
from rnnsym.checking import lines as line_checks
from rnnsym.checking.calculus import calculus
from rnnsym.checking.lines import LineChecker, target_like, wrong_lines
from rnnsym.checking.samples import default_sizes, draw, error_of
from rnnsym.derive.losses import ending_of, loss_of
from rnnsym.derive.losses import names as loss_names
from rnnsym.derive.naming import named
from rnnsym.language import read
from rnnsym.ops import operations
from rnnsym.ops.node import Node, widest
from rnnsym.ops.sums import TimeSum

SEED = 7
#: Cells that hold what the language's own texts do not.
MORE = {
    "powers": "h_t = (0.2 + 0.1 h_{t-1})^{3} + (9 + x_t²)^{-2} + (2 + x_t^2)^{0.5} + x_t² ⊙ (0.1 h_{t-1})",
    "powers of powers": "n: scalar\nh_t = (1.5 + 0.1 h_{t-1})^n + 2^{(0.1 x_t)} + (2 + x_t²)^{(0.1 h_{t-1})}",
    "quotients": "h_t = (x_t W) / (2 + h_{t-1}²) + 1 / (3 + x_t V)",
    "learned slopes": "α, β: scalar\nh_t = leaky_relu(x_t W + h_{t-1} U, α) + elu(x_t V, β)",
    "celu": "α: scalar\nh_t = celu(x_t W + h_{t-1} U, α)",
    "means": "s_t: scalar\ns_t = mean(x_t W) + sum(h_{t-1})\nh_t = tanh(s_t ⊙ (x_t V)) + 0.1 mean(h_{t-1}²)",
    "layer norm": "e: scalar\nh_t = tanh(layer_norm(x_t W + h_{t-1} U, e) ⊙ g + b)",
    "log softmax": "h_t = log_softmax(x_t W + h_{t-1} U)",
    "sparsemax": "h_t = sparsemax(x_t W + h_{t-1} U)",
    "sparsemax of Keras": "h_t = keras_sparsemax(x_t W + h_{t-1} U)",
    "rows of a matrix": "S_t = softmax(S_{t-1} + k_t^⊤ v_t)\ny_t = q_t S_t",
    "sums of rows": "S_t = S_{t-1} + k_t^⊤ v_t\ns_t: 1 × K\ns_t = sum(S_t)^⊤\ny_t = s_t ⊙ k_t",
    "inner product": "s_t: scalar\nS_t = S_{t-1} + k_t^⊤ v_t\ns_t = ⟨S_t, A⟩\ny_t = s_t ⊙ v_t",
    "diagonal": "S_t = S_{t-1} + k_t^⊤ k_t\ny_t = diagonal(S_t) + k_t",
    "diagonal matrix": "S_t = diag(a_t) S_{t-1} + k_t^⊤ v_t\ny_t = q_t S_t",
    "three parts": "h_t = tanh([x_t, h_{t-1}, u_t] W)",
    "matrix gate": "S_t = tanh(k_t^⊤ v_t + A) ⊙ S_{t-1}\ny_t = q_t S_t",
    "scalar state": "s_t: scalar\ns_t = 0.5 s_{t-1} + x_t w\nh_t = s_t ⊙ x_t",
    "unused": "a_t = tanh(x_t Q)\nh_t = tanh(x_t W + h_{t-1} U)",
    "antisymmetric": "ε, γ: scalar\nh_t = h_{t-1} + ε tanh(h_{t-1} (W - W^⊤) - γ h_{t-1} + x_t V)",
    "two inputs": "h_t = tanh(x_t W + u_t V + h_{t-1} U)\ny_t = h_t ⊙ (u_t Q)",
    "spread": "d: scalar\nh_t = tanh(x_t W + h_{t-1} U + d)",
    "every function": "h_t = 0.1 h_{t-1} + " + " + ".join(
        f"{f}(x_t W_{i})" for i, f in enumerate([
            "relu6", "selu", "gelu", "gelu_tanh", "silu", "softplus", "softsign", "mish",
            "hard_sigmoid", "hard_tanh", "hard_silu", "log_sigmoid", "exp", "expm1", "sin", "cos",
            "arctan", "sinh", "cosh", "abs", "sign", "step", "erf", "erfc"])),
    "positive": "h_t = sqrt(1 + x_t² + h_{t-1}²) + log(2 + x_t²) + log1p(x_t²)",
}  # fmt: skip
CELLS = {**{n: t.plain for n, t in TEXTS.items()}, **MORE}


def cell_of(name):
    return rnnsym.Cell.parse(CELLS[name], name=name.replace(" ", "_"))


def fits(cell, loss):
    """Whether a loss is of what a cell gives: one of logits is not of probabilities."""
    gives = ending_of(named(cell)).gives
    takes = loss_of(loss).takes
    return gives == "values" if takes == "logits" else not loss_of(loss).through


def network(**sizes):
    return rnnsym.stack(rnnsym.cells.get("simple_rnn"), rnnsym.cells.get("dense"), **sizes)


# --- the derivation


def lines(derivation, section):
    return [str(s.equation) for s in derivation if s.section == section]


def test_the_notebooks_network_reads_like_a_textbook():
    derivation = rnnsym.backpropagate(network())
    assert lines(derivation, "backward") == [
        "ȳ_t = ∂ℓ_t/∂y_t",
        "h̄_t = ȳ_t V^⊤ + ā_{t+1} U^⊤",
        "h̄_T = ȳ_T V^⊤",
        "ā_t = h̄_t ⊙ (1 - h_t ⊙ h_t)",
    ]
    assert lines(derivation, "gradients") == [
        "∂L/∂x_t = ā_t W^⊤",
        "∂L/∂h_0 = ā_1 U^⊤",
        "∂L/∂W = ∑_{t=1}^{T} x_t^⊤ ā_t",
        "∂L/∂U = ∑_{t=1}^{T} h_{t-1}^⊤ ā_t",
        "∂L/∂b = ∑_{t=1}^{T} ā_t",
        "∂L/∂V = ∑_{t=1}^{T} h_t^⊤ ȳ_t",
        "∂L/∂c = ∑_{t=1}^{T} ȳ_t",
    ]
    assert lines(derivation, "immediate") == ["∂ℓ_t/∂h_t = ∂ℓ_t/∂y_t V^⊤"]
    tex = rnnsym.to_latex(derivation)
    assert r"\frac{\partial L}{\partial W} &= \sum_{t=1}^{T} x_{t}^{\top} \bar{a}_{t}" in tex


def test_an_lstm_forgets_slowly_as_a_formula():
    jacobian = rnnsym.jacobian(cell_of("lstm"))
    found = lines(jacobian, "jacobians")
    assert "∂c_t/∂c_{t-1} = diag(f_t)" in found
    assert "dc_t/dc_{t-1} = diag(f_t) + ∂h_{t-1}/∂c_{t-1} ∂c_t/∂h_{t-1}" in found
    gate = next(
        s for s in rnnsym.backpropagate(cell_of("lstm")) if s.equation.lhs.name == "a_bar_i_t"
    )
    assert str(gate.equation) == "ā_{i,t} = ī_t ⊙ i_t ⊙ (1 - i_t)"


def test_every_step_says_why():
    for make in (rnnsym.backpropagate, rnnsym.jacobian, rnnsym.rtrl):
        for step in make(cell_of("gru_reset_before")):
            assert step.rule and step.reason and step.section
            assert step.shapes[0] == (step.equation.lhs, step.equation.lhs.shape)
            # A right side may be narrower: it is the same along that side, as the 0 of h_{0} = 0.
            shapes = (step.equation.expr.shape, step.equation.lhs.shape)
            assert widest(shapes) == tuple(step.equation.lhs.shape)
    rules = {s.rule for s in rnnsym.backpropagate(network())}
    assert {"chain rule", "transpose of a product", "several uses", "shared parameter", "boundary",
            "product rule", "definition"} <= rules  # fmt: skip
    several = next(s for s in rnnsym.backpropagate(network()) if s.rule == "several uses")
    assert (
        "y_t = h_t V + c" in several.reason and "a_{t+1} = x_{t+1} W + h_t U + b" in several.reason
    )


def test_terse_shows_the_results_alone():
    derivation = rnnsym.backpropagate(cell_of("lstm"))
    assert 0 < len(derivation.terse()) < len(derivation)
    assert not lines(derivation.terse(), "changes") and lines(derivation, "changes")


def test_the_derivative_of_softmax_and_cross_entropy_is_derived():
    found = lines(rnnsym.backpropagate(network(), loss="softmax_cross_entropy"), "loss")
    jacobian = "∂ℓ_t/∂y_t = p_t ⊙ (∂ℓ_t/∂p_t - ∂ℓ_t/∂p_t p_t^⊤)"
    assert found.index(jacobian) < found.index("∂ℓ_t/∂y_t = p_t - d_t")


def test_what_the_loss_does_not_depend_on_is_zero_and_says_so():
    derivation = rnnsym.backpropagate(cell_of("unused"))
    line = next(s for s in derivation if s.equation.lhs.name == "dL_dQ")
    assert str(line.equation) == "∂L/∂Q = 0" and "does not depend" in line.reason
    sample = draw(cell_of("unused"), SEED, default_sizes(cell_of("unused")))
    f = rnnsym.lambdify(derivation)
    y = sample.call(rnnsym.lambdify(cell_of("unused")))
    _, gradients = f(*sample.inputs, y, **sample.weights)
    assert not gradients["Q"].any() and gradients["Q"].shape == sample.weights["Q"].shape


def test_a_kink_is_stated():
    reasons = " ".join(s.reason for s in rnnsym.backpropagate(cell_of("indrnn")))
    assert "at 0, where relu has no slope, 0 is taken, as Keras takes it" in reasons
    reasons = " ".join(s.reason for s in rnnsym.backpropagate(cell_of("mlstm")))
    assert "where both arguments of max are equal, the first one counts" in reasons


def test_unrolled_gradients_are_linear_in_the_number_of_steps():
    counts = [len(rnnsym.backpropagate(network(), steps=n)) for n in (2, 4, 8)]
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])


def test_truncation_shows_what_it_drops():
    derivation = rnnsym.backpropagate(network(), steps=5, truncate=2)
    cut = {s.equation.lhs.name: s for s in derivation if s.dropped is not None}
    assert set(cut) == {"h_bar_2", "h_bar_4"}
    assert str(cut["h_bar_2"].equation) == "h̄_2 = ȳ_2 V^⊤"
    assert str(cut["h_bar_2"].dropped) == "a_bar_3*U.T"
    derivation.check()
    whole = [str(e) for e in rnnsym.backpropagate(network(), steps=5, truncate=5).equations]
    assert whole == [str(e) for e in rnnsym.backpropagate(network(), steps=5).equations]


def test_names_with_a_bar_get_another_mark():
    cell = rnnsym.Cell.parse("h̄_t = tanh(x_t W + h_{t-1} U)\nh_t = h̄_t + ȧ ⊙ x_t V_a"
                             .replace("ȧ ⊙ x_t V_a", "ȧ ⊙ (x_t V_a)"))  # fmt: skip
    derivation = rnnsym.backpropagate(cell)
    derivation.check()
    names = [s.equation.lhs.name for s in derivation]
    assert len([n for n in names if n == "h_bar_t"]) == 1


# --- any cell: lines, printing, numbers


@pytest.mark.parametrize("name", CELLS)
def test_gradients_are_tensorflows_and_every_line_holds(name):
    report = rnnsym.verify(cell_of(name), seed=SEED, gradient=True).check()
    compared = " ".join(c.what for c in report.comparisons)
    assert "T = 50, against GradientTape" in compared and "line by itself" in compared
    kinds = " ".join(c.what for c in report.controls)
    assert line_checks.FACTOR in kinds


@pytest.mark.parametrize("name", CELLS)
def test_other_losses_and_truncation_hold_line_by_line(name):
    cell = cell_of(name)
    row = cell.output.shape[0] == 1
    if row and not cell.output.scalar and fits(cell, "softmax_cross_entropy"):
        every_line_holds(rnnsym.backpropagate(cell, loss="softmax_cross_entropy", over="last"))
    if row and fits(cell, "binary_cross_entropy"):
        every_line_holds(
            rnnsym.backpropagate(cell, steps=3, truncate=2, loss="binary_cross_entropy")
        )


def every_line_holds(derivation):
    """Every line agrees; where numbers that differences bear leave out a branch, it is said.

    The cell of every function divides by what is next to nothing wherever relu6 is beyond 6.
    """
    report = derivation.report(seed=SEED)
    assert report.comparisons and all(c.passed for c in report.comparisons), report
    if "every_function" in report.subject:
        assert report or "a branch was not reached" in report.weak, report
    else:
        assert report.check()


def derivations(cell):
    yield rnnsym.backpropagate(cell)
    yield rnnsym.backpropagate(cell, steps=2)
    if cell.output.shape[0] == 1 and not cell.output.scalar:
        if fits(cell, "softmax_cross_entropy"):
            yield rnnsym.backpropagate(cell, loss="softmax_cross_entropy")
    if cell.states:
        yield rnnsym.jacobian(cell)
    if cell.parameters:
        yield rnnsym.rtrl(cell)


@pytest.mark.parametrize("convention", ["row", "column"])
@pytest.mark.parametrize("name", CELLS)
def test_printed_lines_read_back_to_the_same_tree(name, convention):
    for derivation in derivations(cell_of(name)):
        for step in derivation:
            for printed, latex in (
                (rnnsym.to_latex(step.equation, convention=convention), True),
                (rnnsym.to_text(step.equation, convention=convention), False),
            ):
                (again,) = read(printed, derivation, convention, latex)
                assert (again.lhs, again.expr) == (step.equation.lhs, step.equation.expr), printed


@pytest.mark.parametrize("over", ["all", "last"])
@pytest.mark.parametrize("loss", [n for n in loss_names() if not loss_of(n).through])
@pytest.mark.parametrize("name", ["simple_rnn", "lstm", "delayed_input", "delta_net", "softmax_cell",
                                  "constant_cell", "two inputs"])  # fmt: skip
def test_loop_and_unrolled_gradients_are_the_same(name, loss, over):
    cell = cell_of(name)
    if not fits(cell, loss):
        with pytest.raises(rnnsym.InputError, match="takes logits"):
            rnnsym.backpropagate(cell, loss=loss)
        return
    sample = draw(cell, SEED, default_sizes(cell), steps=4)
    y = sample.call(rnnsym.lambdify(cell))
    y = y if over == "all" else y[:, -1]
    target = target_like(y, loss, np.random.default_rng(SEED))
    results = []
    for form in (rnnsym.backpropagate(cell, loss=loss, over=over),
                 rnnsym.backpropagate(cell, steps=4, loss=loss, over=over)):  # fmt: skip
        f = rnnsym.lambdify(form)
        results.append(f(*sample.inputs, target, initial_state=sample.states, **sample.weights))
    (value, gradients), (other, others) = results
    assert value == pytest.approx(other, rel=1e-13)
    assert gradients.keys() == others.keys()
    for key in gradients:
        assert error_of(others[key], gradients[key], plain=True)[0] <= 1e-13
        single = sample.cast("float32")
        found = rnnsym.lambdify(cell, gradient=True, loss=loss, over=over)(
            *single.inputs, target.astype("float32"), initial_state=single.states, **single.weights
        )
        assert found[1][key].dtype == np.float32 and found[0].dtype == np.float32


def test_gradients_have_the_shapes_of_what_was_given():
    net = network(D=3, M=5, K=2)
    g = rnnsym.lambdify(net, gradient=True, loss="squared_error")
    rng = np.random.default_rng(SEED)
    weights = {"W": (3, 5), "U": (5, 5), "b": (5,), "V": (5, 2), "c": (1, 2)}
    weights = {n: rng.normal(size=s) for n, s in weights.items()}
    x, y = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 4, 2))
    loss, gradients = g(x, y, **weights)
    assert loss > 0 and gradients["x"].shape == x.shape and gradients["h_0"].shape == (2, 5)
    assert {n: gradients[n].shape for n in weights} == {n: w.shape for n, w in weights.items()}
    assert all(line in g.source for line in (
        "h_bar_t = y_bar_t @ V.T + h_next", "a_bar_t = a_bar[t] = h_bar_t * tanh_slope(a_t)",
        "dL_dW = x_t.T @ a_bar_t"))  # fmt: skip
    scalar = rnnsym.Cell.parse("γ: scalar\nh_t = γ h_{t-1} + x_t")
    _, found = rnnsym.lambdify(scalar, gradient=True)(x, x, gamma=0.5)
    assert np.ndim(found["gamma"]) == 0


def test_stable_losses_do_not_overflow():
    dense = rnnsym.cells.get("dense")
    x = np.array([[[800.0, -800.0]]])
    weights = {"V": np.eye(2), "c": np.zeros(2)}
    with np.errstate(all="raise", under="ignore"):
        for loss, target in (
            ("softmax_cross_entropy", [0.0, 1.0]),
            ("binary_cross_entropy", [0.0, 1.0]),
        ):
            value, gradients = rnnsym.lambdify(dense, gradient=True, loss=loss)(
                x, np.array([[target]]), **weights
            )
            assert value == pytest.approx(1600.0) and np.isfinite(gradients["V"]).all()


# --- the check sees what is wrong


@pytest.mark.parametrize(
    "name", ["simple_rnn", "lstm", "gru_reset_after", "delta_net", "softmax_cell"]
)
def test_planted_lines_are_rejected(name):
    derivation = rnnsym.backpropagate(cell_of(name))
    kinds = {k for s in derivation for k, _ in wrong_lines(s.equation)}
    assert {line_checks.FACTOR, line_checks.FUTURE, line_checks.SLOPE, line_checks.TIME} <= kinds
    report = derivation.check()
    assert all(c.rejected or c.harmless for c in report.controls)
    assert sum(c.rejected for c in report.controls) >= 20


WRONG = {
    "a sign": r"\bar a_t = -\bar h_t \odot (1 - h_t \odot h_t)",
    "no slope": r"\bar a_t = \bar h_t",
    "the future": r"\bar h_t = \bar y_t V^\top",
    "transposed": r"\frac{\partial L}{\partial h_0} = \bar a_1 U",
    "one step": r"\frac{\partial L}{\partial U} = \sum_{t=1}^{T} h_t^\top \bar a_t",
    "the immediate for the total": r"\frac{\partial L}{\partial W} = \sum_{t=1}^{T} x_t^\top"
    r" (\frac{\partial \ell_t}{\partial h_t} \odot (1 - h_t \odot h_t))",
    "no sum": r"\frac{\partial L}{\partial b} = \bar a_1",
}  # fmt: skip
RIGHT = {
    "tanh": r"\bar a_t = \bar h_t \odot (1 - h_t \odot h_t)",
    "bias": r"\frac{\partial L}{\partial b} = \sum_{t=1}^{T} \bar a_t",
    "plain": "h̄_t = ∂ℓ_t/∂y_t V^⊤ + ā_{t+1} U^⊤",
    "boundary": "h̄_T = ȳ_T V^⊤",
}


@pytest.mark.parametrize("name", RIGHT)
def test_somebodys_own_line_is_checked(name):
    rnnsym.backpropagate(network()).lines_from(RIGHT[name]).check()


@pytest.mark.parametrize("name", WRONG)
def test_somebodys_wrong_line_is_found(name):
    claimed = rnnsym.backpropagate(network()).lines_from(WRONG[name])
    with pytest.raises(rnnsym.CheckError, match=r"by differences .* by the line"):
        claimed.check()


def test_a_wrong_slope_of_a_function_is_found(monkeypatch):
    import dataclasses

    from rnnsym.ops.functions import ELEMENTWISE

    wrong = dataclasses.replace(ELEMENTWISE["tanh"], slopes=("1 - y",))
    monkeypatch.setitem(ELEMENTWISE, "tanh", wrong)
    with pytest.raises(rnnsym.CheckError, match="ḣ_t = ȧ_t"):
        rnnsym.backpropagate(rnnsym.cells.get("simple_rnn")).check()


#: Every rule: an operation's own answer to one of the two questions, and each part of it.
RULES = [
    (operation, name)
    for operation in operations()
    for name in vars(operation)
    if name in ("change", "pull") or name.endswith("_rule") or name.startswith("_pull")
    if operation not in (Node, TimeSum)  # the default, and what stands in no equation of a step
]


@pytest.mark.parametrize(("operation", "name"), RULES, ids=lambda x: getattr(x, "__name__", x))
def test_no_rule_of_the_calculus_can_be_missing(operation, name, monkeypatch):
    """With any one rule taken out, some cell's derivation or the page of the calculus fails."""

    def everything():
        found = {n: [str(e) for e in rnnsym.backpropagate(cell_of(n)).equations] for n in CELLS}
        return found, [str(r.change) for r in calculus()]

    right = everything()

    def missing(self, *_):
        raise rnnsym.InputError(f"there is no rule for {type(self).__name__}")

    monkeypatch.setattr(operation, name, missing)
    try:
        found = everything()
    except rnnsym.InputError:
        return
    assert found != right, f"nothing misses {operation.__name__}.{name}"


# --- costs and flow


@pytest.mark.parametrize("name", CELLS)
def test_costs_are_those_of_the_generated_code(name):
    from rnnsym.checking.whole import compared_costs as _counts

    found = list(_counts(cell_of(name), SEED))
    assert len(found) == 2 and all(c.passed for c in found), [c.what for c in found]


def test_costs_of_the_notebooks_network():
    costs = rnnsym.count(network())
    N, T, D, M, K = sympy.symbols("N T D M K")
    assert sympy.expand(costs.parameters - (M * (D + M + 1) + K * (M + 1))) == 0
    assert sympy.expand(costs.forward - N * T * (D * M + M * M + M * K)) == 0
    assert sympy.expand(costs.backward - 2 * N * T * (D * M + M * M + M * K)) == 0
    assert sympy.expand(costs.kept - N * (T * (D + M) + M)) == 0
    at = costs.at(N=1, T=10, D=3, M=5, K=3)
    assert at["parameters"] == 63 and at["kept"] == 85


def test_flow_is_the_product_of_jacobians():
    cell = rnnsym.cells.get("simple_rnn", D=3, M=4)
    rng = np.random.default_rng(SEED)
    weights = {
        "W": rng.normal(size=(3, 4)),
        "U": rng.normal(size=(4, 4)) / 2,
        "b": rng.normal(size=4),
    }
    found = rnnsym.flow(cell, 30, weights=weights, seed=SEED)
    sample = draw(cell, SEED, {"D": 3, "M": 4}, samples=1, steps=30)
    h = rnnsym.lambdify(cell)(*sample.inputs, initial_state=sample.states, **weights)[0]
    product = np.eye(4)
    for k in range(30):
        product = product @ weights["U"] @ np.diag(1 - h[k] ** 2)
        assert found.norms["state"][k] == pytest.approx(np.linalg.norm(product, 2), rel=1e-9)
    svg = rnnsym.to_svg(found)
    import xml.etree.ElementTree as xml

    root = xml.fromstring(svg)
    assert {"title", "desc"} <= {e.tag.rpartition("}")[2] for e in root} and "currentColor" in svg


@pytest.mark.parametrize("name", [n for n in CELLS if rnnsym.Cell.parse(CELLS[n]).states])
def test_flow_of_any_cell(name):
    found = rnnsym.flow(cell_of(name), 6, seed=1)
    assert set(found.norms) >= {"state"} and all(len(v) == 6 for v in found.norms.values())
    assert (found.norms["state"] >= 0).all()


@pytest.mark.parametrize("name", [n for n in CELLS if rnnsym.Cell.parse(CELLS[n]).states])
def test_bounds_hold(name):
    from rnnsym.checking.lines import check_bounds

    check_bounds(rnnsym.jacobian(cell_of(name)), SEED)


def test_real_time_recurrent_learning_gives_the_same_gradient():
    """Entry by entry: the lines of forward mode run as a program, against the backward one."""
    net = network(D=2, M=3, K=2)
    sample = draw(net, SEED, {"D": 2, "M": 3, "K": 2}, samples=1, steps=5)
    g = np.random.default_rng(SEED).normal(size=(1, 5, 2))
    _, gradients = rnnsym.lambdify(net, gradient=True)(
        *sample.inputs, g, initial_state=sample.states, **sample.weights
    )
    derivation = rnnsym.rtrl(net)
    steps = [s.equation for s in derivation if s.section == "sensitivities"]
    trace = sample.call(rnnsym.lambdify(net), trace=True)
    w, x, h = sample.weights, sample.inputs[0][0], trace["h"][0]
    before = np.vstack([sample.states["h"], h[:-1]])
    assert [str(e) for e in steps] == [
        "ȧ_t = x_t Ẇ + ḣ_{t-1} U + h_{t-1} U̇ + ḃ", "ḣ_t = ȧ_t ⊙ (1 - h_t ⊙ h_t)",
        "ẏ_t = ḣ_t V + h_t V̇ + ċ"]  # fmt: skip
    for name, value in w.items():
        for index in np.ndindex(value.shape):
            d = {n: np.zeros_like(v) for n, v in w.items()}
            d[name][index] = 1.0
            moved, total = np.zeros(3), 0.0
            for k in range(5):
                a = x[k] @ d["W"] + moved @ w["U"] + before[k] @ d["U"] + d["b"][0]
                moved = a * (1 - h[k] * h[k])
                total += (moved @ w["V"] + h[k] @ d["V"] + d["c"][0]) @ g[0, k]
            assert total == pytest.approx(gradients[name][index], rel=1e-10, abs=1e-14)


# --- what bad input gets

BAD = {
    "loss": (lambda: rnnsym.backpropagate(network(), loss="hinge"), "unknown loss 'hinge'; there are general"),
    "over": (lambda: rnnsym.backpropagate(network(), over="some"), "all or last"),
    "steps": (lambda: rnnsym.backpropagate(network(), steps=0), "positive whole number"),
    "truncate": (lambda: rnnsym.backpropagate(network(), steps=3, truncate=4), "cannot truncate 3"),
    "truncate zero": (lambda: rnnsym.backpropagate(network(), steps=3, truncate=0), "positive whole"),
    "truncate without steps": (lambda: rnnsym.backpropagate(network(), truncate=2), "number of steps"),
    "no cell": (lambda: rnnsym.backpropagate("h_t = x_t"), "takes a cell"),
    "matrix output": (lambda: rnnsym.backpropagate(
        rnnsym.Cell.parse("S_t = S_{t-1} + k_t^⊤ v_t"), loss="squared_error"), "row vector"),
    "scalar output": (lambda: rnnsym.backpropagate(
        rnnsym.Cell.parse("s_t: scalar\ns_t = x_t w"), loss="softmax_cross_entropy"), "is a scalar"),
    "no state": (lambda: rnnsym.jacobian(rnnsym.cells.get("dense")), "no state"),
    "flow without state": (lambda: rnnsym.flow(rnnsym.cells.get("dense")), "no state"),
    "flow steps": (lambda: rnnsym.flow(network(), 0), "1 to 10,000"),
    "flow weights": (lambda: rnnsym.flow(network(), 3, weights={"W": np.ones((3, 5))}), "needs the weights"),
    "no parameter": (lambda: rnnsym.rtrl(rnnsym.Cell.parse("h_t = tanh(x_t + h_{t-1})")), "no parameter"),
    "loss name": (lambda: rnnsym.backpropagate(rnnsym.Cell.parse("L_t = x_t W + L_{t-1}")), "stands for the loss"),
    "matrices": (lambda: rnnsym.verify_lines(rnnsym.unroll(network(), 1).matrices(D=1, M=1, K=1)), "named matrices"),
    "claim": (lambda: rnnsym.backpropagate(network()).lines_from("q̄_t = x_t"), "no symbol"),
    "claim shape": (lambda: rnnsym.backpropagate(network()).lines_from("ā_t = ȳ_t"), "is 1 × M"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_use_is_one_line(name):
    make, message = BAD[name]
    with pytest.raises(rnnsym.RnnsymError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (np.zeros((2, 4, 3)), r"must be of shape \(N, T, K\) = \(2, 4, 2\)"),
        (np.zeros((2, 4)), "must be of shape"),
        (np.zeros((2, 4, 2), "float32"), "must be float64"),
        (np.full((2, 4, 2), np.nan), "is NaN"),
        ("abc", "must be float64"),
    ],
)
def test_bad_targets(target, message):
    net = network(D=3, M=5, K=2)
    sample = draw(net, SEED, {"D": 3, "M": 5, "K": 2}, steps=4)
    g = rnnsym.lambdify(net, gradient=True, loss="squared_error")
    with pytest.raises(rnnsym.InputError, match=message):
        g(*sample.inputs, target, **sample.weights)
    with pytest.raises(rnnsym.InputError, match="2 arrays"):
        g(*sample.inputs, **sample.weights)


# --- the pytest plugin

PASSING = "h_t = tanh(x_t W + h_{t-1} U + b)\n"


def plugin(tmp_path, *arguments):
    import subprocess

    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_a_cells_file_is_a_collection_of_tests(tmp_path):
    (tmp_path / "my.cell").write_text(PASSING, encoding="utf-8")
    done = plugin(tmp_path, "my.cell")
    count = len(LineChecker(rnnsym.backpropagate(rnnsym.Cell.parse(PASSING))).lines)
    assert done.returncode == 0 and f"{count} passed" not in done.stdout.replace(" passed", "")
    assert int(done.stdout.split(" passed")[0].split()[-1]) >= count
    (tmp_path / "bad.cell").write_text("h_t = foo(x_t)", encoding="utf-8")
    broken = plugin(tmp_path, "bad.cell")
    assert broken.returncode != 0 and "unknown function 'foo'" in broken.stdout
    assert "Traceback" not in broken.stdout


def test_a_mark_gives_one_test_for_each_line(tmp_path):
    (tmp_path / "my.cell").write_text(PASSING, encoding="utf-8")
    (tmp_path / "test_mine.py").write_text(
        "import pytest, rnnsym\n"
        "net = rnnsym.cells.get('simple_rnn')\n"
        "claimed = rnnsym.backpropagate(net).lines_from('ā_t = h̄_t')\n"
        "@pytest.mark.rnnsym('my.cell')\n"
        "def test_mine(rnnsym_line):\n    rnnsym_line.check()\n"
        "@pytest.mark.rnnsym(claimed)\n"
        "def test_claimed(rnnsym_line):\n    rnnsym_line.check()\n",
        encoding="utf-8",
    )
    done = plugin(tmp_path, "test_mine.py")
    assert "1 failed" in done.stdout and done.returncode == 1
    assert "ā_t = h̄_t: step" in done.stdout and "by differences" in done.stdout
    assert int(done.stdout.split(" passed")[0].split()[-1]) >= 12
