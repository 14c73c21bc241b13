"""`equal` and `verify --as`: the same function under which change, or where two texts part."""

import json
import re

import numpy as np
import pytest
import variants

import rnnsym
from rnnsym.checking.correspondence import correspondence
from rnnsym.printing.text import equation_text

GOOD = ("verified", "equal-under-change")
LAYERS = tuple(variants.LAYERS)


def claimed(text, layer, **options):
    return rnnsym.verify(rnnsym.Cell.parse(text, **options), claim=layer)


@pytest.mark.parametrize("layer", LAYERS)
def test_thirty_rewritings_are_accepted(layer):
    texts = variants.rewritings(layer)
    assert len(texts) >= 30 and len(set(texts.values())) >= 30
    for name, text in texts.items():
        report = claimed(text, layer)
        assert report.verdict.slug in GOOD and report.check(), name


#: Variants of one token that are the same function after all: transposes, signs of gates, of
#: biases of which the sum counts alone.
@pytest.mark.parametrize("layer", LAYERS)
def test_a_hundred_variants_are_rejected_or_shown_to_be_equal(layer):
    every = list(variants.one_token_variants(variants.LAYERS[layer]))
    assert len(every) >= 100
    rng = np.random.default_rng(10)
    chosen = sorted(rng.choice(len(every), min(100, len(every)), replace=False))
    wrong = 0
    for what, text in (every[i] for i in chosen):
        try:
            cell = rnnsym.Cell.parse(text)
        except rnnsym.LanguageError:
            wrong += 1
            continue
        if not cell.inputs:
            with pytest.raises(rnnsym.InputError, match="has no input"):
                rnnsym.verify(cell, claim=layer)
            wrong += 1
            continue
        report = rnnsym.verify(cell, claim=layer)
        if not report:
            assert report.verdict in ("wrong", "no power"), what
            wrong += 1
            continue
        # Shown: by the layer's own numbers, on other weights than those of the report.
        again = rnnsym.verify(cell, claim=layer, seed=77)
        assert again.verdict == report.verdict and again.check(), what
        assert re.search(r"\^T|[-+]|1 x_t|tanh", what.partition(" at ")[0]), what
    assert wrong >= 80


def gru(last, candidate="tanh(x_t W_g + b_g + r_t ⊙ (h_{t-1} U_g + d_g))"):
    return rnnsym.Cell.parse(
        "z_t = σ(x_t W_z + h_{t-1} U_z + b_z)\nr_t = σ(x_t W_r + h_{t-1} U_r + b_r)\n"
        f"g_t = {candidate}\nh_t = {last}"
    )


def test_a_gru_with_z_and_one_less_z_exchanged_is_equal_under_a_change():
    cell = gru("(1 - z_t) ⊙ h_{t-1} + z_t ⊙ g_t")
    report = rnnsym.verify(cell, claim="keras.layers.GRU")
    assert report.verdict == "equal under a change of parameters" and report.verdict.exit == 0
    assert any("W_z, U_z, b_z change sign" in r for r in report.remarks)
    assert any("z acts as 1 - z" in r for r in report.remarks)


def test_with_the_other_reset_it_is_wrong_and_the_message_says_what_it_is():
    before = "tanh(x_t W_g + (r_t ⊙ h_{t-1}) U_g + b_g)"
    for last in ("(1 - z_t) ⊙ h_{t-1} + z_t ⊙ g_t", "z_t ⊙ h_{t-1} + (1 - z_t) ⊙ g_t"):
        report = rnnsym.verify(gru(last, before), claim="keras.layers.GRU")
        assert report.verdict == "wrong" and report.verdict.exit == 1
        assert "it is keras.layers.GRU(reset_after=False)" in report.remarks
        (comparison,) = report.comparisons
        assert "sample" in comparison.where and "against" in comparison.where
    assert rnnsym.verify(gru(last, before), claim="keras.layers.GRU(reset_after=False)")


def test_one_bias_less_is_another_function():
    bare = gru("z_t ⊙ h_{t-1} + (1 - z_t) ⊙ g_t", "tanh(x_t W_g + r_t ⊙ (h_{t-1} U_g) + b_g)")
    assert rnnsym.verify(bare, claim="keras.layers.GRU").verdict == "wrong"


