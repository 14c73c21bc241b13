"""Every form of print, in every notation, is read back; every format says the same."""

import ast
import itertools
import json
import os
import random
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import mpmath
import numpy as np
import pytest
from conftest import ROOT, need
from test_documents import compiled
from texts import TEXTS

import rnnsym
from rnnsym import notations
from rnnsym.checking.definitions import checked_definition, definition_error
from rnnsym.checking.printed import FORMS, TOLERANCE, Printing
from rnnsym.checking.samples import default_sizes, draw
from rnnsym.documents import FORMATS
from rnnsym.documents.rendering import WHAT
from rnnsym.ops.functions import ELEMENTWISE
from rnnsym.ops.rowfunctions import ROWS

#: Another seed makes other edits: RNNSYM_SEED=7 pytest tests/test_print.py
SEED = int(os.environ.get("RNNSYM_SEED", "20261124"))
ALL = {
    **{n: rnnsym.cells.get(n) for n in rnnsym.cells.names()},
    "network": rnnsym.stack(rnnsym.cells.get("simple_rnn"), rnnsym.cells.get("dense")),
}
PAPERS = {n: rnnsym.Cell.parse(t.plain, name=n) for n, t in TEXTS.items()}
ROWLIKE = rnnsym.Cell.parse(
    "y_t = softmax([h_{t-1}, x_t] W)\nz_t = layer_norm(y_t V + b, 0.01)\n"
    "h_t = sparsemax(z_t) ⊙ keras_sparsemax(z_t + b) - log_softmax(y_t V)",
    name="rows",
)


def choices():
    return itertools.product(notations.names(), ("row", "column"))


# --- forms and notations


@pytest.mark.parametrize("name", [*ALL, *PAPERS, "rows"])
def test_every_form_in_every_notation_is_read_back(name):
    cell = {**ALL, **PAPERS, "rows": ROWLIKE}[name]
    worst = 0.0
    for notation, convention in choices():
        try:
            printing = Printing(cell, notation=notation, convention=convention)
        except rnnsym.InputError as refusal:  # a cell of a paper may have a name that is taken
            assert name in PAPERS and "would both be called" in str(refusal)
            continue
        for form in FORMS:
            block, text = printing.block(form), printing.text_block(form)
            assert len(block.lines) == len(text.lines) > 0
            worst = max(worst, block.error, text.error)
    print(f"{name}: {worst:.1e}")
    assert worst <= TOLERANCE


@pytest.mark.parametrize("name", ["lstm", "rows", "delta_net"])
def test_signs_and_bold_are_read_back(name):
    cell = {**ALL, **PAPERS, "rows": ROWLIKE}[name]
    for bold, hadamard, transpose in itertools.product((True, False), "⊙∘", "⊤T"):
        printing = Printing(cell, bold=bold, hadamard=hadamard, transpose=transpose)
        for form in FORMS:
            printing.block(form)
            printing.text_block(form)
    tex = rnnsym.to_latex(ALL["lstm"], bold=True, hadamard="∘")
    assert r"\mathbf{h}_{t}" in tex and r"\circ" in tex and r"\odot" not in tex
    assert r"^{T}" in rnnsym.to_latex(rnnsym.backpropagate(ALL["dense"]), transpose="T")


def test_a_scalar_is_not_bold_and_an_element_neither():
    cell = rnnsym.Cell.parse("α: scalar\nh_t = α h_{t-1} + x_t W")
    tex = rnnsym.to_latex(cell, bold=True)
    assert r"\alpha" in tex and r"\boldsymbol" not in tex and r"\mathbf{W}" in tex
    assert r"\mathbf" not in rnnsym.to_latex(cell, bold=True, form="elements")


def test_the_notations_of_the_books_are_theirs():
    net = ALL["network"]
    assert r"h_{t} &= \tanh(x_{t} W_{x} + h_{t-1} W_{h} + b_{h})" in rnnsym.to_latex(
        net, notation="notebook"
    )
    assert r"\mathrm{recurrent\_kernel}" in rnnsym.to_latex(net, notation="keras")
    assert r"W_{hh} h_{t-1} + b_{ih} + b_{hh}" in rnnsym.to_latex(
        net, notation="pytorch", convention="column"
    )
    book = rnnsym.to_latex(net, notation="goodfellow", convention="column", bold=False)
    assert (
        r"h^{(t)} &= \tanh(U x^{(t)} + W h^{(t-1)} + b)" in book
        and r"o^{(t)} &= V h^{(t)} + c" in book
    )
    assert r"\mathbf{X}_{t} \mathbf{W}_{xh} + \mathbf{H}_{t-1} \mathbf{W}_{hh}" in rnnsym.to_latex(
        net, notation="d2l"
    )
    gru = rnnsym.to_latex(ALL["gru"], notation="pytorch")
    assert r"n_{t} &= \tanh(x_{t} W_{in} + b_{in} + r_{t} \odot (h_{t-1} W_{hn} + b_{hn}))" in gru


