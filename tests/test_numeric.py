"""The generated functions: readable, of one dtype, with their arguments checked."""

import numpy as np
import pytest
from texts import TEXTS

import rnnsym
from rnnsym.checking.samples import default_sizes, draw

RNG = np.random.default_rng(5)


def given(dtype=np.float64, n=2, t=4):
    shapes = {"W": (3, 5), "U": (5, 5), "b": (5,), "V": (5, 2), "c": (2,)}
    weights = {k: RNG.normal(size=s).astype(dtype) for k, s in shapes.items()}
    return RNG.normal(size=(n, t, 3)).astype(dtype), weights


@pytest.fixture(scope="module")
def net():
    return rnnsym.stack(rnnsym.cells.get("simple_rnn"), rnnsym.cells.get("dense"))


@pytest.fixture(scope="module")
def f(net):
    return rnnsym.lambdify(net)


def test_the_source_has_one_line_an_equation_in_the_texts_own_names(net, f):
    lines = [line.strip() for line in f.source.splitlines()]
    assert "h_t = np.tanh(x_t @ W + h_tm1 @ U + b)" in lines
    assert "y_t = h_t @ V + c" in lines
    assert f.arguments == ("x", "h_0", "W", "U", "b", "V", "c")


@pytest.mark.parametrize("name", TEXTS)
def test_one_line_for_every_equation(name):
    cell = rnnsym.Cell.parse(TEXTS[name].plain)
    lines = [line.strip() for line in rnnsym.lambdify(cell).source.splitlines()]
    for equation in cell.equations:
        assert sum(line.startswith(f"{equation.lhs.name} = ") for line in lines) == 1


