"""Cells as people write them, each beside a small NumPy function that knows nothing of rnnsym.

`step(p, x, s)` computes one step of one sample: p the parameters, x the inputs, s the last values of
what is read at t-1; it returns the new values by name. Matrices are those of the row form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


def sig(z):
    return 1 / (1 + np.exp(-z))


def soft(z):
    e = np.exp(z)
    return e / e.sum()


def norm(z, eps=1e-3):
    return (z - z.mean()) / np.sqrt(((z - z.mean()) ** 2).mean() + eps)


@dataclass(frozen=True)
class Text:
    plain: str
    latex: str
    column: str
    step: Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], dict[str, Any]]
    states: str
    output: str


TEXTS: dict[str, Text] = {}


def text(plain: str, latex: str, column: str, states: str, output: str):
    def add(step):
        TEXTS[step.__name__] = Text(plain, latex, column, step, states, output)
        return step

    return add


@text(
    "h_t = tanh(x_t W + h_{t-1} U + b)",
    r"h_t = \tanh\left(x_t W + h_{t-1} U + b\right)",
    "h_t = tanh(W x_t + U h_{t-1} + b)",
    "h", "h",
)  # fmt: skip
def simple_rnn(p, x, s):
    return {"h": np.tanh(x["x"] @ p["W"] + s["h"] @ p["U"] + p["b"])}


@text(
    """i_t = σ(x_t W_i + h_{t-1} U_i + b_i)        # input gate
    f_t = σ(x_t W_f + h_{t-1} U_f + b_f)        # forget gate
    g_t = tanh(x_t W_g + h_{t-1} U_g + b_g)     # candidate
    o_t = σ(x_t W_o + h_{t-1} U_o + b_o)        # output gate
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t             # cell state
    h_t = o_t ⊙ tanh(c_t)                       # hidden state""",
    r"""\begin{align}
    i_t &= \sigma(x_tW_i + h_{t-1}U_i + b_i) \\
    f_t &= \sigma(x_tW_f + h_{t-1}U_f + b_f) \\
    g_t &= \tanh(x_tW_g + h_{t-1}U_g + b_g) \\
    o_t &= \sigma(x_tW_o + h_{t-1}U_o + b_o) \\
    c_t &= f_t \odot c_{t-1} + i_t \odot g_t, \\
    h_t &= o_t \odot \tanh(c_t).
    \end{align}""",
    """i_t = σ(W_i x_t + U_i h_{t-1} + b_i)
    f_t = σ(W_f x_t + U_f h_{t-1} + b_f)
    g_t = tanh(W_g x_t + U_g h_{t-1} + b_g)
    o_t = σ(W_o x_t + U_o h_{t-1} + b_o)
    c_t = f_t ∘ c_{t-1} + i_t ∘ g_t
    h_t = o_t ∘ tanh(c_t)""",
    "h c", "h",
)  # fmt: skip
def lstm(p, x, s):
    def gate(n):
        return x["x"] @ p[f"W_{n}"] + s["h"] @ p[f"U_{n}"] + p[f"b_{n}"]

    i, f, g, o = sig(gate("i")), sig(gate("f")), np.tanh(gate("g")), sig(gate("o"))
    c = f * s["c"] + i * g
    return {"i": i, "f": f, "g": g, "o": o, "c": c, "h": o * np.tanh(c)}


