"""What readers of the project found: each was wrong once, and stays right."""

import os
import subprocess
import sys

import numpy as np
import pytest
from counting import calls

import rnnsym
from rnnsym.checking.samples import default_sizes, draw, error_of

SEED = 3
P = rnnsym.Cell.parse
RNN, DENSE = rnnsym.cells.get("simple_rnn"), rnnsym.cells.get("dense")


# --- names


def test_the_name_of_a_network_is_no_code():
    with pytest.raises(rnnsym.InputError, match="name of a network"):
        rnnsym.stack(RNN, RNN, name="f(): pass\ndef g")
    import dataclasses

    with pytest.raises(rnnsym.InputError, match="plain identifier"):
        dataclasses.replace(RNN, name="a b")


def test_numbered_names_never_meet():
    first, second = (
        P("A = -exp(F)\nh_t = exp(A) ⊙ h_{t-1} + x_t"),
        P("A = -exp(G)\nA_1 = exp(A)\nk_t = A_1 ⊙ k_{t-1} + x_t"),
    )
    for cells in ((first, second), (P("h_t = x_t W W_2"), P("k_t = x_t W W_1")),
                  (P("h_t = x_t W + h_{t-1}"), P("a_1 = exp(b)\nh_t = x_t V + h_{t-1} + a_1"))):  # fmt: skip
        net = rnnsym.stack(*cells)
        names = [v.name for v in net.variables]
        assert len(set(names)) == len(names)
        rnnsym.read_back(net).check()


def test_stacks_of_stacks_are_stacks():
    nested = rnnsym.stack(rnnsym.stack(RNN, RNN, M_1=4), rnnsym.stack(RNN, DENSE, K=2))
    flat = rnnsym.stack(RNN, RNN, RNN, DENSE)
    assert [v.name for v in nested.variables] == [v.name for v in flat.variables]
    assert {str(k): v for k, v in nested.sizes.items()} == {"M_1": 4, "K": 2}


def test_a_matrix_is_read_with_both_of_its_sizes():
    net = rnnsym.stack(P("S_t = x_t^⊤ x_t + S_{t-1}"), P("X_t: R × C\ny_t = w X_t"))
    sample = draw(net, SEED, default_sizes(net))
    assert np.isfinite(sample.call(rnnsym.lambdify(net))).all()


def test_two_letters_are_no_greek_letter():
    both = P(r"h_t = x_t W_{xi} + h_{t-1} W_{\xi}")
    assert len(both.parameters) == 2
    assert rnnsym.to_latex(both.equations[0]) == r"h_{t} = x_{t} W_{xi} + h_{t-1} W_{\xi}"
    assert P("h_t = x_t W_xi + h_{t-1} W_ξ").equations[0].expr == both.equations[0].expr
    assert rnnsym.to_latex(P("h_t = x_t W_α").equations[0]).endswith(r"W_{\alpha}")


@pytest.mark.parametrize(
    "text",
    [
        "range_t = tanh(x_t len + range_{t-1} zip)",
        "h_t = tanh(x_t W + loss ⊙ h_{t-1})",
        "loss_t = tanh(x_t W + loss_{t-1} U)",
        "dL_dx_t = tanh(x_t W + dL_dx_{t-1} U)\ny_t = dL_dx_t A",
        "dell_dy_t = tanh(x_t W + dell_dy_{t-1} U)\ny_t = dell_dy_t A",
        "h_next_t = tanh(x_t W + h_next_{t-1} U)\nh_t = h_next_t A + h_{t-1}",
        "trace_t = tanh(x_t W + changes ⊙ trace_{t-1})",
    ],
)
def test_names_of_a_text_never_meet_names_of_the_code(text):
    cell = P(text)
    sample = draw(cell, SEED, default_sizes(cell), steps=4)
    y = sample.call(rnnsym.lambdify(cell))
    assert error_of(sample.call(rnnsym.lambdify(cell), trace=True)[cell.output.name], y)[0] == 0
    target = np.random.default_rng(SEED).normal(size=y.shape)
    results = [
        rnnsym.lambdify(form)(*sample.inputs, target, initial_state=sample.states, **sample.weights)
        for form in (rnnsym.backpropagate(cell), rnnsym.backpropagate(cell, steps=4))
    ]
    for name, found in results[0][1].items():
        assert error_of(results[1][1][name], found, plain=True)[0] <= 1e-13


