"""A sign means what its author means, and what a message proposes is true: the edit is made.

Every message that proposes an edit is here with a text, the edit that it proposes, and the meaning
that the text's author had, as another text.
"""

import re
from pathlib import Path

import pytest

import rnnsym

parse = rnnsym.Cell.parse


def message(text, **options):
    with pytest.raises(rnnsym.RnnsymError) as caught:
        parse(text, **options)
    return str(caught.value)


# --- signs


@pytest.mark.parametrize(
    "text",
    [r"h_t = \tanh(W_{xi} * X_t)", r"i_t = \sigma(W * x_t) \\ h_t = i_t \odot x_t",
     r"h_t = f_t \ast h_{t-1} + \tanh(x_t)", r"h_t = W \star x_t"],
)  # fmt: skip
def test_a_star_in_latex_is_refused_with_its_meanings(text):
    for convention in ("row", "column"):
        said = message(text, convention=convention)
        assert r"\odot" in said and "matrix product" in said and "convolution" in said


def test_a_star_in_plain_text_is_elementwise():
    assert parse("h_t = x_t * h_{t-1}").equations == parse("h_t = x_t ⊙ h_{t-1}").equations


@pytest.mark.parametrize(
    ("text", "convention"),
    [("β_t: scalar\nS_t = S_{t-1} (I - β_t k_t^⊤ k_t) + β_t k_t^⊤ v_t", "row"),
     (r"S_t = S_{t-1} (\mathbf{I} - \beta_t k_t k_t^\top) + \beta_t v_t k_t^\top", "column"),
     (r"S_t = S_{t-1} (\mathbf I - \beta_t k_t k_t^\top) + \beta_t v_t k_t^\top", "column"),
     (r"S_t = S_{t-1} (\mathbb{I} - \beta_t k_t k_t^\top) + \beta_t v_t k_t^\top", "column"),
     (r"S_t = S_{t-1} (I_K - \beta_t k_t k_t^\top) + \beta_t v_t k_t^\top", "column")],
)  # fmt: skip
def test_an_i_that_nothing_defines_is_the_identity(text, convention):
    if "beta" in text:
        text = "β_t: scalar\n" + text
    cell = parse(text, convention=convention)
    assert not cell.parameters
    rnnsym.read_back(cell).check()
    rnnsym.backpropagate(cell).check()
    again = parse(rnnsym.to_text(cell, form="cell"))
    assert again.equations == cell.equations


def test_the_delta_rule_with_an_identity_is_keras_computed_too():
    cell = parse("β_t: scalar\nS_t = S_{t-1} (I - β_t k_t^⊤ k_t) + β_t k_t^⊤ v_t\ny_t = q_t S_t")
    assert rnnsym.verify(cell, gradient=True).check().verdict == "consistent"


def test_a_weight_called_i_is_declared():
    cell = parse("I: parameter\nh_t = tanh(x_t I + h_{t-1} U)")
    assert "I" in [v.name for v in cell.parameters]
    assert "I" in [v.name for v in parse("I = A\nh_t = x_t I").variables]
    said = message("h_t = tanh(x_t I + h_{t-1} U)\ns_t: 1 × 4\ns_t = x_t I\nx_t: 1 × 3")
    assert "I is the identity matrix; if it is a weight, it is declared: `I: parameter`" in said


@pytest.mark.parametrize(
    "number",
    [r"\quad (2)", r"\qquad (10.8)", r"\hfill (3a)", r"\hspace{2em}(A.1)", r" \quad (2) \\", r",\quad (2)"],
)  # fmt: skip
def test_the_number_of_an_equation_is_no_factor(number):
    right = parse(r"h_t = \tanh(x_t W + h_{t-1} U + b)")
    assert parse(rf"h_t = \tanh(x_t W + h_{{t-1}} U + b) {number}").equations == right.equations
    net = rnnsym.backpropagate(rnnsym.cells.get("simple_rnn"))
    line = rf"\bar a_t = \bar h_t \odot (1 - h_t \odot h_t) {number}"
    assert net.lines_from(line).report().verdict == "holds"


