"""Bad input gets one line that says where and what was expected."""

import resource
import subprocess
import sys

import pytest

import rnnsym

# text, the characters the message points at, words that it must hold
REFUSED = [
    ("h_t = foo(x_t W)", "foo", ["unknown function 'foo'"]),
    ("h_t = tahn(x_t W)", "tahn", ["did you mean tanh?"]),
    (r"h_t = \operatorname{foo}(x_t W)", r"\operatorname{foo}", ["unknown function 'foo'"]),
    (r"h_t = \phi(x_t W)", r"\phi", ["unknown function 'phi'"]),
    ("h_t = σ_g(x_t W)", "σ_g", ["unknown function 'sigma_g'"]),
    ("h_t = tanh x_t W", "tanh", ["parentheses"]),
    (r"h_t = \tanh x_t W", r"\tanh", ["parentheses"]),
    ("h_t = tanh(W x_t + U h_{t-1} + b)", "W", ["1 × 1", "column"]),
    ("h_t = tanh(x_t W + h_{t-1} U + b)", None, ["row"]),
    ("h_t = γ h_{t-1} + x_t W", "γ", ["declare", "`gamma: scalar`"]),
    ("z_t = z_{t-1} + dt (x_t W - γ z_{t-1})", "dt", ["`dt, gamma: scalar`"]),
    ("S_t = S_{t-1} + β_t k_t^⊤ v_t", "β_t k_t^⊤", ["`beta_t: scalar`"]),
    ("h_t = sum(x_t)", "h_t", ["`h_t: scalar`"]),
    ("h_t = x_t W ⊙ h_{t-1} U", "x_t W", ["parentheses"]),
    ("h_t = r_t ⊙ h_{t-1} U", "h_{t-1} U", ["parentheses"]),
    ("h_t = x_t W / 2", "x_t W", ["parentheses"]),
    ("h_t = (q_t k_t^⊤) v_t", "(q_t k_t^⊤)", ["1 × 1", "⊙"]),
    ("y_t = h_{t-1} V", "h_{t-1}", ["no equation defines 'h_t'"]),
    ("h_t = x_t W\nh_t = x_t", "h_t", ["defined twice", "line 2"]),
    ("a_t = b_t\nb_t = a_t + x_t", "a_t", ["cycle", "a needs b needs a"]),
    ("h_t = x_t W + x_t U ⊙ 2", "x_t U", ["parentheses"]),
    ("h_t = x_t W + h_{t-1} + x_t", None, None),
    ("S_t = k_t^⊤ v_t\nh_t = x_t + S_t", "S_t", ["cannot be added", "is 1 × I", "is D × F"]),
    ("W: 3 × 4\nh_t = x_t W\nU: 3 × 5\ny_t = h_t U", "U", ["columns", "rows"]),
    ("h_{t+1} = x_t", "h_{t+1}", ["later step"]),
    ("h_t = h_{t-2} + x_t", "h_{t-2}", ["more than one step"]),
    ("h_{t-1} = x_t", "h_{t-1}", ["left side"]),
    ("", "", ["no equation"]),
    ("# only a comment", "", ["no equation"]),
    ("dt: scalar", "", ["no equation"]),
    ("h_t = x_t h", "h", None),
    ("h_t = h + x_t", "h_t", ["with and without a time index"]),
    ("h_tm1 = x_t", "h_tm1", ["time index"]),
    ("h_t = x_t W_T", "W_T", ["time index"]),
    ("t = x_t", "t", ["reserved"]),
    ("h_t = x_t T", "T", ["reserved"]),
    ("h_t = tanh(x_t W) + h_1", "h_1", ["step 1"]),
    ("2h = x_t", "2", None),
    ("h_t = x_t $ W", "$", ["not in the language"]),
    (r"h_t = \input{/etc/passwd}", r"\input", ["not in the language"]),
    (r"h_t = \def\x{1} x_t", r"\def", ["not in the language"]),
    ("h_t = __import__('os')", "_", ["not in the language"]),
    ("h_t = x_t.W", ".", ["not in the language"]),
    ("h_t = x_t W_{a b}", "W_{a b}", ["subscript"]),
    ("h_t = xж_t", "xж_t", ["no letter of the language"]),
    ("h_t = (x_t W", "(", ["never closed"]),
    ("h_t = x_t W)", ")", ["closes nothing"]),
    ("h_t = [x_t, h_{t-1})", ")", ["does not close"]),
    ("h_t = x_t +", "", ["too early"]),
    ("h_t = x_t + * W", "*", ["unexpected"]),
    ("h_t = x_t × W", "×", ["shapes"]),
    ("h_t = a = b", "=", ["second '='"]),
    ("tanh(h_t) = x_t", "tanh", ["function"]),
    ("h_t", "h_t", ["no equation"]),
    ("foo: scalar\nh_t = x_t", "foo", ["never used"]),
    ("x_t: banana\nh_t = x_t", "banana", ["no kind"]),
    ("x: scalar\nx: scalar\nh_t = x_t", "x", ["twice"]),
    ("output: z_t\nh_t = x_t", "output", ["no symbol"]),
    ("h_t = W²  x_t", None, None),
    ("h_t = x_t W^2", "W^2", ["power of a matrix"]),
    ("h_t = e^{x_t}", "e", ["exp"]),
    ("h_t = max(x_t)", "max(x_t)", ["2 argument"]),
    ("h_t = softmax(x_t, x_t, x_t)", "softmax(x_t, x_t, x_t)", ["argument"]),
    ("h_t = layer_norm(x_t, x_t)", "x_t", ["number"]),
    ("h_t = 1e999 x_t", "1e999", ["1e300"]),
    ("A = x_t", "x_t", ["time index"]),
    ("K = 2\nb_t = x_t", None, None),
    ("h_t = " + "a" * 40 + " x_t", "a" * 40, ["longer than"]),
    ("h_t = [x_t, S_t] W\nS_t = k_t^⊤ v_t", "S_t", ["joined"]),
    ("S_t = k_t^⊤ v_t\nh_t = diag(S_t)", "diag(S_t)", ["vector"]),
    ("h_t = x_t / 2 W", "2 W", ["parentheses"]),
    ("h_t = - - x_t", "-", ["parentheses"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "pointed", "words"), [r for r in REFUSED if r[2] is not None], ids=lambda v: repr(v)
)
def test_refused_in_one_line(text, pointed, words):
    convention = "column" if pointed is None else "row"
    with pytest.raises(rnnsym.LanguageError) as caught:
        rnnsym.Cell.parse(text, convention=convention)
    message = str(caught.value)
    assert "\n" not in message and message.startswith("line ")
    for word in words:
        assert word in message
    if pointed:
        assert f"»{pointed}«" in message


@pytest.mark.parametrize("text", [r[0] for r in REFUSED if r[2] is None])
def test_a_fault_without_a_fixed_message_is_one_line_too(text):
    try:
        rnnsym.Cell.parse(text)
    except rnnsym.LanguageError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("convention", ["diagonal", "", 7])
def test_an_unknown_convention_names_those_that_exist(convention):
    with pytest.raises(rnnsym.InputError, match="row, column"):
        rnnsym.Cell.parse("h_t = x_t W", convention=convention)


@pytest.mark.parametrize("text", [None, 3, b"h_t = x_t"])
def test_only_text_is_read(text):
    with pytest.raises(rnnsym.LanguageError, match="must be text"):
        rnnsym.Cell.parse(text)


HOSTILE = {
    "parentheses": "h_t = " + "(" * 10_000 + "x_t" + ")" * 10_000,
    "megabyte": "h_t = " + "x_t + " * 200_000 + "x_t",
    "tokens": "h_t = " + "+".join(["x_t"] * 3000),
    "nested": "h_t = " + "tanh(" * 150 + "x_t" + ")" * 150,
    "braces": "h_t = \\tanh(x_{" + "{" * 150 + "t" + "}" * 150 + "})",
    "powers": "h_t = x_t" + "^2" * 500,
    "transposes": "h_t = x_t" + "^T" * 500,
    "minus": "h_t = " + "-" * 1500 + "x_t",
    "equations": "\n".join(f"a{i}_t = x_t" for i in range(1500)),
    "doubling": "a_t = x_t\n" + "\n".join(
        f"b{i}_t = {f'b{i - 1}' if i else 'a'}_t + {f'b{i - 1}' if i else 'a'}_t" for i in range(180)
    ),
}  # fmt: skip
ACCEPTED = {"doubling"}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_texts_are_refused_before_they_cost_anything(name):
    """In a process of its own with 300 MB of address space beyond the import."""
    program = f"""
import resource, sys
import rnnsym; rnnsym.parse
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
text = sys.stdin.read()
try:
    rnnsym.Cell.parse(text)
    print("accepted")
except rnnsym.LanguageError as error:
    assert chr(10) not in str(error) and len(str(error)) < 400, str(error)
    print("refused")
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
assert grown <= 300, grown
assert resource.getrusage(resource.RUSAGE_SELF).ru_utime < {30 if name in ACCEPTED else 10}
"""
    done = subprocess.run(
        [sys.executable, "-c", program], input=HOSTILE[name], capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ("accepted" if name in ACCEPTED else "refused")


def test_limits_act_before_parsing(monkeypatch):
    from rnnsym.language import statements as parser

    def never(*_):
        raise AssertionError("the parser was reached")

    monkeypatch.setattr(parser, "parse_statement", never)
    for name in ("parentheses", "megabyte", "tokens", "nested"):
        with pytest.raises(rnnsym.LanguageError):
            rnnsym.Cell.parse(HOSTILE[name])


def test_resource_module_is_what_we_measure_with():
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