# --- reading


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("h_t = Tanh(W x_t + U h_{t-1} + b)", {"convention": "column"}, "did you mean tanh"),
        (r"h_t = \operatorname{Foo}(x_t W)", {}, "unknown function 'Foo'"),
        ("h_t = tanh(x_t W + x_t-1 V)", {}, "could be two things"),
        ("h_t = tanh(x_tW + h_{t-1}U + x_t)", {}, "is a space missing"),
        (r"h_t = \max_{i}(x_t)", {}, "takes no subscript"),
        (
            "h_t = f_t c_{t-1}\nf_t = σ(x_t W)\nc_t = x_t W",
            {},
            "both vectors, and have no matrix product; ⊙",
        ),
        ("h_t = tanh(x_t W + h_{t-1} U)", {"output": "x"}, "is an input"),
    ],
)
def test_what_was_misread_is_refused(text, options, words):
    with pytest.raises(rnnsym.RnnsymError, match=words) as caught:
        P(text, **options)
    assert "\n" not in str(caught.value)


def test_other_spellings_of_papers():
    assert P(r"h_t = \tanh(x_t W + 1e-5)").parameters[0].name == "W"
    assert (
        str(P(r"h_t = \mathbf{1} - h_{(t-1)} \odot x_t").equations[0]) == "h_t = 1 - h_{t-1} ⊙ x_t"
    )
    text = "\\begin{array}{ll}\nh_t = \\tanh(x_t W) \\label{eq:h} \\\\\ny_t = h_t V \\tag{2}\n\\end{array}"
    assert [v.name for v in P(text).parameters] == ["W", "V"]
    assert rnnsym.cells.get("dense", K=np.int64(3)).sizes


# --- numbers


@pytest.mark.parametrize(
    "text",
    [
        "h_t = (x_t W) / sqrt(64) + h_{t-1}",
        "c = sqrt(2)\nh_t = c ⊙ x_t + h_{t-1}",
        "h_t = [x_t, 1, sqrt(2)] W + 2^0.5",
        "h_t = gelu(0.5) ⊙ x_t + softmax(2) ⊙ x_t + mean(3) ⊙ x_t",
        "d: scalar\nh_t = mean(d) ⊙ x_t + softmax(d) ⊙ x_t",
        "h_t = 2^(0.1 (x_t W + h_{t-1} U))",
        "h_t = erf(x_t W) + erfc(h_{t-1})",
    ],
)
def test_float32_stays_in_every_form(text):
    cell = P(text)
    sizes = default_sizes(cell, 3)
    sample = draw(cell, SEED, sizes, steps=3).cast("float32")
    forms = [cell, rnnsym.unroll(cell, 3), rnnsym.unroll(cell, 3).matrices(**sizes)]
    results = [sample.call(rnnsym.lambdify(form)) for form in forms]
    assert all(r.dtype == np.float32 for r in results)
    assert all(error_of(r, results[0])[0] <= 1e-6 for r in results)
    trace = sample.call(rnnsym.lambdify(cell), trace=True)
    assert all(v.dtype == np.float32 for v in trace.values())


def test_numbers_that_are_none():
    with pytest.raises(rnnsym.InputError, match="Inf"):
        rnnsym.lambdify(P("γ: scalar\nh_t = γ x_t"))(np.ones((1, 2, 3)), gamma=10**400)
    with pytest.raises(rnnsym.InputError, match="finite"):
        rnnsym.lambdify(P("h_t = 10^400 x_t"))


@pytest.mark.parametrize("text", [
    "h_t = tanh((x_t W) / (1 + |h_{t-1}|))", "h_t = 1 / (1 + x_t²) + h_{t-1}",
    "S_t: K × V\nS_t = S_{t-1} + k_t^⊤ v_t\ny_t = q_t W"])  # fmt: skip