def test_names_and_meanings_that_contradict_are_said():
    text = variants.LSTM.replace("f_t ⊙ c_{t-1} + i_t ⊙ g_t", "i_t ⊙ c_{t-1} + f_t ⊙ g_t")
    report = claimed(text, "keras.layers.LSTM")
    assert report.verdict == "verified"
    words = " ".join(report.remarks)
    assert "i acts as the forget gate" in words and "f acts as the input gate" in words
    meant = variants.LSTM.replace("b_f)", "b_f)   # input gate")
    words = " ".join(claimed(meant, "keras.layers.LSTM").remarks)
    assert "f is said to be the input gate, and acts as the forget gate" in words
    assert "acts as" not in " ".join(claimed(variants.LSTM, "lstm").remarks)


def test_the_sign_of_a_state_is_a_change():
    text = variants.LSTM.replace("+ i_t ⊙ g_t", "- i_t ⊙ g_t").replace("o_t ⊙ tanh", "-o_t ⊙ tanh")
    report = claimed(text, "keras.layers.LSTM")
    assert report.verdict == "equal under a change of parameters"
    assert any("the state c changes sign" in r for r in report.remarks)


def test_functions_written_out_are_found_by_numbers():
    text = variants.LSTM.replace("σ(x_t W_f + h_{t-1} U_f + b_f)",
                                 "1 / (1 + exp(-(x_t W_f + h_{t-1} U_f + b_f)))")  # fmt: skip
    assert claimed(text, "keras.layers.LSTM").verdict == "verified"
    text = variants.SIMPLE.replace("tanh(", "2 σ(2 (").replace("b)", "b)) - 1")
    assert claimed(text, "keras.layers.SimpleRNN").verdict == "verified"


@pytest.mark.parametrize(
    ("text", "layer"),
    [
        ("h_t = relu(x_t W + h_{t-1} U)", "keras.layers.SimpleRNN(activation='relu', use_bias=False)"),
        ("h_t = tanh(x_t W + h_{t-1} U + b)", "keras.layers.SimpleRNN(32)"),
        ("h_t = hard_sigmoid(x_t W + h_{t-1} U + b)", "keras.layers.SimpleRNN(activation='hard_sigmoid')"),
        ("y_t = x_t V + c", "keras.layers.Dense"),
        ("y_t = V x_t + c", "dense"),
        ("y_t = softmax(x_t V + c)", "keras.layers.Dense(activation='softmax')"),
    ],
)  # fmt: skip
def test_options_of_a_layer_are_part_of_the_claim(text, layer):
    convention = "column" if "V x_t" in text else "row"
    assert claimed(text, layer, convention=convention).verdict == "verified"


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        ("keras.layers.Conv1D", "there are SimpleRNN, LSTM, GRU, Dense"),
        ("keras.layers.GRU(reset_after=print(1))", "plain values"),
        ("keras.layers.GRU(reset_after=", "unknown claim"),
        ("keras.layers.GRU(nonsense=1)", "keras.layers.GRU"),
        ("keras.layers.LSTM(activation='nonsense')", "keras.layers.LSTM"),
        ("keras.layers.LSTM(return_state=True)", "says nothing of the equations"),
        ("lstn", "unknown claim"),
        (7, "a name or a cell"),
    ],
)
def test_a_claim_that_names_nothing_is_one_line(claim, words):
    with pytest.raises(rnnsym.InputError, match=re.escape(words)) as caught:
        rnnsym.verify(rnnsym.cells.get("lstm"), claim=claim)
    assert "\n" not in str(caught.value)


def test_the_catalogue_is_what_it_says(monkeypatch):
    for name in rnnsym.cells.names():
        report = rnnsym.verify(rnnsym.cells.get(name), claim=name)
        assert report.verdict == "verified" and not any("change" in r for r in report.remarks)


# --- equal


def test_two_texts_are_one_function_under_a_correspondence():
    joined = "h_t = tanh([h_{t-1}, x_t] W + b)"
    split = "s_t = tanh(u_t A + s_{t-1} B + c)"
    for one, other in ((joined, split), (split, joined)):
        report = rnnsym.equal(one, other)
        assert report.verdict == "holds" and report.check()
    words = " ".join(rnnsym.equal(joined, split).remarks)
    assert "rows 1 to M of W is B" in words and "rows M + 1 to D + M of W is A" in words


