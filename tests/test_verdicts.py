"""A verdict says what was compared with what, and where: words, branches, sizes, lines, losses."""

import json

import mpmath
import numpy as np
import pytest

import rnnsym
from rnnsym.checking.branches import Coverage
from rnnsym.checking.claim import Plan, plans, whole_numbers
from rnnsym.checking.lines import LineChecker, target_like
from rnnsym.derive.losses import loss_of
from rnnsym.derive.losses import names as loss_names
from rnnsym.derive.naming import named
from rnnsym.ops.elementwise import Apply
from rnnsym.ops.functions import ELEMENTWISE
from rnnsym.ops.leaves import Number
from rnnsym.ops.margins import branches_of, domain_of
from rnnsym.ops.node import letter
from rnnsym.ops.numbers import numeric
from rnnsym.ops.sums import Minus

parse = rnnsym.Cell.parse
RNN = rnnsym.cells.get("simple_rnn")
#: The table of the design: JSON, words, exit code.
TABLE = {
    "verified": ("verified", 0), "consistent": ("consistent", 0), "holds": ("holds", 0),
    "equal-under-change": ("equal under a change of parameters", 0),
    "equal-where-defined": ("equal where defined", 0), "approximation": ("approximation", 0),
    "wrong": ("wrong", 1), "no-power": ("no power", 1), "says-nothing": ("says nothing", 0),
    "defines": ("defines", 0), "not-read": ("not read", 0),
}  # fmt: skip


def verdict(cell, lines, **options):
    return rnnsym.backpropagate(cell).lines_from(lines, **options).report()


def test_the_words_are_those_of_the_table_and_no_others():
    assert {v.slug: (str(v), v.exit) for v in rnnsym.Verdict} == TABLE


# --- who was asked


def test_only_a_layer_of_the_framework_verifies():
    assert rnnsym.verify(rnnsym.cells.get("gru")).verdict == "verified"
    own = parse("z_t = σ(x_t W + h_{t-1} U)\nh_t = z_t ⊙ h_{t-1} + tanh(x_t V)")
    report = rnnsym.verify(own)
    assert report.verdict == "consistent" and report and report.verdict.exit == 0
    assert report.to_dict()["verdict"] == "consistent" and str(report).startswith(
        "cell: consistent"
    )
    mixed = rnnsym.stack(own, rnnsym.cells.get("dense"))
    assert rnnsym.verify(mixed).verdict == "consistent"
    assert rnnsym.read_back(RNN).verdict == "consistent"
    assert rnnsym.backpropagate(RNN).report().verdict == "consistent"


def test_a_live_layer_is_asked_itself():
    import keras

    class Shifted(keras.layers.LSTM):
        pass

    def hard_sigmoid(z):
        return keras.ops.clip(0.2 * z + 0.5, 0, 1)

    layer = keras.layers.LSTM(4, recurrent_activation=hard_sigmoid)
    layer.build((None, 5, 3))
    with pytest.raises(rnnsym.InputError, match=r"hard_sigmoid.*not Keras's function"):
        rnnsym.from_keras(layer)
    shifted = Shifted(4)
    shifted.build((None, 5, 3))
    shifted.__class__.__name__ = "LSTM"
    with pytest.raises(rnnsym.InputError, match="not Keras's own"):
        rnnsym.from_keras(shifted)
    lying = keras.layers.LSTM(4)
    lying.build((None, 5, 3))
    inner = lying.call
    lying.call = lambda *a, **k: inner(*a, **k) + 0.1  # the configuration knows nothing of it
    before = [np.array(w) for w in lying.get_weights()]
    report = rnnsym.verify(rnnsym.from_keras(lying))
    assert report.verdict == "wrong"
    assert any("live model itself" in c.what and not c.passed for c in report.comparisons)
    for a, b in zip(before, lying.get_weights()):
        np.testing.assert_array_equal(a, b)
    honest = keras.layers.GRU(4)
    honest.build((None, 5, 3))
    report = rnnsym.verify(rnnsym.from_keras(honest))
    assert report.verdict == "verified" and "live model itself" in report.against


def test_weights_of_a_live_layer_come_back_after_an_error(monkeypatch):
    import keras

    layer = keras.layers.SimpleRNN(4, stateful=True)
    layer.build((4, 5, 3))
    before = [np.array(w) for w in layer.get_weights()]
    model = rnnsym.from_keras(layer)

    def broken(*a, **k):
        raise RuntimeError("no")

    layer.call = broken
    with pytest.raises(RuntimeError):
        rnnsym.verify(model)
    for a, b in zip(before, layer.get_weights()):
        np.testing.assert_array_equal(a, b)