def test_documents_of_cells_that_divide_or_waste_a_state(text):
    assert rnnsym.document(P(text)).startswith("\\documentclass")


def test_nested_fractions_are_no_double_work():
    def printing(depth):
        cell = P("h_t = " + "1 / (1 + " * depth + "x_t" + ")" * depth)
        rnnsym.to_latex(cell)
        return calls(rnnsym.to_latex, cell)

    # Each level adds its share, or as much as the levels in it; it doubles nothing.
    assert printing(40) <= 5 * printing(20)


# --- derivations


@pytest.mark.parametrize("text", [
    "h_t = tanh(x_t W - mean(h_{t-1}))",
    "s_t: scalar\ns_t = mean(x_t)\nh_t = tanh(s_t + h_{t-1} U)",
    "y_t: scalar\nu_t = x_t W + b\ny_t = sum(u_t) + 0.5 y_{t-1}",
    "w: 1 × 4\ns: scalar\ns = sum(w)\nh_t = s h_{t-1} + x_t W",
    "S_t: K × V\nS_t = layer_norm(S_{t-1} + k_t^⊤ v_t)\ny_t = q_t S_t",
    "h_t = tanh(h_{t-1} U + x_t W)\ny_t = h_t ⊙ h_{t-1} + x_{t-1} V",
    "h_t = step(x_t W) ⊙ h_{t-1} + x_t V",
    "h_t = tanh(x_t W + h_{t-1} U) ⊙ σ(x_t W + h_{t-1} U)",
    "output: y_t\nh_t = tanh(x_t W + h_{t-1} U)\ny_t = [h_t, x_t, h_t] V",
    "n: scalar\nh_t = (1 + exp(0.1 (x_t W + h_{t-1} U)))^{(2 n - 1)}",
    "h_t = exp(x_t W) / sum(exp(x_t W)) + 0.5 h_{t-1}",
    "h_t = h_{t-1} + x_t (A B)",
    "h̄_t = tanh(x_t W)\nḣ_t = h̄_t V\nh_t = tanh(ḣ_t + h_{t-1} U)",
    "m_t, i_t, f_t, p_t, r_t: scalar\ni_t = x_t w\nf_t = x_t v\nm_t = max(f_t + m_{t-1}, i_t)\n"
    "p_t = exp(i_t - m_t)\nr_t = exp(f_t + m_{t-1} - m_t)\nc_t = r_t c_{t-1} + p_t (x_t W)\n"
    "n_t: scalar\nn_t = r_t n_{t-1} + p_t\nh_t = c_t / n_t"])  # fmt: skip
def test_cells_that_once_failed(text):
    cell = P(text)
    rnnsym.verify(cell, seed=SEED, gradient=True).check()
    parts = "forward,bptt,jacobian,rtrl,cost"
    for convention in ("row", "column"):
        assert rnnsym.document(cell, what=parts, convention=convention, full=True)


def test_a_line_that_is_nan_at_one_step_fails():
    derivation = rnnsym.backpropagate(P("h_t = tanh(x_t W + x_{t-1} V + h_{t-1} U)"))
    claimed = derivation.lines_from("ā_t = h̄_t ⊙ (1 - h_t ⊙ h_t) + sum(0 ⊙ log(x_{t-1}))")
    with pytest.raises(rnnsym.CheckError, match="nan"):
        claimed.check()


@pytest.mark.parametrize("text", [
    "∂L/∂W = Σ_t x_t^⊤ ā_t", r"\frac{\partial L}{\partial W} = \sum_t x_t^\top \bar a_t",
    r"\frac{\partial L}{\partial W} = \sum_{t=1}^T x_t^\top \bar a_t",
    "h̄_{T-1} = ȳ_{T-1} V^⊤ + ā_T U^⊤"])  # fmt: skip
def test_ways_to_write_a_sum(text):
    rnnsym.backpropagate(rnnsym.stack(RNN, DENSE)).lines_from(text).check()