def test_elements_look_like_a_textbook():
    assert rnnsym.to_latex(ALL["simple_rnn"], form="elements") == (
        "\\begin{aligned}\nh_{t,j} &= \\tanh(\\sum_{k=1}^{D} x_{t,k} W_{k,j} + "
        "\\sum_{k=1}^{M} h_{t-1,k} U_{k,j} + b_{j})\n\\end{aligned}"
    )
    text = rnnsym.to_text(ROWLIKE, form="elements").splitlines()
    assert (
        text[0] == "u_{t,j} = [h_{t-1,j} if j ≤ M; x_{t,j-M} otherwise]" or "otherwise]" in text[0]
    )


@pytest.mark.parametrize("what", ["backpropagate", "jacobian", "rtrl"])
@pytest.mark.parametrize("name", ["simple_rnn", "lstm", "gru", "network"])
def test_derivations_in_every_notation_are_read_back(name, what):
    from rnnsym.documents.derivations import view
    from rnnsym.printing import chosen

    for notation in notations.names():
        # Its source's own convention; the other one is that of another notation.
        convention = notations.get(notation).convention
        cell, style = chosen(ALL[name], notation=notation, convention=convention)
        derivation = getattr(rnnsym, what)(cell)
        # The lines were checked by their own test; here, that each printed one is read as itself.
        report = rnnsym.Report(name, "", (rnnsym.Comparison("", True),), (), 0)
        part = {"backpropagate": "bptt"}.get(what, what)
        report = type(report)(name, "", report.comparisons, (rnnsym.Control("", True),), 0)
        assert view(derivation, part, style, True, report).groups


@pytest.mark.parametrize("name", [*ELEMENTWISE, *ROWS])
def test_definitions_are_read_back_and_their_check_has_power(name):
    tex, error = checked_definition(name, 1, SEED)
    right = tex.partition("&= ")[2].replace("\\\\\n&\\quad ", "")
    wrong = f"{right} + 0.001"
    assert definition_error(name, wrong, 1, SEED) > 1e-5 > error


def test_counts_shapes_and_costs_are_read_back():
    from rnnsym.checking.definitions import check_size

    cell = ALL["lstm"]
    view = rnnsym.document(cell, "md", what="count,cost,symbols")
    assert "4 M" in view
    with pytest.raises(rnnsym.CheckError, match="is not"):
        check_size(r"4 M (D + M)", cell.parameter_count)


def test_a_second_reading_tells_where_precedence_matters():
    from rnnsym.language.elements import Known, Table, read_scalar

    table = Table({"a": Known(False, 0), "b": Known(False, 0), "c": Known(False, 0)})
    assert read_scalar("a b / c", table) != read_scalar("a b / c", table, tight=True)
    assert read_scalar("(a b) / c", table) == read_scalar("(a b) / c", table, tight=True)


def test_a_printer_without_parentheses_is_caught(monkeypatch):
    from rnnsym.printing.formula import Spelling

    monkeypatch.setattr(Spelling, "parentheses", lambda self, pieces: pieces)
    for form in ("forward", "unrolled"):
        with pytest.raises(rnnsym.CheckError):
            Printing(ALL["gru"]).block(form)
    with pytest.raises(rnnsym.CheckError):
        Printing(ALL["gru"]).block("elements")


# --- edits


def edits(rng, text, tokens):
    """A text with one token exchanged, dropped or doubled."""
    pieces = re.findall(r"\\[A-Za-z]+|[A-Za-z]|\d+(?:\.\d+)?|\S", text)
    spans, at = [], 0
    for piece in pieces:
        at = text.index(piece, at)
        spans.append((at, at + len(piece)))
        at += len(piece)
    start, end = rng.choice(spans)
    new = rng.choice(["", text[start:end] * 2, rng.choice(tokens), rng.choice(pieces)])
    return f"{text[:start]} {new} {text[end:]}", text[start:end], new


@pytest.mark.parametrize("form", FORMS)
def test_every_edit_of_a_token_is_seen_or_harmless(form):
    """200 edits of what is printed, of all forms together; those that pass are tried on other numbers."""
    rng = random.Random(f"{SEED}{form}")
    seen = harmless = 0
    tokens = [
        "+",
        "-",
        "t",
        "t-1",
        "0",
        "1",
        "2",
        r"\tanh",
        r"\sigma",
        r"\odot",
        r"\top",
        "W",
        "U",
        "j",
        "k",
    ]
    cells = [*ALL.values(), ROWLIKE, *PAPERS.values()]
    while seen + harmless < 200 // len(FORMS):
        printing = Printing(
            rng.choice(cells),
            notation=rng.choice([n for n in notations.names() if n != "goodfellow"]),
            convention=rng.choice(["row", "column"]),
        )
        text = " \\\\\n".join(printing.lines(form))
        wrong, old, new = edits(rng, text, tokens)
        if wrong.split() == text.split():
            continue
        if rejected(printing, form, wrong):
            seen += 1
            continue
        harmless += 1
        for k in (1, 2):
            sizes = default_sizes(printing.original, 4)
            other = draw(printing.bare, SEED % 1000 + k, sizes, samples=1, steps=3)
            assert printing.error(form, wrong, other) <= 1e-12, (old, new, wrong)
    print(f"seed {SEED}, {form}: {seen} edits seen, {harmless} harmless")
    assert seen > harmless


def rejected(printing, form, text):
    try:
        return not printing.error(form, text) <= TOLERANCE
    except rnnsym.CheckError:
        return True


# --- renaming