def test_two_texts_that_part_say_where():
    report = rnnsym.equal(
        "h_t = tanh(x_t W + h_{t-1} U)", "h_t = tanh(x_t W + h_{t-1} U^T + x_t V)"
    )
    assert report.verdict == "wrong" and "against" in report.comparisons[0].where
    # One of them cannot have the weights of the other: a bias is missing.
    assert not rnnsym.equal("h_t = tanh(x_t W + h_{t-1} U)", "h_t = tanh(x_t W + h_{t-1} U + b)")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("h_t = tanh(x_t W) ⊙ u_t", "h_t = tanh(u_t W) ⊙ x_t"),
        ("S_t = S_{t-1} + k_t^T v_t\ny_t = q_t S_t", "S_t = S_{t-1} + q_t^T v_t\ny_t = k_t S_t"),
        ("h_t = x_t W + u_t V", "h_t = u_t W + x_t (V ⊙ V)"),
    ],
)
def test_inputs_that_both_texts_name_are_given_by_their_names(one, other):
    report = rnnsym.equal(one, other)
    assert report.verdict == rnnsym.Verdict.WRONG, report
    assert report.comparisons[0].where, "it says where they part"


def test_inputs_of_other_names_correspond_in_order():
    assert rnnsym.equal("h_t = tanh(x_t W) ⊙ u_t", "h_t = tanh(v_t W) ⊙ y_t")
    assert rnnsym.equal("h_t = x_t W + u_t V", "h_t = u_t W + x_t V")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("h_t = x_t W", "h_t = min(x_t W, 10000)"),
        ("h_t = exp(x_t W)", "h_t = min(exp(x_t W), 100000)"),
        ("h_t = tanh(x_t W)", "h_t = tanh(x_t W) + relu(x_t V - 5000)"),
    ],
)
def test_texts_that_part_far_away_are_not_said_to_be_one(one, other):
    assert not rnnsym.equal(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("h_t = abs(x_t W)", "h_t = sign(x_t W) ⊙ (x_t W)"),
        ("h_t = (x_t W) / (1 + exp(-(x_t W)))", "h_t = (x_t W) ⊙ σ(x_t W)"),
        ("h_t = relu(x_t W)", "h_t = step(x_t W) ⊙ (x_t W)"),
        ("h_t = relu(x_t W)", "h_t = max(x_t W, 0)"),
    ],
)
def test_one_function_written_in_other_functions_holds(one, other):
    assert rnnsym.equal(one, other) and rnnsym.equal(other, one)


@pytest.mark.parametrize(
    "text",
    [
        "h_t = tanh(x_t W + h_{t-1} U + b) + exp(x_t W + b - 45)",
        "h_t = tanh(x_t W + h_{t-1} U + b) + exp(x_t W - 300)",
        "h_t = tanh(x_t W + h_{t-1} U + b + exp(x_t W - 45))",
        "h_t = tanh(x_t W + h_{t-1} U + b) ⊙ (1 - exp(-50 - x_t W))",
        "h_t = tanh(x_t W + h_{t-1} U + b) ⊙ σ(x_t W + 200)",
        "h_t = tanh(x_t W + h_{t-1} U + b) ⊙ tanh(exp(30) exp(x_t W))",
        "h_t = tanh(x_t W + h_{t-1} U + b) / tanh(exp(30) exp(x_t W))",
        "h_t = tanh(x_t W + h_{t-1} U + b)^(tanh(exp(30) exp(h_{t-1} U)))",
        "h_t = tanh(erf(exp(30) exp(x_t W)) ⊙ (x_t W + h_{t-1} U + b))",
    ],
)
def test_a_term_that_no_number_shows_is_a_term(text):
    assert not claimed(text, "keras.layers.SimpleRNN")


def test_a_term_that_algebra_knows_to_be_nothing_is_none():
    text = "h_t = tanh(x_t W + h_{t-1} U + b - 0 x_t W)"
    assert claimed(text, "keras.layers.SimpleRNN").verdict == "verified"


def test_a_clip_far_away_is_not_the_layer():
    report = rnnsym.verify(
        rnnsym.Cell.parse("h_t = min(relu(x_t W + h_{t-1} U + b), 10000)"),
        claim="keras.layers.SimpleRNN(activation='relu')",
    )
    assert report.verdict in (rnnsym.Verdict.NO_POWER, rnnsym.Verdict.WRONG)