@text(
    """z_t = σ(x_t W_z + h_{t-1} U_z + b_z)
    r_t = σ(x_t W_r + h_{t-1} U_r + b_r)
    h̃_t = tanh(x_t W_h + r_t ⊙ (h_{t-1} U_h + d_h) + b_h)
    h_t = z_t ⊙ h_{t-1} + (1 - z_t) ⊙ h̃_t""",
    r"""z_t = \sigma(x_t W_z + h_{t-1} U_z + b_z) \\
    r_t = \sigma(x_t W_r + h_{t-1} U_r + b_r) \\
    \tilde{h}_t = \tanh(x_t W_h + r_t \odot (h_{t-1} U_h + d_h) + b_h) \\
    h_t = z_t \odot h_{t-1} + (1 - z_t) \odot \tilde{h}_t""",
    """z_t = σ(W_z x_t + U_z h_{t-1} + b_z)
    r_t = σ(W_r x_t + U_r h_{t-1} + b_r)
    h̃_t = tanh(W_h x_t + r_t ⊙ (U_h h_{t-1} + d_h) + b_h)
    h_t = z_t ⊙ h_{t-1} + (1 - z_t) ⊙ h̃_t""",
    "h", "h",
)  # fmt: skip
def gru_reset_after(p, x, s):
    z = sig(x["x"] @ p["W_z"] + s["h"] @ p["U_z"] + p["b_z"])
    r = sig(x["x"] @ p["W_r"] + s["h"] @ p["U_r"] + p["b_r"])
    c = np.tanh(x["x"] @ p["W_h"] + r * (s["h"] @ p["U_h"] + p["d_h"]) + p["b_h"])
    return {"z": z, "r": r, "h_tilde": c, "h": z * s["h"] + (1 - z) * c}


@text(
    """z_t = σ(x_t W_z + h_{t-1} U_z + b_z)
    r_t = σ(x_t W_r + h_{t-1} U_r + b_r)
    h̃_t = tanh(x_t W_h + (r_t ⊙ h_{t-1}) U_h + b_h)
    h_t = z_t ⊙ h_{t-1} + (1 - z_t) ⊙ h̃_t""",
    r"""z_t = \sigma(x_t W_z + h_{t-1} U_z + b_z) \\
    r_t = \sigma(x_t W_r + h_{t-1} U_r + b_r) \\
    \tilde h_t = \tanh\bigl(x_t W_h + (r_t \circ h_{t-1}) U_h + b_h\bigr) \\
    h_t = z_t \circ h_{t-1} + (1 - z_t) \circ \tilde h_t""",
    """z_t = σ(W_z x_t + U_z h_{t-1} + b_z)
    r_t = σ(W_r x_t + U_r h_{t-1} + b_r)
    h̃_t = tanh(W_h x_t + U_h (r_t ⊙ h_{t-1}) + b_h)
    h_t = z_t ⊙ h_{t-1} + (1 - z_t) ⊙ h̃_t""",
    "h", "h",
)  # fmt: skip
def gru_reset_before(p, x, s):
    z = sig(x["x"] @ p["W_z"] + s["h"] @ p["U_z"] + p["b_z"])
    r = sig(x["x"] @ p["W_r"] + s["h"] @ p["U_r"] + p["b_r"])
    c = np.tanh(x["x"] @ p["W_h"] + (r * s["h"]) @ p["U_h"] + p["b_h"])
    return {"z": z, "r": r, "h_tilde": c, "h": z * s["h"] + (1 - z) * c}


@text(
    """i_t = σ(x_t W_i + h_{t-1} U_i + p_i ⊙ c_{t-1} + b_i)
    f_t = σ(x_t W_f + h_{t-1} U_f + p_f ⊙ c_{t-1} + b_f)
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ tanh(x_t W_c + h_{t-1} U_c + b_c)
    o_t = σ(x_t W_o + h_{t-1} U_o + p_o ⊙ c_t + b_o)
    h_t = o_t ⊙ tanh(c_t)""",
    r"""i_t = \sigma(x_t W_i + h_{t-1} U_i + p_i \odot c_{t-1} + b_i) \\
    f_t = \sigma(x_t W_f + h_{t-1} U_f + p_f \odot c_{t-1} + b_f) \\
    c_t = f_t \odot c_{t-1} + i_t \odot \tanh(x_t W_c + h_{t-1} U_c + b_c) \\
    o_t = \sigma(x_t W_o + h_{t-1} U_o + p_o \odot c_t + b_o) \\
    h_t = o_t \odot \tanh(c_t)""",
    """i_t = σ(W_i x_t + U_i h_{t-1} + p_i ⊙ c_{t-1} + b_i)
    f_t = σ(W_f x_t + U_f h_{t-1} + p_f ⊙ c_{t-1} + b_f)
    c_t = f_t ⊙ c_{t-1} + i_t ⊙ tanh(W_c x_t + U_c h_{t-1} + b_c)
    o_t = σ(W_o x_t + U_o h_{t-1} + p_o ⊙ c_t + b_o)
    h_t = o_t ⊙ tanh(c_t)""",
    "h c", "h",
)  # fmt: skip
def peephole_lstm(p, x, s):
    def pre(n):
        return x["x"] @ p[f"W_{n}"] + s["h"] @ p[f"U_{n}"] + p[f"b_{n}"]

    i, f = sig(pre("i") + p["p_i"] * s["c"]), sig(pre("f") + p["p_f"] * s["c"])
    c = f * s["c"] + i * np.tanh(pre("c"))
    o = sig(pre("o") + p["p_o"] * c)
    return {"i": i, "f": f, "c": c, "o": o, "h": o * np.tanh(c)}