@pytest.mark.parametrize(
    ("rename", "words"),
    [
        ({"W": "U"}, ["'W'", "'U'", "both"]),
        ({"W": "h"}, ["'h'", "'W'", "both"]),
        ({"b": "j"}, ["'b'", "'j'", "index"]),
        ({"b": "k"}, ["'k'", "index"]),
        ({"W": "D"}, ["'W'", "'D'", "size"]),
        ({"W": "t"}, ["'W'", "reserved"]),
        ({"W": "h_1"}, ["'W'", "'h_1'", "step 1"]),
        ({"W": "tanh"}, ["function"]),
        ({"W": "a b"}, ["no name"]),
        ({"Q": "A"}, ["no symbol 'Q'", "W"]),
    ],
)
def test_a_renaming_that_would_confuse_is_refused(rename, words):
    with pytest.raises(rnnsym.InputError) as error:
        rnnsym.to_latex(ALL["simple_rnn"], rename=rename)
    for word in words:
        assert word in str(error.value)


def test_names_may_be_exchanged():
    tex = rnnsym.to_latex(ALL["simple_rnn"], rename={"W": "U", "U": "W"})
    assert "x_{t} U + h_{t-1} W" in tex
    Printing(ALL["simple_rnn"], rename={"W": "U", "U": "W"}).block("elements")


def test_a_models_formulas_take_a_notation():
    import keras

    layer = keras.layers.LSTM(3)
    layer.build((2, 4, 2))
    tex = rnnsym.to_latex(rnnsym.from_keras(layer), notation="pytorch", convention="column")
    assert r"i_{t} &= \sigma(W_{ii} x_{t} + W_{hi} h_{t-1} + b_{ii} + b_{hi})" in tex


# --- formats


EVERYTHING = ",".join(WHAT)


@pytest.mark.parametrize("name", ["lstm", "rows"])
@pytest.mark.parametrize("to", FORMATS)
def test_every_format_of_everything(to, name, tmp_path):
    if to == "pdf":
        need("pdflatex")
    cell = {**ALL, "rows": ROWLIKE}[name]
    for notation in ("own", "goodfellow"):
        made = rnnsym.document(cell, to, what=EVERYTHING, notation=notation, convention="column")
        assert made[:5] == b"%PDF-" if to == "pdf" else len(made) > 500


@pytest.mark.parametrize("notation", notations.names())
@pytest.mark.parametrize("name", [*ALL, "rows", "delta_net", "concatenation"])
def test_everything_compiles_without_an_overfull_box(name, notation, tmp_path):
    pdflatex = need("pdflatex")
    cell = {**ALL, **PAPERS, "rows": ROWLIKE}[name]
    path = tmp_path / "cell.tex"
    derived = notation in ("own", "goodfellow")  # plain and wide; the others differ in names alone
    parts = [w for w in WHAT if w != "rtrl" and (derived or w not in ("bptt", "jacobian", "cost"))]
    path.write_text(rnnsym.document(cell, what=parts, notation=notation), encoding="utf-8")
    compiled(pdflatex, path)


def test_several_cells_give_one_document_with_a_table_of_contents(tmp_path, command):
    done = command("export", "simple_rnn", "lstm", "gru+dense", "-o", "all.tex")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "all.tex").read_text()
    assert r"\tableofcontents" in text and text.count(r"\section{") == 3
    compiled(need("pdflatex"), tmp_path / "all.tex")
    markdown = rnnsym.document([ALL["lstm"], ALL["gru"]], "md")
    assert markdown.count("](#cell-") == 2 and markdown.count('<a id="cell-') == 2


def test_a_fragment_is_for_input(tmp_path):
    (tmp_path / "part.tex").write_text(
        rnnsym.document(ALL["lstm"], fragment=True, what="forward,elements")
    )
    assert "documentclass" not in (tmp_path / "part.tex").read_text()
    (tmp_path / "whole.tex").write_text(
        "\\documentclass{article}\\usepackage{amsmath,amssymb,array,booktabs,longtable}\n"
        "\\begin{document}\\input{part}\\end{document}\n"
    )
    compiled(need("pdflatex"), tmp_path / "whole.tex")


def test_a_picture_compiles(tmp_path):
    (tmp_path / "part.tex").write_text(
        rnnsym.document(ALL["network"], "tikz", notation="goodfellow")
    )
    (tmp_path / "whole.tex").write_text(
        "\\documentclass{article}\\usepackage{tikz,amsmath}\\usetikzlibrary{arrows.meta}\n"
        "\\usepackage[margin=1cm]{geometry}\\begin{document}\\input{part}\\end{document}\n"
    )
    compiled(need("pdflatex"), tmp_path / "whole.tex")


@pytest.mark.parametrize("name", [*ALL, *PAPERS])
def test_a_picture_has_the_arrows_that_the_equations_have(name):
    from rnnsym.names import t

    cell = {**ALL, **PAPERS}[name]
    tree = ET.fromstring(rnnsym.document(cell, "svg", what="forward"))
    arrows = {(p.get("data-from"), p.get("data-to")) for p in tree.iter() if p.get("data-from")}
    wanted = {
        (f"{q.label}@{q.time}", f"{e.variable.name}@{t}")
        for e in cell.equations if e.time is not None for q in e.uses if q.time is not None
    }  # fmt: skip
    assert arrows == wanted
    assert (
        "currentColor" in ET.tostring(tree, encoding="unicode") and tree.find("{*}desc") is not None
    )