def test_a_target_must_be_what_the_loss_is_of():
    g = rnnsym.lambdify(DENSE, gradient=True, loss="softmax_cross_entropy")
    x, w = np.ones((1, 2, 3)), {"V": np.ones((3, 2)), "c": np.zeros(2)}
    for target in (np.ones((1, 2, 2)), np.array([[[2.0, -1.0]] * 2])):
        with pytest.raises(rnnsym.InputError, match="distribution"):
            g(x, target, **w)
    assert g(x, np.array([[[0, 1]] * 2]), **w)[0] > 0  # one-hot rows of whole numbers


# --- the command line


def test_a_device_takes_what_it_is_given(command, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE, text=True)
    done = command("export", "dense", "-o", str(pipe))
    assert done.returncode == 0 and reader.communicate()[0].startswith("\\documentclass")
    assert pipe.is_fifo()
    (tmp_path / "real.tex").write_text("old")
    (tmp_path / "link.tex").symlink_to("real.tex")
    assert command("export", "dense", "-o", "link.tex", "--force").returncode == 0
    assert (tmp_path / "link.tex").is_symlink()
    assert (tmp_path / "real.tex").read_text().startswith("\\documentclass")


def test_a_terminal_without_greek(command):
    done = command("derive", "simple_rnn", env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0 and not done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "dense", "--size", "K=²"], "NAME=NUMBER"),
        (["derive", "dense", "--what", "bppt"], "there are bptt"),
        (["derive", "simple_rnn", "--what", "jacobian", "--steps", "3"], "are of bptt"),
        (["derive", "simple_rnn", "--loss", "hinge"], "unknown loss"),
        (["derive", "simple_rnn", "--steps", "2", "--truncate", "3"], "cannot truncate"),
        (["derive", "dense", "--what", "jacobian"], "no state"),
        (["flow", "dense"], "no state"),
        (["flow", "simple_rnn", "--steps", "0"], "1 to 10,000"),
        (["flow", "simple_rnn", "--scale", "nan"], "positive number"),
        (["flow", "simple_rnn", "-o", "."], "it is a folder"),
        (["export", "dense", "--what", "forward,foo"], "unknown part 'foo'"),
        (["export", "dense", "--what", ","], "needs a part"),
    ],
)
def test_wrong_use(command, arguments, words):
    done = command(*arguments)
    lines = done.stderr.splitlines()
    assert done.returncode == 2 and len(lines) == 1 and words in lines[0], done.stderr


def test_derive_and_flow(command, tmp_path):
    import json

    done = command("derive", "simple_rnn+dense", "--steps", "3", "--truncate", "2", "--full")
    assert done.returncode == 0 and "left out: ā_3 U^⊤" in done.stdout
    assert "consistent by differences at 50 digits" in done.stdout
    data = json.loads(command("derive", "simple_rnn", "--what", "rtrl", "--json").stdout)
    assert data["verdict"] == "consistent" and data["lines"][-1]["rule"] == "the same gradient"
    done = command("flow", "simple_rnn", "--steps", "20", "-o", "flow.svg", "--json")
    assert len(json.loads(done.stdout)["norms"]["state"]) == 20
    assert (tmp_path / "flow.svg").read_text(encoding="utf-8").startswith("<svg")
    done = command("verify", "dense", "--gradient", "--json")
    assert json.loads(done.stdout)["passed"], done.stderr
    done = command("export", "simple_rnn", "--what", "bptt,cost", "--to", "md", "--full")
    assert r"\frac{\partial L}{\partial W}" in done.stdout and "multiply-adds" in done.stdout