@text(
    """f_t = σ(x_t W_f + h_{t-1} U_f + b_f)
    g_t = tanh(x_t W_g + (f_t ⊙ h_{t-1}) U_g + b_g)
    h_t = (1 - f_t) ⊙ h_{t-1} + f_t ⊙ g_t""",
    r"""f_t = \sigma(x_t W_f + h_{t-1} U_f + b_f) \\
    g_t = \tanh(x_t W_g + (f_t \odot h_{t-1}) U_g + b_g) \\
    h_t = (1 - f_t) \odot h_{t-1} + f_t \odot g_t""",
    """f_t = σ(W_f x_t + U_f h_{t-1} + b_f)
    g_t = tanh(W_g x_t + U_g (f_t ⊙ h_{t-1}) + b_g)
    h_t = (1 - f_t) ⊙ h_{t-1} + f_t ⊙ g_t""",
    "h", "h",
)  # fmt: skip
def mgu(p, x, s):
    f = sig(x["x"] @ p["W_f"] + s["h"] @ p["U_f"] + p["b_f"])
    g = np.tanh(x["x"] @ p["W_g"] + (f * s["h"]) @ p["U_g"] + p["b_g"])
    return {"f": f, "g": g, "h": (1 - f) * s["h"] + f * g}


@text(
    "h_t = relu(x_t W + u ⊙ h_{t-1} + b)",
    r"h_t = \operatorname{ReLU}(x_t W + u \odot h_{t-1} + b)",
    "h_t = relu(W x_t + u ⊙ h_{t-1} + b)",
    "h", "h",
)  # fmt: skip
def indrnn(p, x, s):
    return {"h": np.maximum(x["x"] @ p["W"] + p["u"] * s["h"] + p["b"], 0)}


@text(
    """dt, γ, ε: scalar
    z_t = z_{t-1} + dt (tanh(y_{t-1} W + z_{t-1} V + x_t U + b) - γ y_{t-1} - ε z_{t-1})
    y_t = y_{t-1} + dt z_t""",
    r"""\mathrm{dt}, \gamma, \varepsilon: \text{scalar}
    z_t = z_{t-1} + \mathrm{dt}\,\bigl(\tanh(y_{t-1} W + z_{t-1} V + x_t U + b)
        - \gamma y_{t-1} - \varepsilon z_{t-1}\bigr) \\
    y_t = y_{t-1} + \mathrm{dt}\, z_t""",
    """dt, γ, ε: scalar
    z_t = z_{t-1} + dt (tanh(W y_{t-1} + V z_{t-1} + U x_t + b) - γ y_{t-1} - ε z_{t-1})
    y_t = y_{t-1} + dt z_t""",
    "z y", "y",
)  # fmt: skip
def cornn(p, x, s):
    pre = np.tanh(s["y"] @ p["W"] + s["z"] @ p["V"] + x["x"] @ p["U"] + p["b"])
    z = s["z"] + p["dt"] * (pre - p["gamma"] * s["y"] - p["epsilon"] * s["z"])
    return {"z": z, "y": s["y"] + p["dt"] * z}