@pytest.mark.parametrize("name", [*ALL, "rows", "delta_net", "mgu"])
def test_a_script_needs_numpy_alone_and_checks_itself(name, tmp_path):
    cell = {**ALL, **PAPERS, "rows": ROWLIKE}[name]
    path = tmp_path / "cell.py"
    path.write_text(
        rnnsym.document(cell, "py", notation="keras", what="forward,bptt"), encoding="utf-8"
    )
    guard = ("import sys, runpy\nclass No:\n    def find_spec(self, name, *a):\n"
             "        if name.partition('.')[0] in ('rnnsym', 'sympy', 'mpmath', 'jinja2', 'keras'):\n"
             "            raise ImportError(name)\nsys.meta_path.insert(0, No())\n"
             "runpy.run_path('cell.py', run_name='__main__')\n")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", guard], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0 and "error" in done.stdout, done.stderr
    text = path.read_text(encoding="utf-8")
    # The check has power: with a sign changed in the function it fails.
    body = text.index("):\n", text.index("def " + cell.name))
    at = text.index(" + ", body) if " + " in text[body : text.index("CHECKS")] else None
    if at is not None and name != "rows":  # there a sign may not matter
        path.write_text(text[:at] + " - " + text[at + 3 :], encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "cell.py"], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 1 and "does not give" in done.stderr


def test_json_fits_its_schema():
    import jsonschema

    from rnnsym.documents.data import schema

    for cell in (*ALL.values(), ROWLIKE):
        data = json.loads(rnnsym.document(cell, "json", what=EVERYTHING))
        jsonschema.validate(data, schema(), cls=jsonschema.Draft202012Validator)
        (one,) = data["cells"]
        assert one["equations"]["elements"]["latex"] and one["report"]["verdict"] == "consistent"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**data, "cells": []}, schema())