def test_flow_with_given_weights(command, tmp_path):
    import json

    cell = rnnsym.cells.get("simple_rnn")
    sample = draw(cell, SEED, {"D": 2, "M": 3})
    np.savez(tmp_path / "w.npz", **sample.weights)
    done = command("flow", "simple_rnn", "--weights", "w.npz", "--steps", "5", "--json")
    assert json.loads(done.stdout)["sizes"] == {"D": 2, "M": 3}, done.stderr
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 nothing")
    np.save(tmp_path / "one.npy", np.ones(3))
    np.savez(tmp_path / "objects.npz", W=np.array([{}], dtype=object))
    np.savez(tmp_path / "shape.npz", **{**sample.weights, "U": np.ones((2, 3))})
    for name, words in (("bad.npz", "no .npz file"), ("one.npy", "no .npz file"), ("no.npz", "cannot read"),
                        ("objects.npz", "no .npz file"), ("shape.npz", "U must be of shape")):  # fmt: skip
        done = command("flow", "simple_rnn", "--weights", name)
        assert done.returncode == 2 and words in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_the_plugin_says_what_is_wrong_with_a_mark(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import pytest\n@pytest.mark.rnnsym('nothing.cell')\ndef test_a(rnnsym_line): pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 0 and "cannot read" in done.stdout
    assert "INTERNALERROR" not in done.stdout


def test_two_signs_before_a_number_are_read_back_as_they_were():
    cell = rnnsym.parse("a_t = σ(b + (-(-2)) + x_t W)")
    assert rnnsym.parse(str(cell)).equations == cell.equations


#: Columns that a text makes where it needs one, and does not name; each in both forms.
COLUMNS = {
    "a product": "C_t = C_{t-1} + (x_t W_u)^⊤ (x_t W_v)",
    "a function of a column": "C_t = C_{t-1} + tanh((x_t W_u)^⊤) (x_t W_v)",
    "a column of a function": "C_t = C_{t-1} + σ(x_t W_u)^⊤ tanh(x_t W_v)",
    "a diagonal": "C_t = diag(σ(x_t W_f)) C_{t-1} + k_t^⊤ (x_t W_v)",
    "below a line": "C_t = C_{t-1} / (1 + exp((x_t W_u)^⊤ (x_t W_v)))",
}


@pytest.mark.parametrize("convention", ["row", "column"])
@pytest.mark.parametrize("name", COLUMNS)
def test_a_nested_column_is_named_as_the_row_that_it_is(name, convention):
    text = f"C_t: K × V\nk_t = x_t W_k\n{COLUMNS[name]}\nh_t = k_t C_t"
    cell = rnnsym.parse(text, name="cell").in_convention(convention)
    again = rnnsym.parse(rnnsym.to_text(cell, form="cell"), name="cell")
    assert rnnsym.verify(again, "latex", gradient=True).check()


def test_what_stands_on_a_diagonal_is_computed_once():
    cell = rnnsym.parse(
        "C_t: K × V\nC_t = diag(σ(x_t W_f)) C_{t-1} + (x_t W_k)^⊤ (x_t W_v)\nh_t = (x_t W_q) C_t"
    )
    body = rnnsym.lambdify(cell).source.split("for t in range")[1]
    assert body.count("@ W_f)") == 1


def test_a_gradient_is_its_receivers_to_write_to():
    cell = rnnsym.parse("h_t = mean(x_t W + b) + 0 h_{t-1} U + 0 x_t V", name="cell")
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 3, 4))
    found = rnnsym.lambdify(cell, gradient=True)
    sizes = {str(s): n for s, n in zip(cell.dims, (4, 5, 6, 7))}
    weights = {
        v.name: rng.normal(size=[sizes.get(str(s), 1) for s in v.shape]) for v in cell.parameters
    }
    y = rnnsym.lambdify(cell)(x, **weights)
    _, gradients = found(x, np.ones_like(y), **weights)
    for g in gradients.values():
        g += 1


def test_a_branch_inside_a_sum_is_looked_for_at_the_steps_of_the_sum():
    cell = P("a_t = x_t W\nh_t = max(a_t, 0) + b ⊙ min(a_t, 0)")
    derivation = rnnsym.backpropagate(cell)
    right = "∂L/∂b = ∑_{t=1}^{T} h̄_t ⊙ min(a_t, 0)"
    assert derivation.lines_from(right).report().verdict == "holds"
    for wrong in (right.replace("h̄_t ⊙", "2 (h̄_t) ⊙"), right.replace("min", "max")):
        assert derivation.lines_from(wrong).report().verdict == "wrong"
    hidden = "∂L/∂W = ∑_{t=1}^{T} x_t^⊤ max(ā_t, -max(-ā_t, -ā_t))"
    assert derivation.lines_from(hidden).report().verdict == "no power"