@text(
    "h_t = tanh([x_t, h_{t-1}] W + b)",
    r"h_t = \tanh([x_t, h_{t-1}]\, W + b)",
    "h_t = tanh(W [x_t; h_{t-1}] + b)",
    "h", "h",
)  # fmt: skip
def concatenation(p, x, s):
    return {"h": np.tanh(np.concatenate([x["x"], s["h"]]) @ p["W"] + p["b"])}


@text(
    "h_t = tanh(x_t W + x_{t-1} V + h_{t-1} U + b)",
    r"h_t = \tanh(x_t W + x_{t-1} V + h_{t-1} U + b)",
    "h_t = tanh(W x_t + V x_{t-1} + U h_{t-1} + b)",
    "h x", "h",
)  # fmt: skip
def delayed_input(p, x, s):
    return {"h": np.tanh(x["x"] @ p["W"] + s["x"] @ p["V"] + s["h"] @ p["U"] + p["b"]), "x": x["x"]}


@text(
    """z_t = σ(x_t W_z)
    h̃_t = x_t W_h
    h_t = (1 - z_t) ⊙ h_{t-1} + z_t ⊙ h̃_t""",
    r"""z_t = \sigma(x_t W_z) \\ \tilde{h}_t = x_t W_h \\
    h_t = (1 - z_t) \odot h_{t-1} + z_t \odot \tilde{h}_t""",
    """z_t = σ(W_z x_t)
    h̃_t = W_h x_t
    h_t = (1 - z_t) ⊙ h_{t-1} + z_t ⊙ h̃_t""",
    "h", "h",
)  # fmt: skip
def mingru(p, x, s):
    z, c = sig(x["x"] @ p["W_z"]), x["x"] @ p["W_h"]
    return {"z": z, "h_tilde": c, "h": (1 - z) * s["h"] + z * c}


@text(
    """q_t = x_t W_q
    k_t = x_t W_k
    v_t = x_t W_v
    S_t = S_{t-1} + k_t^⊤ v_t
    z_t = z_{t-1} + k_t
    y_t = (q_t S_t) / (1 + |q_t z_t^⊤|)""",
    r"""q_t = x_t W_q \\ k_t = x_t W_k \\ v_t = x_t W_v \\
    S_t = S_{t-1} + k_t^\top v_t \\
    z_t = z_{t-1} + k_t \\
    y_t = \frac{q_t S_t}{1 + \lvert q_t z_t^\top \rvert}""",
    """q_t = W_q x_t
    k_t = W_k x_t
    v_t = W_v x_t
    S_t = S_{t-1} + v_t k_t^⊤
    z_t = z_{t-1} + k_t
    y_t = (S_t q_t) / (1 + |z_t^⊤ q_t|)""",
    "S z", "y",
)  # fmt: skip
def linear_attention(p, x, s):
    q, k, v = (x["x"] @ p[n] for n in ("W_q", "W_k", "W_v"))
    S, z = s["S"] + np.outer(k, v), s["z"] + k
    return {"q": q, "k": k, "v": v, "S": S, "z": z, "y": (q @ S) / (1 + abs(q @ z))}


@text(
    """β_t: scalar
    S_t: K × V
    q_t = x_t W_q
    k_t = x_t W_k
    v_t = x_t W_v
    β_t = σ(x_t w)
    S_t = S_{t-1} + β_t k_t^⊤ (v_t - k_t S_{t-1})
    y_t = q_t S_t""",
    r"""\beta_t: \text{scalar}
    S_t: K \times V
    q_t = x_t W_q \\ k_t = x_t W_k \\ v_t = x_t W_v \\
    \beta_t = \sigma(x_t w) \\
    S_t = S_{t-1} + \beta_t k_t^{\top} (v_t - k_t S_{t-1}) \\
    y_t = q_t S_t""",
    """β_t: scalar
    S_t: V × K
    q_t = W_q x_t
    k_t = W_k x_t
    v_t = W_v x_t
    β_t = σ(w x_t)
    S_t = S_{t-1} + β_t (v_t - S_{t-1} k_t) k_t^⊤
    y_t = S_t q_t""",
    "S", "y",
)  # fmt: skip
def delta_net(p, x, s):
    q, k, v = (x["x"] @ p[n] for n in ("W_q", "W_k", "W_v"))
    beta = sig(x["x"] @ p["w"])
    S = s["S"] + beta * np.outer(k, v - k @ s["S"])
    return {"q": q, "k": k, "v": v, "beta": beta, "S": S, "y": q @ S}