def run_notebook(text, folder):
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.reads(text, as_version=4)
    nbformat.validate(book)
    NotebookClient(
        book, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return "".join(o.get("text", "") for c in book.cells for o in c.get("outputs", []))


#: What Jupyter's own libraries warn of is not ours to mend.
jupyter = pytest.mark.filterwarnings("ignore")


@jupyter
def test_a_notebook_runs_top_to_bottom(tmp_path):
    net = rnnsym.stack(rnnsym.cells.get("simple_rnn"), rnnsym.cells.get("dense"), D=3, M=5, K=3)
    printed = run_notebook(rnnsym.document(net, "ipynb"), tmp_path)
    assert re.search(r"simple_rnn_dense: error \S+, tolerance 1e-12", printed)
    assert "verified (against keras.layers.SimpleRNN; keras.layers.Dense" in printed


@jupyter
def test_the_notebook_of_the_project_runs_top_to_bottom(tmp_path):
    from rnnsym.documents.notebooks import from_script

    text = from_script((ROOT / "docs" / "explore_rnn.py").read_text(encoding="utf-8"))
    printed = run_notebook(text, tmp_path)
    found = re.search(r"the same in float64: (\S+)", printed)
    assert found and float(found.group(1)) <= 1e-14


def test_mathml_says_what_the_latex_says():
    from rnnsym.documents.mathml import to_mathml, to_tex, tokens
    from rnnsym.language.tokens import DERIVATION

    page = rnnsym.document(
        ALL["lstm"], "mathml", what="symbols,count,forward,elements,unrolled,bptt"
    )
    assert page.count("<math") > 40 and "<script" not in page
    xml = to_mathml(r"h_{t} &= \tanh(x_{t} W + h_{t-1} U^{\top})", DERIVATION)
    assert tokens(to_tex(ET.fromstring(xml)), DERIVATION) == tokens(
        r"h_{t} = \tanh(x_{t} W + h_{t-1} U^{\top})", DERIVATION
    )
    wrong = xml.replace("&#x0002B;", "&#x02212;", 1)
    assert wrong != xml
    assert tokens(to_tex(ET.fromstring(wrong)), DERIVATION) != tokens(
        to_tex(ET.fromstring(xml)), DERIVATION
    )


def test_text_fits_a_terminal_and_moves_no_cursor():
    hostile = rnnsym.Cell.parse("# A \x1b[31mred\x07 title\nh_t = tanh(x_t W)")
    text = rnnsym.document(hostile, "txt")
    assert "\x1b" not in text and "\x07" not in text
    script = rnnsym.document(rnnsym.Cell.parse('# """ + exit() \\\nh_t = tanh(x_t W)'), "py")
    called = {
        n.func.id
        for n in ast.walk(ast.parse(script))
        if isinstance(n, ast.Call) and hasattr(n.func, "id")
    }
    assert "exit" not in called and "print" in called


# --- the worked example


@pytest.mark.parametrize("name", [*ALL, *PAPERS])
@pytest.mark.parametrize("convention", ["row", "column"])
def test_an_example_can_be_followed_by_hand(name, convention):
    """The numbers of its first line, computed here from what it says goes in."""
    from rnnsym.documents.example import worked_example
    from rnnsym.printing import chosen

    cell, style = chosen({**ALL, **PAPERS}[name], convention=convention)
    example = worked_example(cell, 2, style)
    assert example.error < 0.01 and len(example.steps) >= 2
    assert all("approx" in line for _, lines in example.steps for line in lines if "tanh" in line)
    back = example.backward
    assert back.error < 0.01 and [n for n, _ in back.steps] == [2, 1, 0]


def test_the_numbers_of_an_example_are_those_of_numpy():
    from rnnsym.documents.example import worked_example
    from rnnsym.printing import Style

    example = worked_example(ALL["simple_rnn"], 1, Style())
    given = {}
    for line in [*example.plain_given, example.plain_steps[0][1][0]]:
        name, _, rows = line.partition(" = ")
        given[name] = np.array(
            [[float(v) for v in r.split(",")] for r in rows.strip("[]").split(";")]
        )
    expected = np.tanh(given["x_1"] @ given["W"] + given["h_0"] @ given["U"] + given["b"])
    last = example.plain_steps[0][1][-1].partition("≈ ")[2]
    found = np.array([[float(v) for v in last.strip("[]").split(",")]])
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("convention", ["row", "column"])
def test_the_backward_numbers_of_an_example_are_those_of_the_gradient(convention):
    from rnnsym.documents.example import worked_example
    from rnnsym.printing import chosen

    cell, style = chosen(ALL["simple_rnn"], convention=convention)
    example = worked_example(cell, 2, style)
    back = example.backward
    given, found = {}, {}
    steps = [line for _, lines in (*example.plain_steps, *back.plain_steps) for line in lines]
    for line in (*example.plain_given, *back.plain_given, *steps):
        name, _, rest = line.partition(" = ")
        rows = rest.rpartition("≈ ")[2].strip("[]")
        value = np.array([[float(v) for v in r.split(",")] for r in rows.split(";")])
        (found if name.startswith("∂L") else given)[name] = (
            value.T if convention == "column" else value
        )
    x = np.stack([given["x_1"], given["x_2"]], axis=1)
    slopes = np.stack([given["∂ℓ_1/∂h_1"], given["∂ℓ_2/∂h_2"]], axis=1)
    _, wanted = rnnsym.lambdify(ALL["simple_rnn"], gradient=True)(
        x, slopes, initial_state={"h": given["h_0"]}, W=given["W"], U=given["U"], b=given["b"]
    )
    assert len(found) == 6 and back.error < 1e-3
    for name, value in found.items():
        key = name.removeprefix("∂L/∂")
        right = wanted["x"][:, int(key[-1]) - 1] if key[0] == "x" else wanted[key]
        assert np.abs(value - np.reshape(right, value.shape)).max() < 1e-3, name


def test_a_wrong_number_in_an_example_is_caught(monkeypatch):
    from rnnsym.documents import example

    monkeypatch.setattr(example, "_text", lambda v: f"{float(v) + 0.01:.4f}")
    with pytest.raises(rnnsym.CheckError, match="another result"):
        rnnsym.document(ALL["simple_rnn"], "md", what="example")


# --- the command line


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lstm", "--to", "docx"], ["docx", *FORMATS]),
        (["lstm", "--what", "forwards"], ["forwards", "elements", "matrices"]),
        (["lstm", "--notation", "pytorche"], ["pytorche", *notations.names()]),
        (["lstm", "--rename", "W_i"], ["OLD=NEW", "W_i"]),
        (["lstm", "--rename", "W_i=W_f"], ["'W_i'", "'W_f'"]),
        (["simple_rnn", "--rename", "b=j"], ["'b'", "'j'", "index"]),
        (["lstm", "--what", "matrices", "--size", "M=256"], ["8 × 8", "256"]),
        (["lstm", "--what", "example", "--size", "M=256"], ["8 × 8", "256"]),
        (["lstm", "--convention", "diagonal"], ["row, column"]),
        (["lstm", "--hadamard", "x"], ["⊙", "∘"]),
        (["lstm", "gru", "--to", "svg"], ["one cell"]),
        (["lstm", "--to", "svg", "--what", "elements"], ["forward", "unrolled"]),
        (["lstm", "--to", "md", "--fragment"], ["fragment", "md"]),
        (["lstm", "-o", "no/such/folder.tex"], ["no folder"]),
        (["lstm", "-o", "."], ["folder"]),
    ],
)
def test_wrong_input_is_told_in_one_line(command, arguments, words, tmp_path):
    done = command("export", *arguments)
    assert done.returncode == 2 and not done.stdout
    (line,) = done.stderr.strip().splitlines()
    for word in words:
        assert word in line
    assert not list(tmp_path.iterdir())


def test_what_is_there_is_kept_without_force(command, tmp_path):
    path = tmp_path / "lstm.md"
    path.write_text("mine")
    done = command("export", "lstm", "--to", "md", "-o", "lstm.md")
    assert done.returncode == 2 and "--force" in done.stderr and path.read_text() == "mine"
    done = command("export", "lstm", "--to", "md", "-o", "lstm.md", "--force")
    assert done.returncode == 0 and "Long short-term memory" in path.read_text()


def test_the_command_takes_every_choice(command):
    done = command("export", "simple_rnn+dense", "--to", "txt", "--what", "forward,elements,matrices,example",
                   "--convention", "column", "--rename", "W=A", "--hadamard", "∘", "--transpose", "T", "--bold")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "h_t = tanh(A x_t + U h_{t-1} + b)" in done.stdout and "≈" in done.stdout


