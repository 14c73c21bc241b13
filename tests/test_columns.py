"""An array has the shape that the reader's table shows: columns in, columns out, everywhere."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
from texts import TEXTS

import rnnsym
from rnnsym.checking.samples import default_sizes, draw, error_of
from rnnsym.documents.rendering import document

parse = rnnsym.Cell.parse
COLUMN = "h_t = tanh(W_hh h_{t-1} + W_xh x_t + b)"


def test_the_table_the_code_and_the_paper_say_the_same():
    cell = parse(COLUMN, convention="column")
    assert [str(s) for s in cell.shown_shape(cell["W_xh"])] == ["M", "D"]
    assert str(cell) == COLUMN
    assert r"\tanh(W_{hh} h_{t-1} + W_{xh} x_{t} + b)" in rnnsym.to_latex(cell)
    f = rnnsym.lambdify(cell)
    assert "h_tm1 @ W_hh.T + x_t @ W_xh.T + b" in f.source
    rng = np.random.default_rng(3)
    W, U, b = rng.normal(size=(4, 2)), rng.normal(size=(4, 4)), rng.normal(size=4)
    x, h = rng.normal(size=(1, 5, 2)), np.zeros(4)
    y = f(x, W_xh=W, W_hh=U, b=b)
    for t in range(5):  # as on paper
        h = np.tanh(U @ h + W @ x[0, t] + b)
        np.testing.assert_allclose(y[0, t], h, rtol=1e-14)
    np.testing.assert_array_equal(y, f(x, W_xh=W, W_hh=U, b=b[:, None]))  # (M,) or as shown
    with pytest.raises(rnnsym.InputError, match=r"\(M,\) or \(M, 1\)"):
        f(x, W_xh=W, W_hh=U, b=b[None])
    with pytest.raises(rnnsym.InputError, match="M = 4"):
        f(x, W_xh=W.T.copy(), W_hh=U, b=b)


def test_gradients_lie_as_what_was_given():
    cell = parse(COLUMN, convention="column")
    g = rnnsym.lambdify(cell, gradient=True, loss="squared_error")
    rng = np.random.default_rng(3)
    w = {
        "W_xh": rng.normal(size=(4, 2)),
        "W_hh": rng.normal(size=(4, 4)) / 2,
        "b": rng.normal(size=(4, 1)),
    }
    x, d, h0 = rng.normal(size=(2, 5, 2)), rng.normal(size=(2, 5, 4)), rng.normal(size=(2, 4))
    loss, found = g(x, d, initial_state=h0, **w)
    for name in w:
        assert found[name].shape == w[name].shape
        for i in (0, w[name].size - 1):
            step = np.zeros(w[name].size)
            step[i] = 1e-6
            up, down = (
                g(x, d, initial_state=h0, **{**w, name: w[name] + s * step.reshape(w[name].shape)})[
                    0
                ]
                for s in (1, -1)
            )
            assert found[name].ravel()[i] == pytest.approx((up - down) / 2e-6, rel=1e-6)


@pytest.mark.parametrize("name", TEXTS)
def test_every_cell_computes_the_same_in_columns(name):
    row, column = parse(TEXTS[name].plain), parse(TEXTS[name].column, convention="column")
    mine = row.in_convention("column")
    sample = draw(row, 3, default_sizes(row), steps=4)
    f = rnnsym.lambdify(row)
    expected, trace = sample.call(f), sample.call(f, trace=True)
    for cell in (mine, *([column] if [v.name for v in column.variables] ==
                         [v.name for v in row.variables] else [])):  # fmt: skip
        g = rnnsym.lambdify(cell)
        shown = sample.as_shown(cell)
        for v, x in zip(cell.inputs, shown.inputs):
            wanted = cell.shown_shape(v) if v.shape[0] != 1 else v.shape[1:]
            assert len(x.shape) == 2 + len(wanted)
        assert error_of(sample.call(g), expected)[0] <= 1e-13
        found = sample.call(g, trace=True)
        assert max(error_of(found[k], trace[k], plain=True)[0] for k in trace) <= 1e-13
        unrolled = rnnsym.lambdify(rnnsym.unroll(cell, 4))
        assert error_of(sample.call(unrolled), expected)[0] <= 1e-13


def test_matrix_states_lie_as_shown():
    cell = parse("S_t = S_{t-1} + v_t k_t^⊤\ny_t = S_t q_t", convention="column")
    f = rnnsym.lambdify(cell)
    rng = np.random.default_rng(0)
    v, k, q = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 5)), rng.normal(size=(2, 3, 5))
    S0 = rng.normal(size=(2, 4, 5))
    assert [str(s) for s in cell.shown_shape(cell["S"])] == ["D", "F"]
    y = f(v, k, q, initial_state=S0)
    trace = f(v, k, q, initial_state=S0, trace=True)
    S = S0.copy()
    for t in range(3):
        S = S + np.einsum("ni,nj->nij", v[:, t], k[:, t])
        np.testing.assert_allclose(trace["S"][:, t], S, rtol=1e-13)
        np.testing.assert_allclose(y[:, t], np.einsum("nij,nj->ni", S, q[:, t]), rtol=1e-12)
    assert "S_tm1 + v_t[:, :, None] * k_t[:, None, :]" in f.source
    _, g = rnnsym.lambdify(cell, gradient=True)(v, k, q, rng.normal(size=y.shape), initial_state=S0)
    assert g["S_0"].shape == S0.shape


def test_kerass_arrays_come_through_the_packing():
    for name in ("lstm", "gru", "simple_rnn"):
        cell = rnnsym.cells.get(name).in_convention("column")
        assert rnnsym.verify(cell).check().verdict == "verified"
        assert rnnsym.backpropagate(cell).report().verdict == "consistent"


def test_a_file_can_say_its_convention(tmp_path):
    path = tmp_path / "course.cell"
    path.write_text("# Course\n\nconvention: column\nh_t = tanh(W x_t + U h_{t-1} + b)   # state\n")
    cell = rnnsym.cells.read_file(path)
    assert cell.convention == "column" and cell.title == "Course"
    with pytest.raises(rnnsym.InputError, match="the text says convention: column"):
        rnnsym.cells.read_file(path, "row")
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", path.name],
                          cwd=tmp_path, capture_output=True, text=True, timeout=300)  # fmt: skip
    assert done.returncode == 0 and " passed" in done.stdout
    with pytest.raises(rnnsym.LanguageError, match="row or column"):
        parse("convention: rows\nh_t = x_t W")


def test_scripts_of_columns_check_themselves(tmp_path, command):
    text = "S_t = S_{t-1} + v_t k_t^⊤; y_t = S_t q_t + W k_t"
    for arguments in (["--equations", text], ["gru", "--notation", "pytorch"]):
        path = tmp_path / f"{len(arguments)}.py"
        done = command(
            "export", *arguments, "--convention", "column", "--to", "py", "-o", str(path)
        )
        assert done.returncode == 0, done.stderr
        run = subprocess.run(
            [sys.executable, str(path)], capture_output=True, text=True, timeout=120
        )
        assert run.returncode == 0, run.stderr
        assert ".T" in path.read_text() or "matvec" in path.read_text()


def test_reasons_speak_the_form_of_their_lines(command):
    done = command("derive", "simple_rnn", "--convention", "column", "--full")
    assert done.returncode == 0
    assert "W x_t + U h_{t-1} + b" in done.stdout and "x_t W" not in done.stdout
    data = json.loads(command("derive", "lstm", "--convention", "column", "--json").stdout)
    assert not any("x_t W" in line["reason"] for line in data["lines"])
    shapes = next(line["shapes"] for line in data["lines"] if "W_i" in line["shapes"])
    assert shapes["W_i"] == "M × D"


def test_show_and_json_have_the_shapes_of_the_table(command):
    done = command("show", "--equations", COLUMN, "--convention", "column", "--json")
    shapes = {v["name"]: v["shape"] for v in json.loads(done.stdout)["variables"]}
    assert shapes["W_xh"] == ["M", "D"] and shapes["x"] == ["D", "1"]
    done = command("export", "lstm", "--convention", "column", "--to", "json")
    (cell,) = json.loads(done.stdout)["cells"]
    assert {v["name"]: v["shape"] for v in cell["symbols"]}["W_i"] == ["M", "D"]
    assert "x_t @ W_i.T" in cell["code"]


def test_flow_takes_weights_as_shown(tmp_path):
    rng = np.random.default_rng(0)
    W, U, b = rng.normal(size=(4, 2)), rng.normal(size=(4, 4)) / 2, rng.normal(size=4)
    column = rnnsym.flow(
        parse(COLUMN, convention="column"), 5, weights={"W_xh": W, "W_hh": U, "b": b}
    )
    row = rnnsym.flow(rnnsym.cells.get("simple_rnn"), 5, weights={"W": W.T, "U": U.T, "b": b})
    np.testing.assert_allclose(column.norms["state"], row.norms["state"], rtol=1e-12)


def test_cells_of_two_forms_are_not_stacked_in_silence():
    mine = parse(COLUMN, convention="column")
    dense = rnnsym.cells.get("dense")
    with pytest.raises(rnnsym.InputError, match="in_convention"):
        rnnsym.stack(mine, dense)
    net = rnnsym.stack(mine, dense.in_convention("column"))
    assert net.convention == "column" and "h_t @ V.T + c" in rnnsym.lambdify(net).source


# --- a cell as its text


def cells():
    from test_backward import CELLS

    yield from ((n, parse(t, name=n.replace(" ", "_"))) for n, t in CELLS.items())
    yield from ((n, rnnsym.cells.get(n)) for n in rnnsym.cells.names())
    yield from ((f"{n} col", parse(t.column, convention="column")) for n, t in TEXTS.items())


def test_every_cell_reads_back_equal_from_its_text():
    count = 0
    for name, cell in cells():
        for convention in ("row", "column"):
            text = rnnsym.to_text(cell, form="cell", convention=convention)
            again = parse(text, name=cell.name)
            wanted = cell.in_convention(convention)
            assert dataclasses.replace(again, sizes=wanted.sizes) == wanted, (name, convention)
            count += 1
    assert count >= 120


@pytest.mark.parametrize(
    "text",
    [
        "r: 1 × M\nh_t = tanh(x_t W + r)",
        "W: D × 4\nh_t = tanh(x_t W)",
        "convention: column\nx_t: 3 × 1\nh_t = tanh(W x_t + U h_{t-1})",
        "h_t = (x_t W) V",
        "h_t = x_t (W V)",
        "convention: column\nh_t = A (B x_t)",
        "h_t = 1/3 ⊙ x_t",
        "γ: scalar\nh_t = 1/γ ⊙ x_t / 2",
        "h_t = 2 ⊙ 3 / 5 ⊙ x_t + 3 ⊙ 2 ⊙ x_t",
        "h_t = ((x_t / 3) W) / 2",
        "h_t = -1/3 ⊙ x_t",
        "h_t = a ⊙ (b ⊙ (x_t W)) + c",
        "V, W: parameter\nh_t = x_t W + h_{t-1} V",
        "c, b: scalar\nh_t = b x_t + c h_{t-1}",
        "S_t: K × V\nS_t, v_t: input\nh_t = v_t S_{t-1} + x_t",
    ],
)
def test_a_text_of_its_own_kind_reads_back_equal(text):
    cell = parse(text)
    assert parse(rnnsym.to_text(cell, form="cell")) == cell
    for convention in ("row", "column"):
        again = parse(rnnsym.to_text(cell, form="cell", convention=convention))
        assert again == cell.in_convention(convention)


def test_where_all_weights_are_declared_that_is_their_order():
    cell = parse("V, W: parameter\nh_t = x_t W + h_{t-1} V")
    assert [v.name for v in cell.parameters] == ["V", "W"]
    with pytest.raises(rnnsym.LanguageError, match="declared twice"):
        parse("W: parameter\nW: parameter\nh_t = x_t W")


def test_declarations_and_the_output_are_kept():
    text = "γ: scalar\nu_t: input\noutput: y_t\ny_t = γ x_t + u_{t-1}\nz_t = y_t ⊙ x_t\n"
    again = rnnsym.to_text(parse(text), form="cell")
    assert "γ: scalar" in again and "u_t: input" in again and "output: y_t" in again
    assert parse(again).output.name == "y"
    own = parse("I: parameter\nh_t = tanh(x_t I + h_{t-1} U)")
    assert "I: parameter" in rnnsym.to_text(own, form="cell")
    with pytest.raises(rnnsym.InputError, match="is text"):
        rnnsym.to_latex(own, form="cell")


@pytest.mark.parametrize("inner", ["x_t ⊙ a", "2 x_t", "1 - x_t", "-x_t", "x_t"])
def test_a_diagonal_of_an_expression(inner):
    cell = parse(f"h_t = diag({inner}) h_{{t-1}} + x_t", convention="column")
    rng = np.random.default_rng(4)
    x, a = rng.normal(size=(2, 3, 4)), rng.normal(size=4)
    weights = {"a": a} if "a" in inner else {}
    h = np.zeros((2, 4))
    for t in range(3):
        factor = eval(inner.replace("⊙", "*").replace("2 x", "2 * x"), {"x_t": x[:, t], "a": a})
        h = factor * h + x[:, t]
        assert np.abs(rnnsym.lambdify(cell)(x, **weights)[:, t] - h).max() <= 1e-13
    assert rnnsym.verify(cell)


def test_the_gradient_of_a_diagonal_of_a_state():
    assert rnnsym.verify(parse("S_t = S_{t-1} + v_t^T k_t\ny_t = diagonal(S_t) ⊙ v_t"))
    cell = parse("S_t = S_{t-1} + v_t^T k_t\ny_t = diagonal(S_t) ⊙ v_t")
    assert rnnsym.backpropagate(cell).lines_from("S̄_t = diag(ȳ_t ⊙ v_t) + S̄_{t+1}").report()


def test_a_document_says_of_its_arrays_what_its_code_takes():
    cell = parse(COLUMN, convention="column")
    for convention, own in (("column", True), ("row", False)):
        text = document(cell, "md", what="symbols,code", convention=convention)
        assert ("The arrays of the code have the shapes shown" in text) is own
        assert ("x_t @ W_xh.T" in text) is own and "transpose of the array" not in text
