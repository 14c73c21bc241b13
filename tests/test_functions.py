"""Every function of the table: its NumPy text against its SymPy expression at 50 digits."""

import warnings

import mpmath
import numpy as np
import pytest

import rnnsym
from rnnsym.names import GREEK
from rnnsym.ops import spellings
from rnnsym.ops.functions import ELEMENTWISE
from rnnsym.ops.numbers import numeric
from rnnsym.ops.rowfunctions import ROWS

POINTS = np.array(
    [-800.0, -30.0, -3.5, -3.0, -1.0, -0.7, -1e-9, 0.0, 1e-9, 0.4, 1.0, 3.0, 6.5, 30.0, 800.0]
)
POSITIVE = {"log", "sqrt", "log1p"}
#: sinh and cosh overflow as they must; their own range is smaller.
RANGE = {"exp": 700, "expm1": 700, "sinh": 700, "cosh": 700}


def points(name, dtype):
    x = POINTS.astype(dtype)
    if name in POSITIVE:
        x = np.abs(x) + dtype(1e-3)
    if dtype == np.float32 and name in RANGE:
        x = x[np.abs(x) < 80]
    return x[np.abs(x) <= RANGE.get(name, 1000)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_numpy_text_is_the_function_and_does_not_overflow(name, dtype):
    entry = ELEMENTWISE[name]
    x = points(name, dtype)
    arguments = [x, x[::-1].copy()][: entry.required]
    call = ", ".join(["x_t", "u_t"][: entry.required])
    f = rnnsym.lambdify(rnnsym.Cell.parse(f"h_t = {name}({call})"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = f(*(a.reshape(1, 1, -1) for a in arguments))
    assert found.dtype == dtype
    with mpmath.workdps(50):
        exact = [
            numeric(name, entry.required)(*(mpmath.mpf(float(v)) for v in row))
            for row in zip(*arguments)
        ]
        exact = np.array([float(mpmath.re(v)) for v in exact])
    # A few units in the last place, and the smallest normal numbers where the value underflows.
    units = np.full(x.shape, 40.0)
    if name in ("sin", "cos"):  # near a zero, the argument's own rounding is all there is
        exact_scale = np.maximum(np.abs(exact), 1e-3)
    else:
        exact_scale = np.abs(exact)
    if name == "tanh_shrink":  # a difference, as in Keras: near 0 it cancels
        exact_scale = np.maximum(exact_scale, np.abs(x.astype(float)))
    if "'" in name:  # a slope's terms are of size 1 and may cancel
        exact_scale = np.maximum(exact_scale, 1)
    if name == "gelu":  # the condition number of erfc at -z/√2 is about z²
        units += x.astype(float) ** 2
    if name == "gelu_tanh":  # that of exp at a cubic argument is the argument
        units += np.abs(x.astype(float)) ** 3
    tolerance = units * np.finfo(dtype).eps * exact_scale + 4 * np.finfo(dtype).tiny
    assert (np.abs(found.ravel() - exact) <= tolerance).all(), name


PLAIN = [name for name in ELEMENTWISE if "'" not in name]


@pytest.mark.parametrize("name", PLAIN)
def test_slopes_follow_by_differentiation(name):
    """Away from kinks the slope is the central difference at 50 digits; at a kink it is finite."""
    entry = ELEMENTWISE[name]
    import sympy

    symbols = [sympy.Symbol(a, real=True) for a in entry.arguments[: entry.required]]
    slope = sympy.lambdify(symbols, entry.formula.diff(symbols[0]), "mpmath")
    value = sympy.lambdify(symbols, entry.formula, "mpmath")
    with mpmath.workdps(50):
        for z in (0.3, 0.9, 2.2):
            rest = [mpmath.mpf("0.5")] * (entry.required - 1)
            h = mpmath.mpf(10) ** -15
            numeric_slope = (value(z + h, *rest) - value(z - h, *rest)) / (2 * h)
            assert abs(slope(mpmath.mpf(z), *rest) - numeric_slope) <= mpmath.mpf(10) ** -20
    if name in ("relu", "leaky_relu"):  # Keras takes the slope of the left branch at 0
        assert float(slope(0)) == float(-entry.scalar(sympy.Integer(-1)))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_function_is_read_under_each_of_its_spellings(name):
    entry = ELEMENTWISE[name]
    call = "(" + ", ".join(["x_t", "u_t"][: entry.required]) + ")"
    plain = rnnsym.Cell.parse(f"h_t = {name}{call}").equations[0].expr
    for spelling, meant in spellings().items():
        if meant != name:
            continue
        assert rnnsym.Cell.parse(f"h_t = {spelling}{call}").equations[0].expr == plain
        word = f"\\{spelling}" if spelling in GREEK else rf"\operatorname{{{spelling}}}"
        latex = rnnsym.Cell.parse(f"h_t = {word}{call}")
        assert latex.equations[0].expr == plain
    assert (
        rnnsym.Cell.parse(
            rf"h_t = {rnnsym.to_latex(rnnsym.Cell.parse(f'h_t = {name}{call}').equations[0]).split(' = ')[1]}"
        )
        .equations[0]
        .expr
        == plain
    )


@pytest.mark.parametrize("name", ROWS)
def test_row_functions_act_on_the_last_axis(name):
    f = rnnsym.lambdify(
        rnnsym.Cell.parse(
            f"h_t: scalar\nh_t = {name}(x_t)" if ROWS[name].reduces else f"h_t = {name}(x_t)"
        )
    )
    x = np.random.default_rng(0).normal(size=(3, 4, 5)) * 10
    entry = ROWS[name]
    with mpmath.workdps(50):
        options = [mpmath.mpf(d) for _, d in entry.defaults]
        rows = [
            [
                [
                    float(v)
                    for v in entry.row(
                        [mpmath.mpf(float(v)) for v in row],
                        lambda n, *a: numeric(n, len(a))(*a),
                        *options,
                    )
                ]
                for row in sample
            ]
            for sample in x
        ]
    np.testing.assert_allclose(f(x), np.array(rows), rtol=1e-13)  # sums of five in float64


def test_softmax_of_large_numbers_does_not_overflow():
    f = rnnsym.lambdify(rnnsym.Cell.parse("h_t = softmax(x_t)"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(f(np.array([[[1e4, 0.0]]])), [[[1.0, 0.0]]])


def test_further_arguments():
    f = rnnsym.lambdify(rnnsym.Cell.parse("h_t = leaky_relu(x_t, 0.3) + elu(x_t, 2)"))
    np.testing.assert_allclose(f(np.array([[[-1.0]]])), -0.3 + 2 * np.expm1(-1.0), rtol=1e-15)


@pytest.mark.parametrize("name", PLAIN)
def test_slope_texts_are_the_derivatives(name):
    """Every slope that formulas and code use, at 50 digits, kinks included."""
    import sympy

    from rnnsym.derive.slopes import written_out
    from rnnsym.nouns import Quantity
    from rnnsym.ops.entries import entries

    entry = ELEMENTWISE[name]
    assert len(entry.slopes) == len(entry.arguments)
    symbols = [sympy.Symbol(a, real=True) for a in entry.arguments]
    quantities = [Quantity(a, 1, 1) for a in entry.arguments]
    spots = [-3, -1, 0, 1, 3, 6, "-0.7", "0.4", "2.5"]
    if name in POSITIVE:
        spots = [1, 3, "0.4"]
    with mpmath.workdps(50):
        for i, text in enumerate(entry.slopes):
            formula = entry.scalar(*symbols).diff(symbols[i])
            exact = sympy.lambdify(symbols, formula, "mpmath")
            for spot in spots:
                values = [mpmath.mpf(spot), mpmath.mpf("0.75")][: len(symbols)]
                given = dict(zip(entry.arguments, values))
                given["y"] = numeric(name, len(values))(*values)
                found = mpmath.mpf(0)
                if text != "0":
                    expr = written_out(name, i, tuple(quantities), Quantity("y", 1, 1))
                    ((found,),) = entries(
                        expr,
                        lambda q, given=given: [[given[q.label]]],
                        lambda f, *v: numeric(f, len(v))(*v),
                        lambda r: mpmath.mpf(int(r.p)) / int(r.q),
                    )
                # The constants of the texts have 28 digits.
                assert abs(found - exact(*values)) <= mpmath.mpf(10) ** -26, (i, spot)


def test_slopes_at_kinks_are_those_of_keras():
    """Where a function has no slope, the value that Keras's gradient takes is taken."""
    import keras
    import tensorflow as tf

    from rnnsym.frameworks.keras.witness import _function
    from rnnsym.ops.functions import kinks

    checked = 0
    for name in PLAIN:
        if ELEMENTWISE[name].required > 1:
            continue
        for place, value in kinks(name):
            z = tf.Variable([float(place)], dtype=tf.float64)
            with tf.GradientTape() as tape:
                y = _function(keras.ops, keras, name)(z)
            assert float(tape.gradient(y, z)[0]) == pytest.approx(float(value), rel=1e-6), name
            checked += 1
    assert checked >= 5
    for name in ("max", "min"):
        a, b = (tf.Variable([1.0], dtype=tf.float64) for _ in range(2))
        with tf.GradientTape() as tape:
            y = _function(keras.ops, keras, name)(a, b)
        # At equal arguments the first one counts, in TensorFlow and here.
        assert [float(g[0]) for g in tape.gradient(y, [a, b])] == [1.0, 0.0]
        f = rnnsym.lambdify(rnnsym.Cell.parse(f"h_t = {name}(x_t, u_t)"), gradient=True)
        one = np.ones((1, 1, 1))
        _, gradients = f(one, one, one)
        assert gradients["x"].item() == 1 and gradients["u"].item() == 0