def test_a_notation_is_one_file():
    text = "# Mine\n# Source: nowhere\n\nW = A_in\nh_t = s_t\nA_in: \\mathbf{A}_{\\mathrm{in}}\ntime: above\n"
    found = notations.read_notation(text, "mine")
    assert found.names("W", False) == ("A_in",) and found.names("h", True) == ("s",)
    assert found.names("h", False) == ("h",) and found.look.raised
    for wrong in ("W -> A", "W = A = B", "bold: maybe", "x_t = X", "W = A; B"):
        with pytest.raises(rnnsym.InputError, match="line 1"):
            notations.read_notation(wrong)


def test_fifty_digits_are_kept():
    printing = Printing(ALL["simple_rnn"])
    text = "\n".join(printing.lines("forward"))
    off = text.replace("+ b", "+ 1.00000000000000000000001 b")
    assert 1e-24 < printing.error("forward", off) < 1e-22
    with mpmath.workdps(50):
        assert isinstance(printing.expected.flat[0], mpmath.mpf)


# --- what readers found


@pytest.mark.parametrize("convention", ["row", "column"])
@pytest.mark.parametrize("sizes", [{"M": 1}, {"D": 1, "M": 1}, {"D": 1}])
def test_a_size_of_one_has_every_form(sizes, convention):
    cell = ALL["lstm"].with_sizes(**sizes)
    for to in ("tex", "txt", "mathml", "json"):
        assert rnnsym.document(
            cell, to, what="forward,elements,unrolled,matrices,example", convention=convention
        )
    net = rnnsym.stack(rnnsym.cells.get("simple_rnn"), rnnsym.cells.get("dense"), K=1)
    Printing(net, convention=convention).block("elements")


def test_a_definition_has_the_parameter_that_the_cell_gives():
    text = rnnsym.document(rnnsym.Cell.parse("h_t = leaky_relu(x_t W, 0.3) + elu(x_t V)"), "md")
    assert r"\operatorname{LeakyReLU}(z, \alpha)" in text and r"\alpha z" in text
    assert r"\operatorname{ELU}(z)" in text


def test_mathml_has_powers_and_transposes_of_matrices():
    for text in ("h_t = tanh(x_t W)^2", "S_t = S_{t-1} + k_t^⊤ v_t\ny_t = q_t S_t"):
        assert "<math" in rnnsym.document(
            rnnsym.Cell.parse(text), "mathml", what="example,matrices,bptt"
        )


def test_mathml_is_compared_with_what_belongs_together():
    from rnnsym.documents.mathml import tokens

    for one, other in ((r"y = \frac{a}{b} c", r"y = \frac{a}{b c}"), ("y = a^{2} b", "y = a^{2 b}"),
                       (r"y = \sqrt{a} b", r"y = \sqrt{a b}")):  # fmt: skip
        assert tokens(one, "elements") != tokens(other, "elements")


def test_a_renaming_of_an_equation_is_checked_too():
    equation = ALL["simple_rnn"].equations[0]
    for rename in ({"W": "U"}, {"W": "t"}, {"W": "%$}"}, {"Q": "A"}, {"W": "tanh"}):
        with pytest.raises(rnnsym.InputError):
            rnnsym.to_latex(equation, rename=rename)
    assert rnnsym.to_latex(equation, rename={"W": "A"}) == r"h_{t} = \tanh(x_{t} A + h_{t-1} U + b)"


def test_spellings_of_one_name_and_elements_of_a_matrix_are_told_apart():
    cell = rnnsym.Cell.parse("h_t = tanh(x_t W_tilde_1 + h_{t-1} U + b)")
    with pytest.raises(rnnsym.InputError, match="both be called"):
        rnnsym.to_latex(cell, rename={"U": "W_1_tilde"})
    with pytest.raises(rnnsym.InputError, match="an element of 'W'"):
        rnnsym.to_latex(ALL["simple_rnn"], rename={"b": "W_1"})
    both = rnnsym.Cell.parse("h_t = tanh(x_t W + h_{t-1} U + W_1)")
    with pytest.raises(rnnsym.InputError, match="rename one"):
        rnnsym.document(both, what="matrices")


@pytest.mark.parametrize("label", ["h", "x", "W", "bar:a", "loss:h", "grad:W"])
@pytest.mark.parametrize("wrong", ["tex", "text", "symbols"])
def test_every_part_of_an_example_is_checked(wrong, label, monkeypatch):
    from rnnsym.documents import example

    texts = example._Texts
    if wrong == "symbols":
        from rnnsym.printing.formula import Piece

        monkeypatch.setattr(example.Tex, "head", lambda self, tex, name: Piece(r"\exp", 3))
    else:
        value = texts.value
        when = None if label in ("W", "grad:W") else 1  # h_1 is a result, x_1 goes in

        def changed(self, q):
            return tuple(
                v.replace("0.", "7.") if (kind, q.label, q.time) == (wrong, label, when) else v
                for kind, v in zip(("tex", "text"), value(self, q))
            )

        monkeypatch.setattr(texts, "value", changed)
    with pytest.raises(rnnsym.CheckError):
        rnnsym.document(ALL["simple_rnn"], "md", what="example")