# --- branches


BRANCHES = [
    ("relu6", "ā_t = h̄_t ⊙ step(a_t)", "ā_t = h̄_t ⊙ step(a_t) ⊙ step(6 - a_t)"),
    ("hard_sigmoid", "ā_t = h̄_t / 6", "ā_t = h̄_t ⊙ step(a_t + 3) ⊙ step(3 - a_t) / 6"),
    ("hard_tanh", "ā_t = h̄_t", "ā_t = h̄_t ⊙ (1 - step(-1 - a_t) - step(a_t - 1))"),
    ("soft_shrink", "ā_t = h̄_t ⊙ step(a_t - 0.5)",
     "ā_t = h̄_t ⊙ (step(a_t - 0.5) + step(-0.5 - a_t))"),
    ("sparse_sigmoid", "ā_t = h̄_t / 2", "ā_t = h̄_t ⊙ step(a_t + 1) ⊙ step(1 - a_t) / 2"),
    ("abs", "ā_t = h̄_t", "ā_t = h̄_t ⊙ sign(a_t)"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "wrong", "right"), BRANCHES)
def test_a_line_is_held_to_every_branch(function, wrong, right):
    cell = parse(f"h_t = {function}(x_t W + h_{{t-1}} U + b)")
    assert verdict(cell, wrong).verdict == "wrong"
    assert verdict(cell, right).verdict == "holds"


def test_a_branch_of_max_and_a_far_one_are_reached():
    cell = parse("h_t = max(x_t W, h_{t-1} U) + min(x_t V, 4)")
    assert verdict(cell, "∂L/∂x_t = h̄_t W^⊤ + h̄_t V^⊤").verdict == "wrong"
    assert rnnsym.backpropagate(cell).report().verdict == "consistent"


def test_a_branch_that_is_not_reached_is_named():
    cell = parse("h_t = relu(x_t W + 1000)")
    report = rnnsym.backpropagate(cell).report()
    assert report.verdict == "no power" and "relu where z < 0" in report.weak
    with pytest.raises(rnnsym.CheckError, match="a branch was not reached"):
        report.check()
    assert rnnsym.verify(cell).verdict == "no power"
    assert rnnsym.read_back(cell).verdict == "no power"


def test_a_branch_that_no_number_reaches_is_not_asked_for():
    for text in ("h_t = relu6(σ(x_t W) + h_{t-1}²)", "h_t = relu(exp(x_t W))",
                 "h_t = abs(softmax(x_t W))"):  # fmt: skip
        equations = named(parse(text)).equations
        assert not any("z < 0" in b.words for b in Coverage(equations).missing), text


@pytest.mark.parametrize(
    "line",
    [
        "h̄_t = min(∂ℓ_t/∂h_t + ā_{t+1} U^⊤, 2)",
        "ā_t = min(h̄_t, 5) ⊙ (1 - h_t ⊙ h_t)",
        "ā_t = max(min(h̄_t, 5), -5) ⊙ (1 - h_t ⊙ h_t)",
        "∂L/∂b = 100 ⊙ hard_tanh((∑_{t=1}^{T} ā_t) / 100)",
        "ā_t = h̄_t ⊙ (1 - h_t ⊙ h_t) + relu(sum(x_t) - 1000)",
        "h_t = tanh(min(x_t W + h_{t-1} U + b, 10))",
        "ā_t = h̄_t ⊙ (1 - h_t ⊙ h_t) + exp(sum(x_t) - 110)",
    ],
)
def test_a_line_is_held_to_the_branches_that_it_brings(line):
    found = verdict(parse("h_t = tanh(x_t W + h_{t-1} U + b)"), line).verdict
    assert found in (rnnsym.Verdict.WRONG, rnnsym.Verdict.NO_POWER)