def test_a_number_in_parentheses_at_the_end_is_asked_about():
    plain = "h_t = tanh(x_t W)   (2)"
    assert parse(plain).equations == parse("h_t = tanh(x_t W)").equations
    for text in ("h_t = tanh(x_t W) (2)", "h_t = x_t W (2)", r"h_t = \tanh(x_t W) (2)"):
        assert "the number of the equation or a factor" in message(text)
    assert parse("h_t = x_t ⊙ (2)").equations and parse("h_t = (2) x_t").equations


def test_a_name_that_nothing_defines_is_remarked_wherever_the_text_is_shown(command, tmp_path):
    text = "h_t = tanh(x_t W + z̃_t)"
    (remark,) = parse(text).remarks
    assert "z̃_t" in remark and "typing error" in remark
    assert not parse("z̃_t: input\n" + text).remarks
    assert not parse(text + "   # state\n# z̃: what the other network says").remarks
    assert not parse("h_t = tanh(x_t W)").remarks
    for arguments in (["show"], ["export", "--to", "txt"], ["export", "--to", "md"],
                      ["export", "--to", "json"], ["derive"], ["verify", "--against", "latex"]):  # fmt: skip
        done = command(arguments[0], "--equations", text, *arguments[1:])
        assert done.returncode == 0 and "typing error" in " ".join(done.stdout.split()), arguments
    done = command("export", "--equations", text, "--to", "tex")
    assert "typing error" in " ".join(done.stdout.split())


# --- advice that is taken


def declared(said):
    """The declaration that a message proposes."""
    (line,) = re.findall(r"`([^`]+: (?:scalar|parameter))`", said)
    return line


SCALARS = [
    ("S_t = S_{t-1} + η_t k_t^⊤ v_t\ny_t = q_t S_t", "η_t: scalar"),
    ("h_t = γ h_{t-1} + tanh(x_t W)", "γ: scalar"),
    ("h_t = (1 - alpha) h_{t-1} + alpha tanh(x_t W)", "alpha: scalar"),
    ("h_t = h_{t-1} + dt tanh(x_t W + h_{t-1} U)", "dt: scalar"),
    ("y_t = x_t W + γ x_t", "γ: scalar"),
]


@pytest.mark.parametrize(("text", "line"), SCALARS)
def test_a_missing_scalar_is_the_one_that_is_proposed(text, line):
    said = message(text)
    assert "is a scalar" in said and "convention=" not in said
    edited = f"{declared(said)}\n{text}"
    assert parse(edited).equations == parse(f"{line}\n{text}").equations


@pytest.mark.parametrize(
    "text",
    [r"f_t = \sigma_g(W_f x_t + U_f h_{t-1} + b_f) \\ h_t = f_t \odot h_{t-1}",
     r"h_t = \phi(W x_t + U h_{t-1})", r"h_t = \mathrm{Linear}(x_t)", "h_t = f(x_t W)",
     "h_t = act(x_t W + h_{t-1} U)", r"h_t = g(W x_t) + U h_{t-1}"],
)  # fmt: skip
def test_a_function_that_is_not_known_is_never_called_a_scalar(text):
    for convention in ("row", "column"):
        said = message(text, convention=convention)
        assert ": scalar" not in said and "function" in said


def test_vectors_side_by_side_get_the_meanings_and_no_order():
    for text in (r"h_t = o_t \cdot c_t", "h_t = x_t h_{t-1}"):
        said = message(text)
        assert "both vectors" in said and "elementwise product" in said and "inner product" in said
        assert "write ⊙" not in said and "scalar" not in said


def test_the_other_convention_is_proposed_under_its_condition():
    text = "h_t = tanh(W x_t + U h_{t-1} + b)"
    said = message(text)
    assert "if vectors are columns" in said and "convention=column" in said and "scalar" not in said
    assert parse(text, convention="column").equations == parse(
        "h_t = tanh(x_t W + h_{t-1} U + b)").equations  # fmt: skip
    said = message("h_t = tanh(x_t W + h_{t-1} U + b)", convention="column")
    assert "convention=row" in said