def test_the_text_of_late_steps_is_read_back(monkeypatch):
    from rnnsym.checking import printed

    right = printed.equation_text
    monkeypatch.setattr(
        printed, "equation_text", lambda e, s: right(e, s).replace("h_4 = tanh", "h_4 = exp")
    )
    with pytest.raises(rnnsym.CheckError, match="other equations"):
        rnnsym.document(ALL["simple_rnn"], "txt", what="unrolled", steps=5)


@pytest.mark.parametrize("to", FORMATS)
def test_a_cell_without_an_input_is_refused_in_words(to):
    with pytest.raises(rnnsym.InputError, match="has no input"):
        rnnsym.document(rnnsym.Cell.parse("h_t = tanh(h_{t-1} U)"), to)


def test_numbers_side_by_side_stay_two_numbers():
    text = rnnsym.document(ALL["simple_rnn"].with_sizes(D=1, M=1), what="example", steps=1)
    assert not re.search(
        r"\d \d", text.partition("With numbers")[2].partition("Each line")[0].replace("Step 1", "")
    )
    assert r"\cdot" in text


def test_a_small_number_is_written_out():
    cell = rnnsym.Cell.parse("h_t = tanh(layer_norm(x_t W, 1e-5)) + 1e-3 ⊙ h_{t-1}")
    for to in ("tex", "txt", "mathml"):
        text = rnnsym.document(cell, to, what="forward,elements")
        assert "0.00001" in text and "1e-5" not in text


@pytest.mark.parametrize("letter", ["p", "w", "e", "β", "p_i"])
def test_a_parameter_before_a_bracket_has_its_elements(letter):
    cell = rnnsym.Cell.parse(f"h_t = tanh({letter} ⊙ (x_t W) + {letter} ⊙ (h_{{t-1}} + 1))")
    Printing(cell).block("elements")
    Printing(cell).text_block("elements")


@pytest.mark.parametrize("to", ["tex", "txt"])
def test_two_hundred_steps_of_an_lstm_are_read_back(to):
    text = rnnsym.document(ALL["lstm"], to, what="unrolled", steps=200)
    assert "200" in text


def test_a_symbol_may_be_renamed_as_it_is_printed():
    tex = rnnsym.to_latex(
        ALL["lstm"], rename={"W_{i}": "W_{xi}", "h_t": "s_t", "b_i": "β_i", "c": r"\tilde{c}"}
    )
    assert r"x_{t} W_{xi} + s_{t-1} U_{i} + \beta_{i}" in tex and r"\tilde{c}_{t}" in tex


def test_a_renaming_goes_where_it_fits():
    text = rnnsym.document([ALL["gru"], ALL["lstm"]], "md", rename={"W_i": "A"}, what="forward")
    assert "x_{t} A" in text
    with pytest.raises(rnnsym.InputError, match="no symbol 'Q'"):
        rnnsym.document([ALL["gru"], ALL["lstm"]], "md", rename={"Q": "A"}, what="forward")


@pytest.mark.parametrize(
    "choices",
    [{"rename": {"h": 1}}, {"rename": "h=s"}, {"notation": ["own"]}, {"transpose": []}, {"bold": "yes"},
     {"what": None}, {"what": ("forward", 3)}, {"report": 5}, {"colour": "red"}],
)  # fmt: skip
def test_a_choice_of_another_type_is_refused(choices):
    with pytest.raises(rnnsym.InputError):
        rnnsym.document(ALL["simple_rnn"], **choices)


@pytest.mark.parametrize("to", [f for f in FORMATS if f != "pdf"])
def test_odd_characters_in_a_title_are_held(to):
    from dataclasses import replace

    cell = replace(ALL["simple_rnn"], title="a\x00b\x0bc\ud800d ]]> <b>")
    text = rnnsym.document(cell, to)
    text.encode("utf-8")
    if to == "svg":
        ET.fromstring(text)


def test_every_defined_quantity_is_checked_and_not_the_output_alone():
    cell = rnnsym.Cell.parse("a_t = x_t V + tanh(x_t W)\nh_t = tanh(x_t Q)\noutput: h_t")
    printing = Printing(cell)
    printing.block("elements")
    text = "\n".join(printing.lines("elements")).replace(
        r"\tanh(\sum_{k=1}^{D} x_{t,k} W", r"\exp(\sum_{k=1}^{D} x_{t,k} W"
    )
    with pytest.raises(rnnsym.CheckError, match="other equations"):
        printing._compare("elements", text, True)


def test_the_help_names_every_format_part_and_notation(command):
    text = " ".join(command("export", "--help").stdout.split())
    for name in (*FORMATS, *WHAT, *notations.names()):
        assert re.search(rf"\b{name}\b", text), name


def test_a_quotient_that_rests_on_precedence_is_caught(monkeypatch):
    """a b / c reads right as it is, and otherwise where / binds tighter."""
    from rnnsym.printing.elements import ElementPlain
    from rnnsym.printing.formula import TERM, Piece

    cell = rnnsym.Cell.parse("h_t = (x_t ⊙ h_{t-1}) / (2 + x_t ⊙ x_t)")
    Printing(cell).text_block("elements")

    def divide(self, node):
        top, bottom = self.pieces(node.above, TERM), self.pieces(node.below, TERM + 1)
        return [*top, Piece(" / ", 3, 1), *bottom], TERM

    monkeypatch.setattr(ElementPlain, "divide", divide)
    with pytest.raises(rnnsym.CheckError, match="binds tighter"):
        Printing(cell).text_block("elements")