def test_every_piecewise_function_has_its_margins():
    kinked = ["relu", "relu6", "leaky_relu", "elu", "selu", "celu", "hard_sigmoid",
              "hard_tanh", "hard_silu", "soft_shrink", "hard_shrink", "sparse_plus",
              "sparse_sigmoid", "abs", "sign", "step", "softsign"]  # fmt: skip
    assert (
        all(branches_of(n, 1) for n in kinked) and branches_of("max", 2) and branches_of("min", 2)
    )
    assert not any(branches_of(n, 1) for n in ("tanh", "sigmoid", "gelu", "softplus", "exp"))


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if ELEMENTWISE[n].required == 1])
def test_a_function_has_a_value_where_it_says(name):
    points = np.array([-40.0, -7.3, -1.5, -1.0, -0.7, -1e-9, 0.0, 1e-9, 0.4, 1.0, 2.6, 8.1, 33.0])
    holds = {">": np.greater, "≥": np.greater_equal, "≠": np.not_equal}
    told = np.ones(points.shape, bool)
    for margin in domain_of(name, 1):
        told &= holds[margin.relation](margin.value(points), 0)
    function = numeric(name, 1)
    values = [mpmath.mpmathify(function(mpmath.mpf(p))) for p in points]
    real = [isinstance(v, mpmath.mpf) and bool(mpmath.isfinite(v)) for v in values]
    assert told.tolist() == real


def test_signs_say_where_they_have_a_value():
    a, b = letter("A"), letter("B")
    cases = [("/", b, ["≠"]), ("^", Number("3"), []), ("^", Minus(Number("2")), ["≠"]),
             ("^", Number("0.5"), ["≥"]), ("^", Minus(Number("0.5")), [">"]), ("^", b, [">"]),
             ("⊙", b, [])]  # fmt: skip
    for sign, other, relations in cases:
        assert [m.relation for m in Apply(sign, a, other).domain()] == relations, (sign, other)


def test_branches_of_models_are_reached_too():
    import keras

    layers = [keras.Input((5, 3)), keras.layers.SimpleRNN(4, activation="relu6")]
    model = keras.Sequential(layers)
    report = rnnsym.verify(rnnsym.from_keras(model))
    assert report.verdict == "verified"
    assert any("larger inputs" in c.what for c in report.comparisons)


# --- sizes


@pytest.mark.parametrize(
    ("line", "found"),
    [("∂L/∂b = ā_1 + ā_2 + ā_3", "wrong"), ("∂L/∂b = ā_1 + ā_2", "wrong"),
     ("∂L/∂b = ∑_{t=1}^{T} ā_t", "holds"), ("∂L/∂b = ā_1 + ∑_{t=2}^{T} ā_t", "holds")],
)  # fmt: skip
def test_a_line_holds_for_every_number_of_steps(line, found):
    assert verdict(RNN, line).verdict == found


@pytest.mark.parametrize("divisor", [2, 3, 4, 5, 6])
def test_a_line_holds_for_every_width(divisor):
    cell = parse("m_t: scalar\nm_t = mean(x_t)\nh_t = tanh(m_t ⊙ (x_t W) + h_{t-1})")
    assert verdict(cell, f"m_t = sum(x_t) / {divisor}").verdict == "wrong"
    wide = parse("m_t: scalar\nh_t = tanh(x_t W)\nm_t = mean(h_t)\ny_t = m_t ⊙ h_t")
    assert verdict(wide, f"m_t = sum(h_t) / {divisor}").verdict == "wrong"


def test_sizes_are_unlike_each_other_and_every_number():
    net = rnnsym.stack(RNN, rnnsym.cells.get("dense"))
    one, two = plans(net, 0, {2, 4})
    for plan in (one, two):
        numbers = [plan.steps, *plan.sizes.values()]
        assert len(set(numbers)) == len(numbers) and not set(numbers) & {2, 4}
    assert one.steps != two.steps and one.sizes["M"] != two.sizes["M"]
    assert whole_numbers(parse("h_t = 3 x_t + 0.5 h_{t-1} / 7").equations[0].expr) == {3, 7}


# --- lines about themselves, accents, conventions


@pytest.mark.parametrize(
    "line",
    ["ā_t = 1 ā_t", "h̄_T = h̄_T + ā_T - ā_T", "ā_t = ā_t", "h̄_t = ∂L/∂h_t", "∂L/∂W = ∂L/∂W",
     "ā_t = ā_t ⊙ ā_t / ā_t", "h_t = h_t + 0 ⊙ ā_t", "ā_t = 2 ā_t - ā_t",
     "ā_t = ā_t ⊙ step(2 - h_t)", "h̄_t = h̄_t + relu(h_t - 3)", "h_t = min(h_t, 1)"],
)  # fmt: skip
def test_a_line_about_itself_says_nothing(line):
    report = verdict(RNN, line)
    assert report.verdict == "says nothing" and not report and report.verdict.slug == "says-nothing"
    with pytest.raises(rnnsym.CheckError, match="says nothing"):
        report.check()


