"""One-token variants of a text, and rewritings of it that mean the same.

A variant changes one token, leaves one out or puts one in: a sign, a function, a name, a time, an
operator, a number. Most are wrong; a few are the same function, which a judge has to show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rnnsym.ops.functions import ELEMENTWISE

_NAME = r"[A-Za-z]\u0303?(?:_\{t-1\}|_[a-z]+)?"
TOKEN = re.compile(rf"σ|tanh|{_NAME}|\d+|[-+⊙/()\[\],=]")
FUNCTIONS = ["σ", "tanh", *(n for n, e in ELEMENTWISE.items() if "'" not in n and e.required == 1)]


def one_token_variants(text: str) -> Iterator[tuple[str, str]]:
    """(what was done, the text), each with exactly one token another one, left out or put in."""
    found = [(m.start(), m.end(), m.group()) for m in TOKEN.finditer(text)]
    names = sorted({t for _, _, t in found if re.fullmatch(_NAME, t)})
    heads = [line.split(" = ")[0] for line in text.split("\n")]
    seen = {text}
    for start, end, token in found:
        if text.rfind("\n", 0, start) + 1 == start:  # the left side
            continue
        for new in _others(token, names, heads):
            variant = text[:start] + new + text[end:]
            if variant not in seen:
                seen.add(variant)
                yield f"{token} -> {new or 'nothing'} at {start}", variant


def _others(token: str, names: list[str], heads: list[str]) -> list[str]:
    if token in "+-":
        return [{"+": "-", "-": "+"}[token], "⊙", "/"]
    if token == "⊙":
        return ["+", "-", "/"]
    if token in FUNCTIONS:
        return [f for f in FUNCTIONS if f != token]
    if token.isdigit():
        return [str(int(token) + 1), "0.5"]
    if token not in names:
        return []
    base = token.split("_")[0]
    new = [n for n in names if n != token and n.split("_")[0] == base]
    new += [f"2 {token}", f"(-{token})", f"0.5 {token}", ""]
    new += [f"{f}({token})" for f in ("tanh", "abs", "sin", "exp", "relu", "sum", "softmax")]
    if token.endswith("_t"):
        new += [f"{token[:-2]}_{{t-1}}", *(h for h in heads if h != token)]
    elif token.endswith("_{t-1}"):
        new.append(f"{token[: -len('_{t-1}')]}_t")
    else:
        new.append(f"{token}^T")
    return new


def renamed(text: str, names: dict[str, str]) -> str:
    """A text in other letters, all at once."""
    return re.sub(rf"(?<![A-Za-z]){_NAME}(?![A-Za-z])", lambda m: _in(m.group(), names), text)


def _in(name: str, names: dict[str, str]) -> str:
    for lag in ("_{t-1}", "_t", ""):
        stem = name.removesuffix(lag)
        if stem in names and name.endswith(lag):
            return names[stem] + lag
    return name


LSTM = """i_t = σ(x_t W_i + h_{t-1} U_i + b_i)
f_t = σ(x_t W_f + h_{t-1} U_f + b_f)
g_t = tanh(x_t W_g + h_{t-1} U_g + b_g)
o_t = σ(x_t W_o + h_{t-1} U_o + b_o)
c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t
h_t = o_t ⊙ tanh(c_t)"""
GRU = """z_t = σ(x_t W_z + b_z + h_{t-1} U_z + d_z)
r_t = σ(x_t W_r + b_r + h_{t-1} U_r + d_r)
g_t = tanh(x_t W_g + b_g + r_t ⊙ (h_{t-1} U_g + d_g))
h_t = z_t ⊙ h_{t-1} + (1 - z_t) ⊙ g_t"""
SIMPLE = "h_t = tanh(x_t W + h_{t-1} U + b)"
#: By layer: its text in row form.
LAYERS = {
    "keras.layers.LSTM": LSTM,
    "keras.layers.GRU": GRU,
    "keras.layers.SimpleRNN": SIMPLE,
}


def _lines(text: str, order: list[int]) -> str:
    rows = text.split("\n")
    return "\n".join(rows[i] for i in order)


def column(text: str) -> str:
    """A text of these in column form: products turned round."""
    text = re.sub(r"([xh])_(t|\{t-1\}) ([WU](?:_[a-z])?)", r"\3 \1_\2", text)
    return "convention: column\n" + text


def _latex(text: str) -> str:
    rows = [
        r.replace("σ", r"\sigma").replace("tanh", r"\tanh").replace("⊙", r"\odot")
        for r in text.split("\n")
    ]
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def rewritings(layer: str) -> dict[str, str]:
    """Thirty texts and more of a layer: other letters, order, concatenation, columns, factored."""
    text = LAYERS[layer]
    n = len(text.split("\n"))
    letters = {"W": "A", "U": "B", "b": "c", "x": "u", "h": "s"}
    if n > 1:
        letters = {
            name: f"{new}_{name.split('_')[1]}" if "_" in name else new
            for name, new in [
                *((f"W_{g}", "K") for g in "ifgozr"), *((f"U_{g}", "R") for g in "ifgozr"),
                *((f"b_{g}", "p") for g in "ifgozr"), *((f"d_{g}", "q") for g in "zrg"),
                ("x", "u"), ("h", "s"), ("c", "m"),
            ]
        }  # fmt: skip
    gates = {"i": "ι", "f": "φ", "g": "γ", "o": "ω", "z": "ζ", "r": "ρ"}
    joined = re.sub(r"x_t (W(?:_[a-z])?) \+ h_\{t-1\} (U(?:_[a-z])?)", r"[x_t, h_{t-1}] \1", text)
    swapped = re.sub(
        r"x_t (W(?:_[a-z])?) \+ h_\{t-1\} (U(?:_[a-z])?)", r"h_{t-1} \2 + x_t \1", text
    )
    found = {
        "as it is": text,
        "other letters": renamed(text, letters),
        "terms in another order": swapped,
        "transposed kernels": re.sub(r"x_t (W(?:_[a-z])?)", r"x_t \1^T", text),
        "transposed recurrent kernels": re.sub(r"h_\{t-1\} (U(?:_[a-z])?)", r"h_{t-1} \1^T", text),
        "columns": column(text),
        "columns, other letters": column(text).replace("x_", "u_"),
        "LaTeX": _latex(text),
        "ASCII": text.replace("⊙", "*").replace("σ", "sigmoid"),
        "at signs": re.sub(r"([xh]_(?:t|\{t-1\})) ([WU])", r"\1 @ \2", text),
        "two biases": re.sub(r"\b(b(?:_[ifo])?)\)", r"\1 + e_\1)", text).replace("e_b_", "e_")
        .replace("e_b)", "e)"),
        "minus a bias": re.sub(r"\+ (b(?:_[a-z])?)\)", r"- (-\1))", text),
        "twice a half": re.sub(r"(h_t = )(.*)", r"\g<1>0.5 (\2) + 0.5 (\2)", text),
        "plus nothing": re.sub(r"(h_t = )(.*)", r"\g<1>\2 + 0 ⊙ h_{t-1}", text),
        "a name for the last value": re.sub(r"h_t = (.*)", r"n_t = \1\nh_t = n_t", text),
        "an unused line": text + "\nq_t = σ(x_t Q)\noutput: h_t",
        "names for pre-activations": re.sub(
            r"^([a-z])_t = (σ|tanh)\((.*)\)$", r"v_{\1,t} = \3\n\1_t = \2(v_{\1,t})", text, flags=re.M
        ),
        "tanh by its mirror image": re.sub(r"tanh\((x_t.*)\)$", r"-tanh(-(\1))", text, flags=re.M),
        "Greek gates": renamed(text, gates) if n > 1 else renamed(text, {"b": "β"}),
        "spaces and a comment": text.replace(" + ", "  +  ") + "    # the last line",
        "semicolons": text.replace("\n", "; "),
        "powers of one": re.sub(r"(h_t = )(.*)", r"\g<1>(\2)^1", text),
        "divided by two halves": re.sub(r"(h_t = )(.*)", r"\g<1>(\2) / (0.5 + 0.5)", text),
        "raised times": text.replace("h_{t-1}", "h^{(t-1)}").replace("x_t", "x^{(t)}"),
        "a sum in parentheses": re.sub(r"\((x_t .*?) \+ (b|d)", r"((\1) + \2", text, count=1),
        "columns of LaTeX": "convention: column\n" + _latex(column(text).split("\n", 1)[1]),
        "once the input": text.replace("x_t", "1 x_t"),
        "declared": "x_t: input\noutput: h_t\n" + text,
        "names for the products": re.sub(
            r"^([a-z])_t = (.*?)x_t (W(?:_[a-z])?)", r"l_{\1,t} = x_t \3\n\1_t = \2l_{\1,t}", text,
            flags=re.M,
        ),
        "negated twice": re.sub(r"(h_t = )(.*)", r"\g<1>-(-(\2))", text),
        "renamed units": renamed(text, {"h": "y", "x": "v"}),
    }  # fmt: skip
    if n > 1:
        order = list(range(n))
        found["lines backwards"] = _lines(text, order[::-1]) + "\noutput: h_t"
        found["σ by its mirror image"] = re.sub(r"= σ\((.*)\)", r"= 1 - σ(-(\1))", text)
        found["factors in another order"] = re.sub(r"(\w_t) ⊙ (\w_\{?t(?:-1\})?)", r"\2 ⊙ \1", text)
    if joined != text:
        found["joined matrices"] = joined
        found["joined the other way"] = joined.replace("[x_t, h_{t-1}]", "[h_{t-1}, x_t]")
    if layer == "keras.layers.GRU":
        found["factored"] = text.replace(
            "z_t ⊙ h_{t-1} + (1 - z_t) ⊙ g_t", "g_t + z_t ⊙ (h_{t-1} - g_t)"
        )
        found["one less z by name"] = (
            text.replace("(1 - z_t)", "q_t") + "\nq_t = 1 - z_t\noutput: h_t"
        )
        found["z for one less z"] = text.replace(
            "z_t ⊙ h_{t-1} + (1 - z_t) ⊙ g_t", "(1 - z_t) ⊙ h_{t-1} + z_t ⊙ g_t"
        )
    return found