# --- whose symbols, and where the time stands


OWN = r"h^{(t)} = \tanh(U x^{(t)} + W h^{(t-1)} + b)"


def test_a_notation_keeps_a_reader_s_own_symbols_unless_asked():
    cell = rnnsym.Cell.parse(OWN, convention="column")
    kept = rnnsym.to_text(cell, notation="goodfellow", bold=False)
    assert kept == "h^{(t)} = tanh(U x^{(t)} + W h^{(t-1)} + b)"
    asked = rnnsym.to_text(cell, notation="goodfellow", bold=False, names="notation")
    assert asked == "h^{(t)} = tanh(W x^{(t)} + U h^{(t-1)} + b)"
    own = rnnsym.Cell.parse("c_t = tanh(x_t A + c_{t-1} B + W_f)")
    for notation in notations.names():
        assert rnnsym.to_latex(own, notation=notation, bold=False).count("A") == 1
    derived = rnnsym.to_latex(rnnsym.backpropagate(cell), notation="pytorch")
    assert r"\partial U" in derived and "_{ih}" not in derived


def test_a_notation_has_the_names_of_the_catalogue_and_of_what_is_made_of_it():
    gru = ALL["gru"]
    typed = rnnsym.Cell.parse("h_t = tanh(x_t W + h_{t-1} U + b)")  # as it stands in the catalogue
    for form in ("row", "column"):
        kept = rnnsym.to_text(typed, notation="goodfellow", bold=False, convention=form)
        assert kept.count("W") == kept.count("U") == 1 and (
            "x^{(t)} W" in kept or "W x^{(t)}" in kept
        )
    assert "W_{ih}" in rnnsym.to_latex(typed, notation="pytorch", names="notation")
    for subject in (ALL["network"], ALL["simple_rnn"].with_sizes(M=4), rnnsym.backpropagate(gru)):
        assert "W_{i" in rnnsym.to_latex(subject, notation="pytorch")
        assert "W_{i" not in rnnsym.to_latex(subject, notation="pytorch", names="own")
    mixed = rnnsym.stack(rnnsym.Cell.parse("h_t = relu(x_t W + h_{t-1} U)"), ALL["dense"])
    assert "W_{ih}" not in rnnsym.to_latex(mixed, notation="pytorch")
    with pytest.raises(rnnsym.InputError, match="names are own or notation"):
        rnnsym.to_latex(gru, notation="pytorch", names="theirs")


@pytest.mark.parametrize(
    "text",
    [OWN, r"h^{(t)} = \tanh(x^{(t)} W + h^{(t-1)} U + b)", "h^(t) = tanh(x^(t) W + h^(t-1) U + b)",
     "h^{(t)} = tanh(x^{(t)} W + h^{(t-1)} U + b)"],
)  # fmt: skip
def test_times_typed_above_are_printed_above_and_read_back(text):
    cell = rnnsym.Cell.parse(text, convention="column" if text == OWN else "row")
    for subject in (
        cell,
        rnnsym.unroll(cell, 2),
        rnnsym.backpropagate(cell),
        rnnsym.jacobian(cell),
    ):
        for printed in (rnnsym.to_latex(subject), rnnsym.to_text(subject)):
            assert "^{(" in printed and not re.search(r"(?<!sum)(?<!∑)_\{?t", printed)
    again = rnnsym.Cell.parse(rnnsym.to_text(cell, form="cell"))
    assert again == cell and again.raised
    printing = Printing(cell)
    for form in FORMS:
        assert max(printing.block(form).error, printing.text_block(form).error) <= TOLERANCE
    below = rnnsym.to_latex(cell, notation="pytorch", names="own")
    assert "h_{t}" in below and "^{(" not in below  # a notation says where the time stands


def test_times_typed_below_or_both_ways_are_printed_below():
    for text in ("h_t = tanh(x_t W + h_{t-1} U)", "h_t = tanh(x^(t) W + h^(t-1) U)"):
        assert not rnnsym.Cell.parse(text).raised
        assert rnnsym.to_text(rnnsym.Cell.parse(text)) == "h_t = tanh(x_t W + h_{t-1} U)"


def test_mathml_of_slopes_is_read_back():
    for text in (
        "a: scalar\ny_t = celu(x_t W, a)",
        "h_t = gelu(x_t W + h_{t-1} U)",
        "h_t = mish(x_t W)",
    ):
        page = rnnsym.document(rnnsym.Cell.parse(text), "mathml", what="bptt,rtrl")
        assert "′" in page or "&#x02032;" in page


def test_an_identity_of_a_number_is_read_again():
    """In the form of matrices sizes are numbers: I_2 is the identity, unless it is a name."""
    cell = rnnsym.parse("h_t = tanh(x_t V (I + W W^T) + h_{t-1} U)")
    for what in ("matrices", "example"):
        assert r"\mathbf{I}_{2}" in rnnsym.document(cell, "md", what=what)
    named = rnnsym.parse("I_2: parameter\nh_t = tanh(x_t I_2 + h_{t-1} U)")
    assert rnnsym.read_back(named) and "I_2" in named