def test_a_line_that_its_samples_never_contradict_says_nothing():
    cell = parse("h_t = tanh(abs(x_t W)) + sqrt(x_t V)")
    assert verdict(cell, "h_t = abs(h_t)").verdict == "says nothing"
    assert verdict(RNN, "h_t = abs(h_t)").verdict == "wrong"
    assert verdict(RNN, "ā_t = 2 ā_t").verdict == "wrong"


def test_an_accent_that_is_not_of_the_derivation_is_unknown():
    for line in ("ā_t = h̃_t ⊙ (1 - h_t ⊙ h_t)", "ā_t = h̄_t ⊙ c̃_t", "ā_t = ĥ_t"):
        with pytest.raises(rnnsym.LanguageError, match="is no symbol"):
            rnnsym.backpropagate(RNN).lines_from(line)
    cell = parse("h̃_t = tanh(x_t W + h_{t-1} U)\nh_t = h̃_t + h_{t-1}")
    assert verdict(cell, "h̃_t = tanh(x_t W + h_{t-1} U)").verdict == "holds"


def test_lines_are_read_and_told_in_the_readers_convention():
    cell = parse("h_t = tanh(W x_t + U h_{t-1} + b)", convention="column")
    right = r"\frac{\partial L}{\partial U} = \sum_{t=1}^{T} \bar a_t h_{t-1}^\top"
    report = verdict(cell, right)
    assert report.verdict == "holds" and report.comparisons[0].what == f"line 1: {right}"
    report = verdict(cell, "\n\n∂L/∂W = ∑_{t=1}^{T} ā_t x_t^⊤\n∂L/∂W = ∑_{t=1}^{T} ā_t x_{t-1}^⊤")
    assert [c.passed for c in report.comparisons] == [True, False]
    assert report.comparisons[1].what.startswith("line 4: ∂L/∂W = ∑_{t=1}^{T} ā_t x_{t-1}^⊤")
    place = report.comparisons[1].where
    # W is M × D: M is 2 or 3 in the samples, and D more.
    row, column = (int(n) for n in place.split("entry ")[1].split(":")[0].split(", "))
    assert row <= 3
    assert verdict(cell, "∂L/∂U = ∑_{t=1}^{T} h_{t-1}^⊤ ā_t", convention="row").verdict == "holds"


# --- harmless, or no power


def test_a_missed_error_is_harmless_only_where_it_is_shown_to_be_equal(monkeypatch):
    even = rnnsym.read_back(parse("h_t = exp(0 ⊙ (x_t W + b)) ⊙ (x_t V)"))
    assert any(c.harmless for c in even.controls) and even.power
    # A tiny difference is none to float64, and one to 50 digits.
    near = rnnsym.read_back(parse("h_t = 0.000000000000000001 (x_t V) + tanh(x_t W)"))
    missed = [c for c in near.controls if not c.rejected]
    assert missed and not any(c.harmless for c in missed) and near.verdict == "no power"


# --- losses


def softmax_cell(extra=""):
    return parse(f"{extra}h_t = tanh(x_t U + h_{{t-1}} W + b)\no_t = c + h_t V\np_t = softmax(o_t)")


def weights_of(cell, seed=0):
    rng = np.random.default_rng(seed)
    sizes = {"D": 2, "M": 3, "K": 4}
    return {
        v.name: rng.normal(size=[sizes.get(str(s), 1) for s in v.shape]) for v in cell.parameters
    }


@pytest.mark.parametrize(
    ("loss", "words"),
    [("softmax_cross_entropy", "'cross_entropy', or make the logits the output (`output: o_t`)"),
     ("binary_cross_entropy", "takes logits"),
     ("negative_log_likelihood", "takes log-probabilities")],
)  # fmt: skip
def test_a_loss_that_does_not_fit_is_refused_with_the_ways_out(loss, words):
    with pytest.raises(rnnsym.InputError) as caught:
        rnnsym.lambdify(softmax_cell(), gradient=True, loss=loss)
    assert words in str(caught.value)
    with pytest.raises(rnnsym.InputError, match="takes probabilities that softmax makes"):
        rnnsym.backpropagate(RNN, loss="cross_entropy")
    with pytest.raises(rnnsym.InputError, match="takes logits"):
        rnnsym.backpropagate(
            parse("y_t = σ(x_t W + h_{t-1})\nh_t = y_t"), loss="binary_cross_entropy"
        )


