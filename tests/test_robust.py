"""What is huge, deep or far from home: nothing hangs, overflows without need, or cannot be sent on."""

import concurrent.futures
import contextlib
import copy
import itertools
import multiprocessing
import pickle
import subprocess
import sys

import mpmath
import numpy as np
import pytest
import sympy as sp

import rnnsym
from rnnsym.language import dims
from rnnsym.ops.functions import ELEMENTWISE
from rnnsym.ops.joins import Concat
from rnnsym.ops.numbers import numeric
from rnnsym.ops.products import MatMul
from rnnsym.ops.rowfunctions import ROWS

parse = rnnsym.Cell.parse
RNN = "h_t = tanh(x_t W + h_{t-1} U + b)"


# --- the time that reading takes, counted in steps


@pytest.fixture
def steps(monkeypatch):
    """How often a shape is asked for and a size is looked up; too often is refused."""
    count = itertools.count()
    asked, looked = {}, dims.linear

    def limited(*_):
        if next(count) > 400_000:
            raise AssertionError("reading takes too many steps")

    for kind in (Concat, MatMul):
        asked[kind] = getattr(kind.shape, "func", None) or kind.shape.fget
        monkeypatch.setattr(
            kind, "shape", property(lambda self, k=kind: (limited(), asked[k](self))[1])
        )
    monkeypatch.setattr(dims, "linear", lambda d: (limited(), looked(d))[1])
    return count