def test_matrix_states_and_delays_are_compared_too():
    one = "S_t = S_{t-1} + k_t^⊤ v_t\ny_t = q_t S_t"
    other = "convention: column\nS_t = v_t k_t^⊤ + S_{t-1}\ny_t = S_t q_t"
    assert rnnsym.equal(one, other).verdict == "holds"
    assert not rnnsym.equal(one, one.replace("+ k_t", "- k_t"))
    assert rnnsym.equal("h_t = tanh(x_{t-1} W + x_t V)", "h_t = tanh(x_t A + x_{t-1} B)")
    assert not rnnsym.equal("h_t = tanh(x_{t-1} W + x_t V)", "h_t = tanh(x_t A + x_t B)")


def test_what_is_not_defined_everywhere_is_said():
    report = rnnsym.equal("h_t = tanh(x_t W + h_{t-1} ⊙ h_{t-1} / h_{t-1})",
                          "h_t = tanh(x_t W + h_{t-1})")  # fmt: skip
    assert report.verdict == "equal where defined" and report
    assert any("has no value" in r for r in report.remarks)


def test_a_layer_a_file_and_a_text(tmp_path):
    path = tmp_path / "mine.cell"
    path.write_text("convention: column\nh_t = tanh(W x_t + U h_{t-1} + b)\n")
    assert rnnsym.equal(str(path), "keras.layers.SimpleRNN").verdict == "verified"
    assert rnnsym.equal("keras.layers.SimpleRNN", path).verdict == "verified"
    assert rnnsym.equal("lstm", "gru").verdict == "wrong"
    with pytest.raises(rnnsym.InputError, match="cells, texts or models"):
        rnnsym.equal(7, "lstm")


def test_models_are_compared_with_their_own_weights(tmp_path):
    import keras

    def model(units=3):
        layers = [keras.Input((5, 2)), keras.layers.LSTM(units), keras.layers.Dense(1)]
        return keras.Sequential(layers)

    one, other = model(), model()
    assert rnnsym.equal(one, other).verdict == "wrong"  # fresh weights differ
    other.set_weights(one.get_weights())
    report = rnnsym.equal(one, other)
    assert report.verdict == "holds" and report.controls
    one.save(tmp_path / "one.keras")
    assert rnnsym.equal(str(tmp_path / "one.keras"), other).verdict == "holds"
    # The units in another order: the same function of what goes in.
    kernel, recurrent, bias, dense, offset = one.get_weights()
    order = np.concatenate([np.array([2, 0, 1]) + 3 * g for g in range(4)])
    other.set_weights([kernel[:, order], recurrent[[2, 0, 1]][:, order], bias[order],
                       dense[[2, 0, 1]], offset])  # fmt: skip
    assert rnnsym.equal(one, other).verdict == "holds"
    assert rnnsym.equal(one, model(4)).verdict == "wrong"


def test_a_hostile_text_does_not_hold_it_up():
    sums = " + ".join(f"tanh(x_t W_{a}{b} + c_{a}{b})" for a in "abcde" for b in "abcdef")
    one = rnnsym.Cell.parse(f"h_t = {sums}")
    product = " ⊙ ".join(f"(x_t W_{a}{b} + c_{a}{b})" for a in "abc" for b in "abcdef")
    huge = rnnsym.Cell.parse(f"h_t = {product}")
    assert correspondence(huge, huge) is None  # too large to write out, and it says so soon
    assert correspondence(one, one, seconds=60) is not None  # thirty alike: in the first order


def test_on_the_command_line(command, tmp_path):
    text = "z_t = σ(x_t W_z + h_{t-1} U_z + b_z); h_t = (1 - z_t) ⊙ h_{t-1} + z_t ⊙ tanh(x_t W + b)"
    done = command("verify", "--equations", text)
    assert done.returncode == 0 and done.stdout.startswith("cell: consistent")
    done = command("verify", "--equations", text, "--as", "keras.layers.GRU", "--json")
    data = json.loads(done.stdout)
    assert done.returncode == 1 and data["reports"][0]["verdict"] == "wrong" and not data["passed"]
    done = command("equal", "lstm", "keras.layers.LSTM")
    assert done.returncode == 0 and ": verified" in done.stdout
    done = command("equal", "h_t = tanh(W x_t)", "h_t = tanh(x_t W)", "--convention", "column")
    assert done.returncode in (1, 2)
    done = command("equal", "lstm", "nonsense")
    assert done.returncode == 2 and len(done.stderr.splitlines()) <= 2


def test_catalogue_texts_are_what_they_print():
    for name in rnnsym.cells.names():
        cell = rnnsym.cells.get(name)
        assert rnnsym.equal("\n".join(equation_text(e) for e in cell.equations), cell)