@text(
    """d, i_t, f_t, m_t, p_t, r_t: scalar
    q_t = x_t W_q + b_q
    k_t = (x_t W_k) / sqrt(d) + b_k
    v_t = x_t W_v + b_v
    i_t = x_t w_i + b_i
    f_t = x_t w_f + b_f
    o_t = σ(x_t W_o + b_o)
    m_t = max(log(σ(f_t)) + m_{t-1}, i_t)
    p_t = exp(i_t - m_t)
    r_t = exp(log(σ(f_t)) + m_{t-1} - m_t)
    C_t = r_t C_{t-1} + p_t k_t^⊤ v_t
    n_t = r_t n_{t-1} + p_t k_t
    h_t = o_t ⊙ (q_t C_t) / max(|q_t n_t^⊤|, 1)""",
    r"""d, i_t, f_t, m_t, p_t, r_t: scalar
    q_t = x_t W_q + b_q \\
    k_t = \frac{x_t W_k}{\sqrt{d}} + b_k \\
    v_t = x_t W_v + b_v \\
    i_t = x_t w_i + b_i \\ f_t = x_t w_f + b_f \\
    o_t = \sigma(x_t W_o + b_o) \\
    m_t = \max(\log(\sigma(f_t)) + m_{t-1}, i_t) \\
    p_t = \exp(i_t - m_t) \\
    r_t = \exp(\log(\sigma(f_t)) + m_{t-1} - m_t) \\
    C_t = r_t C_{t-1} + p_t k_t^\top v_t \\
    n_t = r_t n_{t-1} + p_t k_t \\
    h_t = o_t \odot \frac{q_t C_t}{\max(|q_t n_t^\top|, 1)}""",
    """d, i_t, f_t, m_t, p_t, r_t: scalar
    q_t = W_q x_t + b_q
    k_t = (W_k x_t) / sqrt(d) + b_k
    v_t = W_v x_t + b_v
    i_t = w_i x_t + b_i
    f_t = w_f x_t + b_f
    o_t = σ(W_o x_t + b_o)
    m_t = max(log(σ(f_t)) + m_{t-1}, i_t)
    p_t = exp(i_t - m_t)
    r_t = exp(log(σ(f_t)) + m_{t-1} - m_t)
    C_t = r_t C_{t-1} + p_t v_t k_t^⊤
    n_t = r_t n_{t-1} + p_t k_t
    h_t = o_t ⊙ (C_t q_t) / max(|n_t^⊤ q_t|, 1)""",
    "m C n", "h",
)  # fmt: skip
def mlstm(p, x, s):
    q = x["x"] @ p["W_q"] + p["b_q"]
    k = x["x"] @ p["W_k"] / np.sqrt(p["d"]) + p["b_k"]
    v = x["x"] @ p["W_v"] + p["b_v"]
    i, f = x["x"] @ p["w_i"] + p["b_i"], x["x"] @ p["w_f"] + p["b_f"]
    o = sig(x["x"] @ p["W_o"] + p["b_o"])
    m = np.maximum(np.log(sig(f)) + s["m"], i)
    a, r = np.exp(i - m), np.exp(np.log(sig(f)) + s["m"] - m)
    C, n = r * s["C"] + a * np.outer(k, v), r * s["n"] + a * k
    return {"m": m, "C": C, "n": n, "h": o * (q @ C) / max(abs(q @ n), 1)}