DEEP = {
    "joined, first": "h_t = tanh(" + "[" * 60 + "x_t" + ", x_t]" * 60 + " W)",
    "joined, last": "h_t = tanh(" + "[x_t, " * 60 + "x_t" + "]" * 60 + " W)",
    "signs": "h_t = " + "-(" * 90 + "x_t" + ")" * 90,
    "products": "h_t = " + "(" * 90 + "x_t" + " W)" * 90,
    "powers": "h_t = " + "(" * 90 + "x_t" + "^2)" * 90,
    "a sum of products": "h_t = " + " + ".join(f"x_t W_{{a{i}}}" for i in range(640)),
    "a ring": "\n".join(
        f"s{i}_t = tanh(x_t W_{{a{i}}} + s{(i + 1) % 100}_{{t-1}} U_{{a{i}}})" for i in range(100)
    ),
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_reading_grows_with_the_text_alone(text, steps):
    assert parse(text).equations
    assert next(steps) < 400_000


def test_a_long_text_of_undeclared_names_is_not_read_hundreds_of_times(monkeypatch):
    reads = itertools.count()
    real = rnnsym.language.parser._cell

    def counted(*args):
        next(reads)
        return real(*args)

    monkeypatch.setattr(rnnsym.language.parser, "_cell", counted)
    with pytest.raises(rnnsym.LanguageError, match="stands as a factor"):
        parse("h_t = " + " + ".join(f"a{i} x_t" for i in range(300)))
    assert next(reads) < 50


# --- numbers that float64 cannot hold


@pytest.mark.parametrize("name", [n for n, e in ELEMENTWISE.items() if e.required == 1])
@pytest.mark.parametrize("value", ["1e400", "-1e400", "1e308", "-1e308", "1e-400"])
def test_functions_of_huge_numbers_end(name, value):
    # What has no value is said in one line by whoever asks.
    with contextlib.suppress(ZeroDivisionError, OverflowError, ValueError):
        numeric(name, 1)(mpmath.mpf(value))


def test_towers_of_powers_end():
    power, nine = numeric("^", 2), mpmath.mpf(9)
    assert power(nine, power(nine, power(nine, mpmath.mpf(400)))) == mpmath.inf
    nested = mpmath.mpf(3)
    for _ in range(6):
        nested = numeric("exp", 1)(nested)
    assert nested == mpmath.inf


@pytest.mark.parametrize(
    "text",
    [
        "h_t = exp(exp(x_t W) + h_{t-1} U)",
        "h_t = tanh(exp(exp(exp(x_t W)))) + h_{t-1} U",
        "h_t = sinh(sinh(sinh(sinh(x_t W + h_{t-1} U))))",
        "h_t = cos(exp(exp(exp(exp(x_t W)))))",
        "i_t = exp(x_t W + h_{t-1} U)\nc_t = i_t ⊙ c_{t-1} + i_t\nh_t = i_t ⊙ exp(c_t)",
    ],
)
def test_towers_of_exponentials_get_a_verdict_or_one_line(text):
    cell = parse(text)
    for ask in (lambda: rnnsym.verify(cell), lambda: rnnsym.backpropagate(cell).report()):
        try:
            assert ask().verdict in ("consistent", "no power")
        except rnnsym.InputError as refusal:
            assert "no finite numbers" in str(refusal)


# --- values and slopes where a right one exists

EXTREMES = [s * v for s in (1.0, -1.0) for v in (1e-300, 1e-160, 1e-8, 30.0, 1e10, 1e154, 1e300)]


@pytest.mark.parametrize(
    "name", [n for n, e in ELEMENTWISE.items() if e.required == 1 and "'" not in n]
)
def test_a_function_and_its_slope_are_right_at_extremes(name):
    z = sp.Symbol("z", real=True)
    entry = ELEMENTWISE[name]
    function = rnnsym.lambdify(parse(f"h_t = {name}(x_t)"))
    gradient = rnnsym.lambdify(parse(f"h_t = {name}(x_t)"), gradient=True)
    # The slope's text without its accurate form, at many digits.
    slope = sp.lambdify(z, entry.scalar(z).diff(z), "mpmath")
    for value in (0.0, *EXTREMES):
        at = np.full((1, 1, 1), value)
        with np.errstate(all="ignore"):
            found = [function(at)[0, 0, 0], gradient(at, np.ones_like(at))[1]["x"][0, 0, 0]]
        with mpmath.workdps(1000):
            for got, exact in zip(found, (entry.scalar, slope)):
                try:
                    wanted = (numeric(name, 1) if exact is entry.scalar else slope)(
                        mpmath.mpf(value)
                    )
                except (ZeroDivisionError, OverflowError, ValueError):
                    continue
                if isinstance(wanted, mpmath.mpc) or not mpmath.isfinite(wanted):
                    continue
                if 1e-290 < abs(wanted) < 1e300:
                    assert abs(got - wanted) <= 1e-9 * abs(wanted), (name, value, got)
                elif abs(wanted) <= 1e-290:
                    assert abs(got) <= 1e-280, (name, value, got)


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "layer_norm", "sparsemax"])
@pytest.mark.parametrize(
    "row",
    [
        [1e300, 0.0, -1e300],
        [1e200, 1e200, 3e200],
        [-1e155, 2e155, 1e10],
        [0.0, 0.0, 0.0],
        [1e-200, -1e-200, 3e-200],
        [1e6 + 0.25, 1e6, 1e6 - 0.5],
    ],
)
def test_a_function_of_a_row_is_right_at_extremes(name, row):
    function = rnnsym.lambdify(parse(f"h_t = {name}(x_t)"))
    found = function(np.array([[row]]))[0, 0]
    entry = ROWS[name]
    with mpmath.workdps(400):
        options = [mpmath.mpf(d) for _, d in entry.defaults]
        wanted = (
            entry.row(
                [mpmath.mpf(v) for v in row],
                lambda f, *v: mpmath.sqrt(*v) if f == "sqrt" else numeric(f, len(v))(*v),
                *options,
            )
            if name in ("layer_norm", "sparsemax")
            else _softened(name, row)
        )
    wanted = np.array([float(v) for v in wanted])
    assert np.allclose(found, wanted, rtol=1e-9, atol=1e-290)


def _softened(name, row):
    """softmax and its logarithm of differences, whose exponentials have numbers."""
    top = max(map(mpmath.mpf, row))
    total = mpmath.fsum(mpmath.exp(mpmath.mpf(v) - top) for v in row)
    logs = [mpmath.mpf(v) - top - mpmath.log(total) for v in row]
    return logs if name == "log_softmax" else [mpmath.exp(v) for v in logs]


