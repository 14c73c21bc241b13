"""Random cells: what is printed reads back, and code and entries agree."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rnnsym
from rnnsym.checking.exact import evaluate
from rnnsym.checking.samples import default_sizes, draw, error_of
from rnnsym.language import read

FUNCTIONS = [
    "tanh",
    "σ",
    "relu",
    "softplus",
    "sin",
    "cos",
    "softsign",
    "exp",
    "abs",
    "softmax",
    "layer_norm",
]


def rows(depth):
    """Texts of row vectors of width M (`h`, `z`, parameters) or D through a matrix."""
    leaf = st.sampled_from(
        ["h_{t-1}", "z_{t-1}", "b", "a_{t-1}", "x_t W", "h_{t-1} U", "c_t", "0.5", "(-2)"]
    )
    if depth == 0:
        return leaf
    inner = rows(depth - 1)
    group = inner.map(lambda s: f"({s})")
    return st.one_of(
        leaf,
        st.tuples(inner, st.sampled_from([" + ", " - "]), inner).map("".join),
        st.tuples(group, st.just(" ⊙ "), group).map("".join),
        st.tuples(group, st.just(" / (2 + abs"), group, st.just(")")).map("".join),
        st.tuples(st.sampled_from(FUNCTIONS), group).map(lambda p: f"{p[0]}(b + {p[1]})"),
        st.tuples(group, group).map(lambda p: f"max({p[0]} + b, {p[1]})"),
        group.map(lambda s: f"(h_{{t-1}} + {s}) U"),
        group.map(lambda s: f"[x_t, b + {s}] V"),
        group.map(lambda s: f"γ (b + {s})"),
        group.map(lambda s: f"(b + {s})^2"),
        group.map(lambda s: f"(-{s})"),
        group.map(lambda s: f"((b + {s}) h_{{t-1}}^⊤) ⊙ z_{{t-1}}"),
        group.map(lambda s: f"sum(b + {s}) ⊙ b"),
        group.map(lambda s: f"(b + {s}) diag(z_{{t-1}})"),
        group.map(lambda s: f"q_t ((b + {s})^⊤ b)"),
    )


@st.composite
def cells(draw_):
    first, second, third, fourth = (draw_(rows(depth)) for depth in (3, 2, 2, 1))
    text = (
        f"γ: scalar\nc_t = tanh(x_t P + d)\nq_t = tanh(b + c_t)\nh_t = tanh(b + {first})\n"
        f"z_t = tanh(b + ({second}))\na_t = σ(b + ({third}))\n"
        f"y_t = h_t + γ z_t - a_t + c_t U + x_t W + h_{{t-1}} U + b + [x_t, c_t] V + ({fourth})"
    )
    return text


@settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(cells())
def test_round_trip_and_value(text):
    cell = rnnsym.Cell.parse(text)
    for convention in ("row", "column"):
        for equation in cell.equations:
            latex = rnnsym.to_latex(equation, convention=convention)
            assert read(latex, cell, convention, True) == (equation,), latex
            plain = rnnsym.to_text(equation, convention=convention)
            assert read(plain, cell, convention, False) == (equation,), plain
        broken = rnnsym.to_latex(cell, convention=convention)
        assert read(broken, cell, convention, True) == cell.equations
    sample = draw(cell, 3, default_sizes(cell), samples=2, steps=3)
    with np.errstate(all="ignore"):
        found = sample.call(rnnsym.lambdify(cell))
    if not np.isfinite(found).all() or np.abs(found).max() > 1e3:
        return
    assert found.dtype == np.float64
    expected = evaluate(cell, cell.equations, sample)
    # Rounding of up to a hundred operations a step, amplified over three steps by the weights.
    assert error_of(found, expected)[0] <= 1e-10
    unrolled = rnnsym.unroll(cell, 3)
    np.testing.assert_array_equal(found, sample.call(rnnsym.lambdify(unrolled)))
    single = sample.cast("float32").call(rnnsym.lambdify(cell))
    assert single.dtype == np.float32