def test_an_outer_product_elsewhere_does_not_make_a_matrix_of_a_row():
    cell = parse("S_t = S_{t-1} + k_t^⊤ v_t\no_t = r_t (k_t^⊤ v_t)")
    assert cell["o"].shape[0] == 1 and cell["S"].shape[0] != 1
    also = parse("S_t = A S_{t-1} + k_t^⊤ v_t\no_t = q_t S_t\np_t = tanh(o_t)")
    assert also["p"].shape[0] == 1


@pytest.mark.parametrize(
    ("text", "readings"),
    [("h_t = r_t ⊙ h_{t-1} U + x_t W", ["r_t ⊙ (h_{t-1} U)", "(r_t ⊙ h_{t-1}) U"]),
     ("h_t = x_t W ⊙ h_{t-1}", ["(x_t W) ⊙ h_{t-1}", "x_t (W ⊙ h_{t-1})"]),
     ("h_t = x_t / h_{t-1} W", ["x_t / (h_{t-1} W)", "(x_t / h_{t-1}) W"])],
)  # fmt: skip
def test_where_two_readings_stand_both_are_shown(text, readings):
    said = message(text)
    for reading in readings:
        assert reading in said
    edited = text.replace("r_t ⊙ h_{t-1} U", readings[0]).replace("x_t W ⊙ h_{t-1}", readings[0])
    if "/" not in text:
        parse(edited)


def test_an_inner_product_in_front_of_a_vector_is_asked_about():
    text = "y_t = x_t W x_t^⊤ u_t\nu_t = x_t Q"
    said = message(text)
    assert "inner product, 1 × 1" in said and "if that is meant" in said
    assert parse("y_t = (x_t W x_t^⊤) ⊙ u_t\nu_t = x_t Q").equations


def test_a_power_of_e_is_exp():
    assert "exp(…)" in message("h_t = e^{x_t}")
    assert "^{∘2}" in message("S_t = S_{t-1}^2 + k_t^⊤ v_t")
    assert parse("S_t = S_{t-1}^{∘2} + k_t^⊤ v_t").equations


def test_a_second_step_back_by_a_name():
    said = message("h_t = tanh(h_{t-2} W + x_t)")
    assert "p_t = h_{t-1}" in said and "p_{t-1}" in said
    cell = parse("p_t = h_{t-1}\nh_t = tanh(p_{t-1} W + x_t)")
    assert {v.name for v in cell.states} == {"p", "h"}


def test_a_delayed_input_is_declared():
    said = message("h_t = tanh(x_t W + u_{t-1} V)")
    assert "`u_t: input`" in said
    assert [v.name for v in parse("u_t: input\nh_t = tanh(x_t W + u_{t-1} V)").delayed] == ["u"]


def test_a_missing_parenthesis_and_a_near_name():
    assert "tanh(…)" in message("h_t = tanh x_t W")
    assert "did you mean tanh?" in message("h_t = tahn(x_t W)")


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("h_t = np.tanh(x_t @ W)", "h_t = tanh(x_t @ W)"),
        ("h_t = torch.nn.functional.sigmoid(x_t W)", "h_t = sigmoid(x_t W)"),
        ("h_t = F.Softmax(x_t W)", "h_t = softmax(x_t W)"),
    ],
)
def test_a_function_of_a_library_is_that_of_the_language(text, mended):
    name = re.search(r"did you mean (\w+)\?", message(text)).group(1)
    obeyed = re.sub(r"(\w+\.)+\w+", name, text)
    assert obeyed == mended and parse(obeyed).equations


def test_an_index_in_brackets_is_a_time():
    text = "h[t] = tanh(x[t] W + h[t-1] U)"
    while (said := re.search(r"did you mean (\S+)\?", message_or_none(text))) is not None:
        text = re.sub(r"\w+\[t(-1)?\]", said.group(1), text, count=1)
    assert str(parse(text)) == "h_t = tanh(x_t W + h_{t-1} U)"


def message_or_none(text):
    try:
        parse(text)
    except rnnsym.LanguageError as refusal:
        return str(refusal)
    return ""