def test_the_slope_of_layer_norm_is_right_at_extremes():
    gradient = rnnsym.lambdify(parse("h_t = layer_norm(x_t)"), gradient=True)
    rng = np.random.default_rng(3)
    x, g = rng.normal(size=(2, 1, 1, 5))
    for scale in (1e160, 1e300):
        # Far above epsilon the function does not change with the scale of its row.
        found = gradient(x * scale, g)[1]["x"] * scale
        wanted = gradient(x * 1e6, g)[1]["x"] * 1e6
        assert np.allclose(found, wanted, rtol=1e-6) and np.abs(wanted).max() > 0.01


@pytest.mark.parametrize(
    ("text", "dx", "dp"),
    [
        ("p: scalar\ny_t = x_t^p", 0.0, np.log(2)),
        ("p: 1 × D\ny_t = x_t^p", 0.0, [0, 0, np.log(2)]),
        ("p: 1 × D\ny_t = 3 ⊙ x_t^{-p} ⊙ x_t", 3.0, [0, 0, -6 * np.log(2)]),
        ("p: 1 × D\ny_t = x_t^{p + 1}", 1.0, [0, 0, 2 * np.log(2)]),
    ],
)
def test_a_power_that_is_zero_at_run_time_has_the_slope_zero(text, dx, dp):
    """p x^(p-1) is 0 at p = 0 whatever x is, and x^p log(x) at x = 0 as well: 0 · ∞ in plain code."""
    cell = parse(text)
    x, p = np.array([[[0.0, 1.0, 2.0]]]), 0.0 if "scalar" in text else np.zeros(3)
    with np.errstate(all="raise"):
        _, found = rnnsym.lambdify(cell, gradient=True)(x, np.ones((1, 1, 3)), p=p)
    np.testing.assert_allclose(found["x"], np.full((1, 1, 3), dx), atol=1e-12)
    np.testing.assert_allclose(found["p"], dp, atol=1e-12)
    assert rnnsym.verify(cell, gradient=True)


def test_a_power_of_zero_has_no_slope():
    gradient = rnnsym.lambdify(parse("h_t = x_t^0 + x_t"), gradient=True)
    x = np.array([[[0.0, 1e200, -3.0, 1e-200]]])
    assert (gradient(x, np.ones_like(x))[1]["x"] == 1).all()
    assert "x_t^{0}" not in rnnsym.to_text(
        rnnsym.backpropagate(parse("h_t = x_t^0 + x_t")).steps[-1].equation
    )


# --- a gradient of many samples is one product


@pytest.mark.parametrize(
    "text",
    [
        "h_t = tanh(x_t V + h_{t-1} (W - W^T) + b)",
        "h_t = tanh(x_t V + h_{t-1} (W ⊙ W - exp(W^T)))",
        "h_t = tanh(x_t V + h_{t-1} W^T W)",
        "h_t = tanh(x_t V + h_{t-1} (W / 2 + diag(a)))",
        "h_t = tanh((x_t V) ⊙ (h_{t-1} (U - diag(a))))",
        "h_t = tanh(x_t (abs(V) ⊙ M) + h_{t-1} (2 U^T))",
    ],
)
def test_no_array_of_a_matrix_for_each_sample_is_made(text):
    cell = parse(text)
    function = rnnsym.lambdify(cell, gradient=True)
    lines = [line for line in function.source.splitlines() if line.strip().startswith("dL_d")]
    assert lines and not any("[:, :, None]" in line for line in lines)
    assert rnnsym.verify(cell, gradient=True)


# --- sent to other processes