@pytest.mark.parametrize("line, said", [
    ("h̄_T = ∂ℓ_T/∂h_T + 0 ā_t U^⊤", "a quantity of step t stands in a line that is of step T"),
    ("∂L/∂h_0 = ā_t U^⊤", "a quantity of step t stands in a line that is of step 0"),
    ("∂L/∂W = x_t^⊤ ā_t", "of no step"),
    ("∂L/∂b = ∑_{t=2}^{T-1} ā_t", "wrong"),  # a sum without terms where T is 2
    ("h̄_T = ∂ℓ_T/∂h_T + relu(sqrt(∂ℓ_T/∂h_T)) ⊙ 0", "wrong"),  # no real number, and a branch
    ("∂L/∂b = ∑_{t=1}^{T-1} ā_t + ā_T", "holds"),
])  # fmt: skip
def test_a_reader_s_line_gets_a_verdict_or_one_line(line, said):
    derivation = rnnsym.backpropagate(RNN)
    try:
        found = str(derivation.lines_from(line).report().verdict)
    except rnnsym.RnnsymError as refusal:
        found = str(refusal)
    assert said in found and "\n" not in found


#: Texts whose elements once were printed and not read back as what they are.
IN_ELEMENTS = {
    "twice a width": "h_t = tanh([x_t, x_t] W + h_{t-1} U)",
    "a join of three, in a function": "h_t = (tanh([x_t, h_{t-1}, u_t] W))^3",
    "a join of numbers": "s_t: scalar\ns_t = [mean(x_t V), sum(x_t V)] w\nh_t = s_t ⊙ h_{t-1} + x_t W",
    "functions of two words": "h_t = 0.1 h_{t-1} + hard_sigmoid(x_t W) + log_sigmoid(x_t V)",
}


@pytest.mark.parametrize("name", IN_ELEMENTS)
def test_elements_are_read_back(name):
    cell = rnnsym.parse(IN_ELEMENTS[name], name="cell")
    for convention in ("row", "column"):
        rnnsym.document(cell, "json", what="elements,matrices", convention=convention)


@pytest.mark.parametrize("text", [
    "S_t = S_{t-1} + k_t^⊤ v_t\nk_t = x_t W\nv_t = x_t V\nh_t = tanh(sum(S_t)^⊤ U)",
    "S_t = S_{t-1} + k_t^⊤ v_t\ns_t: 1 × K\ns_t = sum(S_t)^⊤ / (1 + exp(sum(S_t)^⊤))\nh_t = s_t ⊙ k_t",
])  # fmt: skip
def test_sums_of_rows_are_columns_that_have_no_other_spelling(text):
    assert rnnsym.verify(rnnsym.parse(text, name="cell"), "latex", gradient=True).check()


def test_a_slope_that_is_zero_is_no_error_of_its_line():
    cell = rnnsym.parse("h_t = (max(log_softmax(x_t W + h_{t-1} U), 0))^2", name="cell")
    report = rnnsym.backpropagate(cell).report()
    assert report.passed
    wrong = rnnsym.backpropagate(RNN).lines_from("ā_t = h̄_t ⊙ (1 - h_t ⊙ h_t) + 1e-15 h̄_t")
    assert wrong.report().verdict == "wrong"


def test_numbers_that_no_sample_can_hold_are_said():
    cell = rnnsym.parse(
        "z_t = max(1e9 - σ(x_t W_z), 1)\nh_t = (1 - z_t) ⊙ h_{t-1} + x_t W", name="cell"
    )
    with pytest.raises(rnnsym.InputError, match="no finite numbers"):
        rnnsym.verify(cell, "latex", gradient=True)


@pytest.mark.parametrize("convention", ["row", "column"])
def test_a_number_that_is_a_product_costs_the_same_in_columns(convention):
    cell = rnnsym.parse("s_t: scalar\ns_t = 0.5 s_{t-1} + x_t w\nh_t = s_t ⊙ x_t", name="cell")
    assert rnnsym.verify(cell.in_convention(convention), "latex", gradient=True).check()