@text(
    """a_t = softmax(h_{t-1} A + x_t B)
    h_t = tanh(layer_norm(a_t W + b))""",
    r"""a_t = \operatorname{softmax}(h_{t-1} A + x_t B) \\
    h_t = \tanh(\operatorname{LayerNorm}(a_t W + b))""",
    """a_t = softmax(A h_{t-1} + B x_t)
    h_t = tanh(layer_norm(W a_t + b))""",
    "h", "h",
)  # fmt: skip
def softmax_cell(p, x, s):
    a = soft(s["h"] @ p["A"] + x["x"] @ p["B"])
    return {"a": a, "h": np.tanh(norm(a @ p["W"] + p["b"]))}


@text(
    """h_t = A ⊙ h_{t-1} + x_t B
    y_t = h_t C + x_t D""",
    r"""h_t = A \odot h_{t-1} + x_t B \\ y_t = h_t C + x_t D""",
    """h_t = A ⊙ h_{t-1} + B x_t
    y_t = C h_t + D x_t""",
    "h", "y",
)  # fmt: skip
def state_space(p, x, s):
    h = p["A"] * s["h"] + x["x"] @ p["B"]
    return {"h": h, "y": h @ p["C"] + x["x"] @ p["D"]}


@text(
    """A = -exp(F)
    h_t = exp(A) ⊙ h_{t-1} + x_t B
    y_t = h_t C + D ⊙ x_t""",
    r"""A = -\exp(F) \\ h_t = \exp(A) \odot h_{t-1} + x_t B \\ y_t = h_t C + D \odot x_t""",
    """A = -exp(F)
    h_t = exp(A) ⊙ h_{t-1} + B x_t
    y_t = C h_t + D ⊙ x_t""",
    "h", "y",
)  # fmt: skip
def constant_cell(p, x, s):
    h = np.exp(-np.exp(p["F"])) * s["h"] + x["x"] @ p["B"]
    return {"h": h, "y": h @ p["C"] + p["D"] * x["x"]}


@text(
    """S_t = diag(a_t) S_{t-1} + k_t ⊗ v_t
    y_t = q_t S_t""",
    r"""S_t = \operatorname{diag}(a_t) S_{t-1} + k_t \otimes v_t \\ y_t = q_t S_t""",
    """S_t = S_{t-1} diag(a_t) + v_t ⊗ k_t
    y_t = S_t q_t""",
    "S", "y",
)  # fmt: skip
def gated_linear_attention(p, x, s):
    S = np.diag(x["a"]) @ s["S"] + np.outer(x["k"], x["v"])
    return {"S": S, "y": x["q"] @ S}


_ASCII = {
    "σ": "sigmoid", "⊙": "*", "^⊤": ".T", "h̃": "h_tilde", "γ": "gamma", "ε": "epsilon", "β": "beta",
    "×": "x", "k_t ⊗ v_t": "k_t.T @ v_t",
}  # fmt: skip


def ascii_of(plain: str) -> str:
    """The ASCII spelling; products are written with @ where a parameter follows a quantity."""
    import re

    for mark, word in _ASCII.items():
        plain = plain.replace(mark, word)
    return re.sub(r"(_t|_\{t-1\}|\)) ([A-Z](?:_[a-z])?)(?![\w_(])", r"\1 @ \2", plain)


def run(text: Text, parameters, inputs, states, steps: int, samples: int):
    """The reference: all samples and steps, one at a time."""
    outputs = []
    for n in range(samples):
        now = {k: v[n] for k, v in states.items()}
        if "x" in text.states.split():
            now["x"] = np.zeros_like(inputs["x"][n, 0])
        rows = []
        for t in range(steps):
            new = text.step(parameters, {k: v[n, t] for k, v in inputs.items()}, now)
            now = {k: new[k] for k in text.states.split()}
            rows.append(new[text.output])
        outputs.append(rows)
    return np.array(outputs)