def _everything():
    cell = parse(RNN)
    yield cell
    yield rnnsym.lambdify(cell)
    yield rnnsym.lambdify(cell, gradient=True)
    yield rnnsym.lambdify(rnnsym.unroll(cell, 3))
    yield (
        rnnsym.backpropagate(cell, loss="mean_squared_error")
        if False
        else rnnsym.backpropagate(cell)
    )
    yield rnnsym.unroll(cell, 3)
    yield rnnsym.backpropagate(cell).lines_from("ā_t = h̄_t ⊙ (1 - h_t ⊙ h_t)")
    yield rnnsym.count(cell)
    yield rnnsym.cells.get("lstm")
    for wrong in ("h_t = tanh(", "h_t = tanh(W x_t + x_t W)"):
        with pytest.raises(rnnsym.LanguageError) as caught:
            parse(wrong)
        yield caught.value
    yield rnnsym.InputError("one line")
    yield rnnsym.CheckError("one line")


@pytest.mark.parametrize(
    "again", [lambda x: pickle.loads(pickle.dumps(x)), copy.copy, copy.deepcopy]
)
def test_everything_public_can_be_copied_and_pickled(again):
    for thing in _everything():
        other = again(thing)
        assert type(other) is type(thing)
        if isinstance(thing, Exception):
            assert str(other) == str(thing) and vars(other) == vars(thing)
        elif isinstance(thing, rnnsym.NumericFunction):
            assert other.source == thing.source and other.arguments == thing.arguments
        else:
            assert other == thing


def test_a_copied_function_computes_the_same():
    cell = parse(RNN)
    rng = np.random.default_rng(5)
    x = rng.normal(size=(2, 4, 3))
    weights = {"W": rng.normal(size=(3, 5)), "U": rng.normal(size=(5, 5)), "b": rng.normal(size=5)}
    f, g = rnnsym.lambdify(cell), rnnsym.lambdify(cell, gradient=True)
    f2, g2 = pickle.loads(pickle.dumps((f, g)))
    assert (f2(x, **weights) == f(x, **weights)).all()
    one, two = g(x, f(x, **weights), **weights), g2(x, f(x, **weights), **weights)
    assert one[0] == two[0] and all((one[1][k] == two[1][k]).all() for k in one[1])


def test_a_bad_text_does_not_break_a_pool_of_processes():
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        bad = pool.submit(parse, "h_t = tanh(")
        with pytest.raises(rnnsym.LanguageError) as caught:
            bad.result()
        assert caught.value.line == 1 and caught.value.column > 1
        assert pool.submit(parse, RNN).result() == parse(RNN)


def test_a_model_and_its_functions_can_be_sent():
    import keras

    model = keras.Sequential(
        [keras.Input((4, 3)), keras.layers.LSTM(5, return_sequences=True), keras.layers.Dense(2)]
    )
    ours = rnnsym.from_keras(model)
    x = np.random.default_rng(2).normal(size=(2, 4, 3)).astype("float32")
    for again in (lambda m: pickle.loads(pickle.dumps(m)), copy.copy, copy.deepcopy):
        other = again(ours)
        assert other == ours
        f = again(rnnsym.lambdify(other))
        assert (f(x) == rnnsym.lambdify(ours)(x)).all()
        assert other.with_mask().masked == (True,)
        assert rnnsym.verify(other)
    assert copy.copy(ours).live is model and pickle.loads(pickle.dumps(ours)).live is None


# --- a witness may cancel where our code does not


@pytest.mark.parametrize(
    "text",
    [
        "h_t = tanh(x_t V + h_{t-1} (W - exp(W)))",
        "h_t = tanh(3 + x_t V + h_{t-1} W)",
        "h_t = σ(4 + x_t V + 2 h_{t-1} W) ⊙ tanh(x_t U - 3)",
    ],
)
def test_gradients_of_saturated_cells_are_compared_as_far_as_their_printed_slopes_hold(text):
    for seed in (0, 1):
        report = rnnsym.verify(parse(text), gradient=True, seed=seed)
        assert report.verdict == "consistent", report.comparisons
        rows = [
            c for c in report.comparisons if c.error and c.tolerance and "tape" in c.what.lower()
        ]
        assert rows and max(c.error / c.tolerance for c in rows) < 0.5