def test_equals_the_notebooks_loop(f):
    x, w = given(n=1, t=10)
    h, outputs = np.zeros(5), []
    for step in x[0]:
        h = np.tanh(step.dot(w["W"]) + h.dot(w["U"]) + w["b"])
        outputs.append(h.dot(w["V"]) + w["c"])
    np.testing.assert_allclose(f(x, **w)[0], outputs, rtol=0, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", TEXTS)
def test_the_dtype_stays(name, dtype):
    cell = rnnsym.Cell.parse(TEXTS[name].plain)
    sample = draw(cell, 1, default_sizes(cell)).cast(dtype)
    f = rnnsym.lambdify(cell)
    assert sample.call(f).dtype == dtype
    assert all(v.dtype == dtype for v in sample.call(f, trace=True).values())


def test_initial_states_are_taken_in_every_sensible_form(f):
    x, w = given()
    state = RNG.normal(size=(2, 5))
    expected = f(x, initial_state=state, **w)
    assert not np.array_equal(expected, f(x, **w))
    for form in ({"h": state}, [state], (state,)):
        np.testing.assert_array_equal(f(x, initial_state=form, **w), expected)
    np.testing.assert_array_equal(f(x, state, **w), expected)
    one = f(x, initial_state=state[0], **w)
    np.testing.assert_array_equal(one[0], expected[0])
    np.testing.assert_array_equal(f(x, **w), f(x, initial_state=np.zeros((2, 5)), **w))


def test_biases_may_have_one_axis_or_two(f):
    x, w = given()
    wide = dict(w, b=w["b"][None], c=w["c"][None])
    np.testing.assert_array_equal(f(x, **w), f(x, **wide))


def test_nothing_that_is_given_is_changed(f):
    x, w = given()
    state = np.ones((2, 5))
    before = [a.copy() for a in (x, state, *w.values())]
    f(x, initial_state=state, **w)
    for a, b in zip(before, (x, state, *w.values())):
        np.testing.assert_array_equal(a, b)


def wrong(**changes):
    return lambda x, w: (x, {**w, **changes})


BAD = {
    "missing weight": (lambda x, w: (x, {k: v for k, v in w.items() if k != "U"}), "needs the weights U"),
    "unknown weight": (wrong(Q=np.zeros(3)), "no parameter 'Q'"),
    "shape": (lambda x, w: (x, {**w, "W": w["W"].T}), "W must be of shape"),
    "axes": (wrong(U=np.zeros(5)), "U must be of shape"),
    "bias shape": (wrong(b=np.zeros(4)), "b must be of shape"),
    "dtype": (lambda x, w: (x, {**w, "W": w["W"].astype("float32")}), "W must be float64"),
    "integers": (lambda x, w: (x, {**w, "W": np.ones((3, 5), int)}), "W must be float64"),
    "text": (wrong(W="abc"), "W must be float64"),
    "objects": (wrong(W=[[1], [2, 3]]), "W must be float64"),
    "NaN": (lambda x, w: (x, {**w, "b": np.array([1, 2, np.nan, 4, 5])}), "b.* is NaN"),
    "Inf": (lambda x, w: (x, {**w, "V": np.full((5, 2), np.inf)}), "V.* is Inf"),
    "-Inf": (lambda x, w: (x, {**w, "c": np.array([-np.inf, np.inf])}), "c.* is Inf"),
    "NaN input": (lambda x, w: (x * np.nan, w), "x.* is NaN"),
    "no steps": (lambda x, w: (x[:, :0], w), "T = 0"),
    "two axes": (lambda x, w: (x[0], w), r"x must be of shape \(N, T, D\)"),
    "int input": (lambda x, w: (x.astype(int), w), "x must be float32 or float64"),
    "half input": (lambda x, w: (x.astype("float16"), w), "x must be float32 or float64"),
    "complex input": (lambda x, w: (x.astype(complex), w), "x must be float32 or float64"),
    "list of text": (lambda x, w: ("abc", w), "x must be float32 or float64"),
    "features": (lambda x, w: (x[..., :2], w), "W must be of shape D = 2 × M"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_arguments_are_one_line_that_names_them(f, name):
    change, message = BAD[name]
    x, w = change(*given())
    with pytest.raises(rnnsym.InputError, match=message) as caught:
        f(x, **w)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (np.zeros((3, 5)), "h must be of shape"),
        (np.zeros((2, 4)), "h must be of shape"),
        (np.zeros((2, 5), "float32"), "h must be float64"),
        (np.full((2, 5), np.nan), "h.* is NaN"),
        ({"q": np.zeros((2, 5))}, "no state 'q'"),
        ([np.zeros((2, 5))] * 2, "1 states|h must be"),
        ("abc", "h must be float64"),
    ],
)
def test_bad_states(f, state, message):
    x, w = given()
    with pytest.raises(rnnsym.InputError, match=message):
        f(x, initial_state=state, **w)


def test_unrolled_functions_hold_to_their_steps(net):
    x, w = given(t=4)
    with pytest.raises(rnnsym.InputError, match="unrolled over 3 steps"):
        rnnsym.lambdify(rnnsym.unroll(net, 3))(x, **w)


def test_given_sizes_are_held_to(net):
    x, w = given()
    with pytest.raises(rnnsym.InputError, match="W must be of shape D = 3 × M = 7"):
        rnnsym.lambdify(net.with_sizes(M=7))(x, **w)


def test_what_cannot_be_a_function():
    with pytest.raises(rnnsym.InputError, match="no input"):
        rnnsym.lambdify(rnnsym.Cell.parse("h_t = tanh(h_{t-1} U)"))
    with pytest.raises(rnnsym.InputError, match="takes a cell"):
        rnnsym.lambdify("h_t = x_t")
    with pytest.raises(rnnsym.InputError, match="nothing tells the size M"):
        rnnsym.lambdify(rnnsym.Cell.parse("s_t = s_{t-1}\nh_t = x_t"))(np.ones((1, 2, 3)))


def test_sizes_are_settled_from_sums():
    cell = rnnsym.Cell.parse("h_t = tanh([x_t, h_{t-1}] W)")
    f = rnnsym.lambdify(cell)
    assert f(np.ones((1, 2, 3)), W=np.ones((8, 5))).shape == (1, 2, 5)
    with pytest.raises(rnnsym.InputError, match="D \\+ M = 8"):
        f(np.ones((1, 2, 3)), W=np.ones((9, 5)))


def test_scalars_are_numbers():
    cell = rnnsym.Cell.parse("γ: scalar\nh_t = γ h_{t-1} + x_t")
    f = rnnsym.lambdify(cell)
    x = np.ones((1, 2, 3), np.float32)
    for value in (0.5, np.float32(0.5), np.array([[0.5]], np.float32), 1):
        assert f(x, gamma=value).dtype == np.float32
    for value in (np.ones(2, np.float32), "a", None, True, float("nan"), float("inf")):
        with pytest.raises(rnnsym.InputError):
            f(x, gamma=value)


def test_several_inputs_must_agree():
    f = rnnsym.lambdify(rnnsym.Cell.parse("h_t = x_t W + u_t V"))
    x, u = np.ones((2, 3, 4)), np.ones((2, 3, 5))
    w = {"W": np.ones((4, 2)), "V": np.ones((5, 2))}
    assert f(x, u, **w).shape == (2, 3, 2)
    with pytest.raises(rnnsym.InputError, match="2 input"):
        f(x, **w)
    with pytest.raises(rnnsym.InputError, match="must agree"):
        f(x, u[:, :2], **w)


def test_one_unit_one_feature_one_sample():
    """Sizes of 1 must not be taken for scalars."""
    for text in TEXTS.values():
        cell = rnnsym.Cell.parse(text.plain)
        sizes = {str(s): 1 for s in cell.dims}
        sample = draw(cell, 3, sizes, samples=1, steps=1)
        loop = sample.call(rnnsym.lambdify(cell))
        assert loop.shape[:2] == (1, 1) and np.isfinite(loop).all()


def test_a_batch_is_its_samples():
    for text in TEXTS.values():
        cell = rnnsym.Cell.parse(text.plain)
        sample = draw(cell, 3, default_sizes(cell), samples=3, steps=4)
        f = rnnsym.lambdify(cell)
        whole = sample.call(f)
        for n in range(3):
            one = f(
                *(x[n : n + 1] for x in sample.inputs),
                initial_state={k: v[n : n + 1] for k, v in sample.states.items()},
                **sample.weights,
            )
            np.testing.assert_allclose(whole[n], one[0], rtol=1e-12, atol=1e-14)