def test_cross_entropy_of_probabilities_is_the_one_of_logits():
    cell = softmax_cell()
    w, rng = weights_of(cell), np.random.default_rng(1)
    x, d = rng.normal(size=(2, 3, 2)), np.eye(4)[rng.integers(0, 4, (2, 3))]
    loss, g = rnnsym.lambdify(cell, gradient=True, loss="cross_entropy")(x, d, **w)
    p = rnnsym.lambdify(cell)(x, **w)
    assert loss == pytest.approx(-(d * np.log(p)).sum(), rel=1e-14)
    other, h = rnnsym.lambdify(softmax_cell("output: o_t\n"), gradient=True,
                               loss="softmax_cross_entropy")(x, d, **w)  # fmt: skip
    assert loss == pytest.approx(other, rel=1e-14)
    for name in w:
        np.testing.assert_allclose(g[name], h[name], rtol=1e-12)
    eps = 1e-6
    for name in ("c", "U"):
        moved = [{**w, name: w[name] + s * eps * (np.arange(w[name].size) == 1).reshape(w[name].shape)}
                 for s in (1, -1)]  # fmt: skip
        up, down = (-(d * np.log(rnnsym.lambdify(cell)(x, **m))).sum() for m in moved)
        assert g[name].ravel()[1] == pytest.approx((up - down) / (2 * eps), rel=1e-7)
    lines = [str(e) for e in rnnsym.backpropagate(cell, loss="cross_entropy").equations]
    assert "∂ℓ_t/∂o_t = p_t - d_t" in lines and "p_t = softmax(o_t)" in lines


def test_a_probability_of_zero_is_thought_of():
    cell = parse("o_t = x_t V\np_t = softmax(o_t)")
    x = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    V = np.array([[800.0, 0.0, -800.0], [0.0, 900.0, -900.0]])
    d = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    loss, g = rnnsym.lambdify(cell, gradient=True, loss="cross_entropy")(x, d, V=V)
    assert loss == 0 and np.isfinite(g["V"]).all()
    loss, g = rnnsym.lambdify(cell, gradient=True, loss="cross_entropy")(x, d[:, :, ::-1], V=V)
    assert loss == 1600.0 and np.isfinite(g["V"]).all()


@pytest.mark.parametrize(
    ("last", "loss"),
    [("softmax(o_t)", "cross_entropy"), ("log_softmax(o_t)", "negative_log_likelihood"),
     ("σ(o_t)", "binary_cross_entropy_of_probabilities"),
     ("log_softmax(o_t)", "softmax_cross_entropy")],
)  # fmt: skip
@pytest.mark.parametrize("fed", ["", " + y_{t-1} Q"])
def test_losses_of_probabilities_hold_line_by_line_and_against_keras(last, loss, fed):
    cell = parse(f"h_t = tanh(x_t U + h_{{t-1}} W{fed})\no_t = h_t V\ny_t = {last}")
    rnnsym.backpropagate(cell, loss=loss).check()
    rnnsym.backpropagate(cell, steps=3, loss=loss, over="last").check()
    report = rnnsym.verify(cell, gradient=True).check()
    words = loss.replace("_", " ")
    assert any(words in c.what and "GradientTape" in c.what for c in report.comparisons)


@pytest.mark.parametrize("loss", [n for n in loss_names() if loss_of(n).unit])
def test_targets_of_a_check_are_what_the_loss_takes(loss):
    target = target_like(np.zeros((2, 3, 4)), loss, np.random.default_rng(0))
    assert target.min() >= 0 and target.max() <= 1
    if loss_of(loss).distribution:
        np.testing.assert_allclose(target.sum(-1), 1)


# --- samples are shared


def test_the_lines_of_a_derivation_share_their_samples():
    checker = LineChecker(rnnsym.backpropagate(rnnsym.cells.get("lstm")))
    drawn = []
    make = checker._sampled
    checker._sampled = lambda plan: drawn.append(plan) or make(plan)
    assert all(line.comparison().passed for line in checker.lines)
    assert len(drawn) == 2 and len({p.steps for p in drawn}) == 2
    assert all(isinstance(p, Plan) for p in drawn)


def test_a_report_says_it_in_json(command):
    done = command("verify", "--equations", "h_t = relu(x_t W + 1000)", "--json")
    (report,) = json.loads(done.stdout)["reports"]
    assert done.returncode == 1 and report["verdict"] == "no-power" and not report["passed"]
    assert "no power" in done.stderr


@pytest.mark.parametrize("epsilon", ["1e-30", "1e-12", "0.001"])
def test_a_slope_whose_terms_cancel_is_held_to_their_size(epsilon):
    """A row of two is normalised to 1 and -1 whatever it is: its slope is next to nothing."""
    cell = rnnsym.parse(f"y_t = layer_norm(x_t, {epsilon})")
    report = rnnsym.backpropagate(cell).check()
    assert report.passed
