"""Numbers, rows and columns beside matrices: the derivation, its code, and batches of samples."""

import numpy as np
import pytest

import rnnsym

KV = "S_t: K × V\nk_t: 1 × K\nv_t: 1 × V\nk_t = tanh(x_t W)\nv_t = tanh(x_t Y)\n"
CELLS = {
    "a number taken from a matrix": "γ, β: scalar\n" + KV + "S_t = tanh(γ (S_{t-1} - β) + k_t^⊤ v_t)\ny_t = k_t S_t",
    "a number outside": "γ, β: scalar\n" + KV + "S_t = tanh(S_{t-1} + k_t^⊤ v_t)\ny_t = k_t (γ (S_t + β))",
    "between rows": "γ: scalar\nA: K × V\n" + KV + "S_t = tanh(S_{t-1} + k_t^⊤ v_t)\n"
                    + "y_t = v_t ⊙ (k_t (A - γ) v_t^⊤) + k_t S_t",
    "sums of sums": "γ: scalar\nz_t: scalar\n" + KV
                    + "S_t = tanh(S_{t-1} + k_t^⊤ v_t)\nz_t = sum(sum(γ S_t)^⊤)\ny_t = z_t ⊙ v_t",
    "a power of a number": "p: scalar\nz_t: scalar\n" + KV
                    + "S_t = σ(S_{t-1} + k_t^⊤ v_t)\nz_t = sum(mean(S_t^{∘p})^⊤)\ny_t = z_t ⊙ v_t",
    "a scalar state": "g_t: scalar\n" + KV
                    + "S_t = tanh(S_{t-1} + k_t^⊤ v_t)\ng_t = tanh(g_{t-1} + mean(mean(g_{t-1} S_{t-1})^⊤))\ny_t = g_t ⊙ (k_t S_t)",
    "an inner product": "z_t: scalar\n" + KV
                    + "S_t = tanh(S_{t-1} + k_t^⊤ v_t)\nz_t = ⟨S_t - mean(k_t), S_{t-1}⟩\ny_t = z_t ⊙ v_t",
    "a product beside a column": "A: K × V\n" + KV.replace("S_t: K × V\n", "")
                    + "y_t = v_t ⊙ (k_t A (k_t A)^⊤)",
    "an option of each sample": "z_t: scalar\n" + KV
                    + "z_t = sum(x_t)\nS_t = tanh(k_t^⊤ v_t + layer_norm(S_{t-1}, z_t^2 + 0.1))\ny_t = k_t S_t",
}  # fmt: skip
SIZES = {"D": 3, "K": 4, "V": 5}


def numbers(cell, count, seed=1):
    rng = np.random.default_rng(seed)
    names = {str(s) for s in cell.dims}
    assert names <= set(SIZES), names
    sides = [[int(s.subs(SIZES)) for s in v.shape] for v in cell.parameters]
    weights = {v.name: rng.uniform(0.4, 1.2) if v.scalar else rng.normal(size=s) * 0.5
               for v, s in zip(cell.parameters, sides)}  # fmt: skip
    return rng, [rng.normal(size=(count, 3, 3)) for _ in cell.inputs], weights


@pytest.mark.parametrize("name", CELLS)
def test_the_gradient_of_the_code_is_that_of_its_loss(name):
    cell = rnnsym.parse(CELLS[name], name="cell")
    function, gradient = rnnsym.lambdify(cell), rnnsym.lambdify(cell, gradient=True)
    for count in (1, 4):  # 4 samples, as many as K: nothing may take one axis for the other
        rng, inputs, weights = numbers(cell, count)
        y = function(*inputs, **weights)
        outer = rng.normal(size=y.shape)
        _, found = gradient(*inputs, outer, **weights)
        for key, value in weights.items():
            move = rng.normal(size=np.shape(value))
            ends = [(function(*inputs, **{**weights, key: value + s * 1e-6 * move}) * outer).sum()
                    for s in (1, -1)]  # fmt: skip
            assert np.shape(found[key]) == np.shape(value), key
            wanted = (ends[0] - ends[1]) / 2e-6
            assert np.isclose((found[key] * move).sum(), wanted, rtol=1e-5, atol=1e-7), key
        one = np.concatenate(
            [function(x[i : i + 1], **weights) for x in inputs for i in range(count)]
        )
        assert np.allclose(y, one, rtol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_every_line_holds(name):
    assert rnnsym.backpropagate(rnnsym.parse(CELLS[name], name="cell")).check()


def test_a_gradient_is_an_array_that_can_be_changed():
    cell = rnnsym.parse("s: scalar\nh_t = tanh(W x_t + U h_{t-1} + s b)", convention="column")
    rng = np.random.default_rng(0)
    shapes = {"W": (5, 3), "U": (5, 5), "b": (5, 1)}
    weights = {k: rng.normal(size=s) * 0.4 for k, s in shapes.items()} | {"s": 0.5}
    x, outer = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 4, 5))
    _, found = rnnsym.lambdify(cell, gradient=True)(x, outer, **weights)
    for key, shape in shapes.items():
        assert found[key].shape == shape
        found[key] *= 0.1


def test_rounding_beside_a_zero_is_no_error():
    """A number that is the same for each element goes through a softmax without a trace."""
    cell = rnnsym.parse("h_t = softmax(x_t W + sum(h_{t-1}))")
    assert rnnsym.jacobian(cell).check() and rnnsym.backpropagate(cell).check()


@pytest.mark.parametrize(
    "text", [r"h^{(t) = \tanh(W x^{(t)})", r"h_t = W x^(t)} + \sigma(b)", "h^{(t) = tanh(x_t W)"]
)
def test_a_brace_that_is_missing_is_missed(text):
    with pytest.raises(rnnsym.LanguageError):
        rnnsym.parse(text)


def test_a_break_inside_a_subscript_of_latex_is_a_space():
    one = rnnsym.parse("h_t = \\tanh(W x_t + U h_{t\n-1})", convention="column")
    assert one == rnnsym.parse("h_t = \\tanh(W x_t + U h_{t-1})", convention="column")