def test_cells_are_checked_side_by_side():
    cells = [rnnsym.cells.get(n) for n in ("dense", "lstm")]
    seen = []
    one = rnnsym.verify_all(
        cells, jobs=2, against="latex", progress=lambda r: seen.append(r.subject)
    )
    assert seen == ["dense", "lstm"] and all(r.verdict == "consistent" for r in one)
    assert [r.to_dict() for r in one] == [rnnsym.verify(c, "latex").to_dict() for c in cells]
    with pytest.raises(rnnsym.InputError, match="whole number"):
        rnnsym.verify_all(cells, jobs=0)


def test_the_same_sweep_runs_on_a_cluster():
    import joblib
    from distributed import Client, LocalCluster

    cells = [rnnsym.cells.get(n) for n in ("dense", "simple_rnn")]
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster),
        joblib.parallel_config(backend="dask"),
    ):
        reports = rnnsym.verify_all(cells, against="latex")
    assert [r.subject for r in reports] == ["dense", "simple_rnn"] and all(reports)


# --- what users give as arrays


class Failing:
    def __array__(self, *_, **__):
        raise RuntimeError("no\narray")


@pytest.mark.parametrize(
    "x",
    [
        np.ma.masked_array(np.ones((1, 2, 3)), mask=True),
        Failing(),
        [[[1.0, 2.0, 3.0], [1.0]]],
        "text",
        {"a": 1},
    ],
    ids=["masked", "failing", "ragged", "text", "mapping"],
)
def test_what_is_no_plain_array_is_one_line(x):
    function = rnnsym.lambdify(parse("h_t = tanh(x_t W)"))
    weights = {"W": np.ones((3, 2))}
    with pytest.raises(rnnsym.InputError, match="must be float32 or float64") as caught:
        function(x, **weights)
    assert "\n" not in str(caught.value)
    with pytest.raises(rnnsym.InputError, match="W must be"):
        function(np.ones((1, 2, 3)), W=x)
    gradient = rnnsym.lambdify(parse("h_t = tanh(x_t W)"), gradient=True)
    with pytest.raises(rnnsym.InputError, match="must be float64"):
        gradient(np.ones((1, 2, 3)), x, **weights)
    import keras

    model = rnnsym.lambdify(
        rnnsym.from_keras(keras.Sequential([keras.Input((2, 3)), keras.layers.GRU(2)]))
    )
    with pytest.raises(rnnsym.InputError, match="must be an array of numbers"):
        model(x)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_a_matrix_of_the_old_kind_multiplies_like_an_array():
    function = rnnsym.lambdify(parse("h_t = (x_t W) ⊙ (x_t W)"))
    x, w = np.ones((1, 2, 3)), np.arange(6.0).reshape(3, 2)
    assert (function(x, W=w.view(np.matrix)) == function(x, W=w)).all()


# --- a folder is written whole or not at all


def test_a_folder_is_written_whole_or_not_at_all(tmp_path):
    from rnnsym.cli._files import write_folder as _write_folder

    _write_folder(tmp_path / "a" / "b", {"one.txt": "1", "two.txt": b"2"})
    assert sorted(p.name for p in (tmp_path / "a" / "b").iterdir()) == ["one.txt", "two.txt"]
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b"]
    (tmp_path / "c" / "two.txt").mkdir(parents=True)
    with pytest.raises(rnnsym.InputError, match="it is a folder"):
        _write_folder(tmp_path / "c", {"one.txt": "1", "two.txt": "2"})
    assert [p.name for p in (tmp_path / "c").iterdir()] == ["two.txt"]
    with pytest.raises(AttributeError):
        _write_folder(tmp_path / "new" / "er", {"one.txt": "1", "two.txt": object()})
    assert not (tmp_path / "new").exists()