def test_no_file_of_an_old_keras_is_sent_where_it_cannot_be_read():
    source = (Path(rnnsym.__file__).parent / "frameworks" / "keras" / "files.py").read_text()
    assert "save it again" not in source and "load it there" not in source


@pytest.mark.parametrize(
    ("text", "one", "other"),
    [
        ("h_t = r_t ⊙ U h_{t-1} + W x_t", "r_t ⊙ (U h_{t-1})", "(r_t ⊙ U) h_{t-1}"),
        ("h_t = U r_t ⊙ h_{t-1}", "(U r_t) ⊙ h_{t-1}", "U (r_t ⊙ h_{t-1})"),
        ("h_t = x_t / W h_{t-1}", "x_t / (W h_{t-1})", "(x_t / W) h_{t-1}"),
        ("h_t = A B x_t ⊙ h_{t-1}", "(A B x_t) ⊙ h_{t-1}", "A B (x_t ⊙ h_{t-1})"),
    ],
)
def test_both_readings_of_columns_keep_every_factor(text, one, other):
    assert f": {one} or {other};" in message(text, convention="column")


@pytest.mark.parametrize(
    "name", ["tan", "arcsin", "arctanh", "log2", "log10", "exp2", "argmax", "cumsum", "prelu"]
)
def test_another_function_is_no_misspelling(name):
    assert "did you mean" not in message(f"h_t = {name}(x_t W)")


def test_a_beginning_is_completed():
    assert "did you mean sigmoid?" in message("h_t = sigm(x_t W)")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("h_t = tanh(x_t W) (2.3)", "(2.3) at the end could be the number of the equation"),
        (r"h_t = \tanh(x_t W) (2.3)", "(2.3) at the end could be the number of the equation"),
        ("h_t = x_t / ||x_t||", "sqrt(sum(a^2))"),
        (r"h_t = \frac{x_t}{||x_t||}", "sqrt(sum(a^2))"),
        (r"h_t = x_t / \lVert x_t \rVert", "sqrt(sum(a^2))"),
        (r"h_t = \tanh(x_t W + b^{(2)})", "number of a layer or a power"),
        ("h_t = tanh(x_t W + b^{(2)})", "number of a layer or a power"),
        ("h_t = tanh^2(x_t W)", "could be a power or the inverse function"),
        ("h_t = 1.5.2 x_t", "a number with two points"),
        (r"h_t = [x_t \oplus h_{t-1}] W", "a concatenation [a, b]"),
    ],
)
def test_what_is_read_in_two_ways_is_refused(text, words):
    assert words in message(text)


def test_the_norm_and_nested_bars_as_the_message_says():
    assert parse("h_t = x_t / sqrt(sum(x_t^2))") and parse("h_t = ||x_t| - 1|")


def test_only_a_size_makes_a_name_the_identity():
    cell = parse("h_t = I_{in} x_t + U h_{t-1}", convention="column")
    assert [v.name for v in cell.parameters] == ["I_in", "U"]
    assert [v.name for v in parse("h_t = h_{t-1} I_M + x_t W").parameters] == ["W"]


def test_a_small_greek_matrix_is_told():
    text = "h_t = (1 - α) h_{t-1} + α tanh(W x_t + U h_{t-1})"
    (remark,) = parse(text, convention="column").remarks
    assert "`α: scalar`" in remark
    assert not parse("α: scalar\n" + text, convention="column").remarks


# --- every message that proposes an edit is known here

#: How messages propose: a new one has to be tried above, and then named here.
PROPOSING = re.compile(
    r"declare|declared:|did you mean|write |needs parentheses|needs its argument|convention=|make it"
)


def test_every_proposing_message_of_the_language_is_tried():
    folder = Path(rnnsym.__file__).parent / "language"
    strings = []
    for path in sorted(folder.glob("*.py")):
        for line in path.read_text().splitlines():
            if PROPOSING.search(line) and '"' in line and not line.strip().startswith(("#", '"""')):
                strings.append((path.name, line.strip()))
    assert len(strings) == KNOWN, "\n".join(f"{f}: {s}" for f, s in strings)


KNOWN = 28