def test_a_title_is_no_markup_in_the_navigation(monkeypatch):
    from rnnsym.pages import generate

    monkeypatch.setattr(generate, "names", lambda: ["mine"])
    monkeypatch.setattr(generate, "get", lambda _: parse("# <b>Mine</b> & more\nh_t = tanh(x_t W)"))
    (entry,) = generate.report_navigation()
    assert list(entry) == ["&lt;b&gt;Mine&lt;/b&gt; &amp; more"]


def test_powers_in_one_another_are_printed_once_each():
    texts = [rnnsym.lambdify(parse("y_t = " + "(" * n + "x_t" + "^2)" * n)).source for n in (8, 60)]
    assert texts[1].count("**2") == 60


def test_matrices_too_large_to_be_written_out_are_a_note():
    report = rnnsym.verify(parse("y_t = tanh(tanh(tanh(tanh(x_t W) V) U) A)"))
    assert report.verdict == "consistent"
    assert any("not compared: explicit matrices" in r for r in report.remarks)


def test_a_function_without_numbers_is_one_line():
    with pytest.raises(rnnsym.InputError, match="no finite numbers"):
        rnnsym.verify(parse("y_t = celu(x_t, 0)"), gradient=True)


def test_a_mask_is_no_branch_that_cannot_be_reached():
    import keras

    model = keras.Sequential([keras.Input((4, 3)), keras.layers.Masking(), keras.layers.LSTM(2)])
    assert rnnsym.verify(rnnsym.from_keras(model)).verdict == "verified"


# --- what a newcomer met


def test_runs_of_spaces_do_not_hang():
    """Within the limit of a text; 19,000 of them were read in hours."""
    code = (
        "import rnnsym\n"
        "plain = rnnsym.parse('h_t = x_t W').equations\n"
        "for text in ('h_t = x_t W' + ' ' * 19_000, ' ' * 19_000 + 'h_t = x_t W',\n"
        "             'h_t = x_t' + ' ' * 19_000 + 'W'):\n"
        "    assert rnnsym.parse(text).equations == plain\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (r"h_t = \tanh(x_t W_{\eta x} + h_{t-1} W_{x\eta} + b_{\eta,j} + c_\eta)",
         ["W_eta_x", "W_x_eta", "b_eta_j", "c_eta"]),
        ("h_t = tanh(x_t W_{ηxh} + h_{t-1} U_η + b_ηx)", ["W_eta_xh", "U_eta", "b_eta_x"]),
        (r"h_t = \tanh(x_t W_{\xi\eta} + h_{t-1} U_{xi})", ["W_xigr_eta", "U_xi"]),
        (r"h_t = \tanh(x_t W_{\theta_1} + h_{t-1} U_{x_\eta})", ["W_theta_1", "U_x_eta"]),
    ],
)  # fmt: skip
def test_a_greek_letter_among_subscripts_stands_by_itself(text, names):
    cell = parse(text)
    assert [v.name for v in cell.parameters] == names
    tex = rnnsym.to_latex(cell)
    assert "mathrm" not in tex and r"\eta" in tex
    assert parse(rnnsym.to_text(cell)).equations == cell.equations == parse(tex).equations


@pytest.mark.parametrize("text", ["h_t = x_t W_{ηt}", r"h_t = x_t W_{\eta t}"])
def test_a_time_that_runs_into_a_greek_letter_is_refused(text):
    with pytest.raises(rnnsym.LanguageError, match="runs a time index into a name"):
        parse(text)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "exp", "softmax"])
def test_a_function_without_its_backslash_is_told_from_letters(name):
    with pytest.raises(rnnsym.LanguageError, match=rf"'{name}' is written") as caught:
        parse(rf"h_t = {name}(x_t U_\eta)")
    assert f"»{name}«" in str(caught.value)
    assert (
        parse(rf"h_t = \operatorname{{{name}}}(x_t U_\eta)").equations
        == parse(f"h_t = {name}(x_t U_η)").equations
    )


def test_a_saturated_line_is_right():
    wide = " + ".join(["x_t W"] * 50)
    assert rnnsym.backpropagate(parse(f"h_t = tanh({wide})")).check().passed
