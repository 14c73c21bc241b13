"""Documents: what stands in them is read back; they compile; nothing from a text is markup."""

import re
import subprocess
from pathlib import Path

import pytest
from conftest import need
from texts import TEXTS

import rnnsym
from rnnsym.language import read

LONG = {
    "names": "h_t = tanh(x_t W_abcdefgh + h_{t-1} U_abcdefgh + b_abcdefgh + tanh(x_t W_second "
    "+ h_{t-1} U_second + b_second) ⊙ tanh(x_t W_third + h_{t-1} U_third + x_t W_fourth))",
    "factors": "h_t = x_t " + " ".join(f"W_{c}" for c in "abcdefghijklmnopqrsuvwxyz"),
    "fraction": "h_t = (x_t W_abc + x_t V_abc + x_t U_abc + x_t R_abc + x_t Q_abc) / (1 + "
    "exp(x_t W_abc) + exp(x_t V_abc) + exp(x_t U_abc) + exp(x_t R_abc)) + h_{t-1}",
    "functions": "h_t = " + " + ".join(f"{f}(x_t W)" for f in (
        "leaky_relu", "elu", "selu", "celu", "gelu", "gelu_tanh", "silu", "softplus", "softsign",
        "mish", "hard_sigmoid", "hard_tanh", "hard_silu", "log_sigmoid", "relu6", "step", "softmax",
        "layer_norm")),
    "sums": "h_t = " + " + ".join(f"x_t W_{a}{b}" for a in "abcdefg" for b in "abcdefg"),
}  # fmt: skip
HOSTILE = (
    "# A \\input{/etc/passwd} $x$ {{ 7*7 }} <% raw %> << x >> <script>alert(1)</script> `code`\n"
    "# 100% of a_b & c^d ~ # | \"q\" ж 中 – “quotes” γ\n# Source: \\end{document} [link](javascript:x)\n"
    "h_t = tanh(x_t W + b)   # {% include 'x' %} \\write18{ls} <img src=x onerror=y> $$ | --- |\n"
    "# W: ]( \\\\ \\begin{verbatim} *bold* __init__"
)  # fmt: skip


def cell_of(name):
    return rnnsym.Cell.parse(TEXTS[name].plain if name in TEXTS else LONG[name], name=name)


def equations_in(document: str, environment: str) -> list[str]:
    return re.findall(rf"\\begin{{{environment}}}\n(.*?)\\end{{{environment}}}", document, re.S)


@pytest.mark.parametrize("convention", ["row", "column"])
@pytest.mark.parametrize(("to", "environment"), [("tex", r"align\*"), ("md", "aligned")])
@pytest.mark.parametrize("name", TEXTS)
def test_every_equation_in_a_document_reads_back(name, to, environment, convention):
    cell = cell_of(name)
    document = rnnsym.document(cell, to, convention=convention, steps=2)
    found = [
        equation
        for block in equations_in(document, environment)
        for equation in read(block, cell, convention, True)
    ]
    unrolled = rnnsym.unroll(cell, 2).equations
    starts = [e for e in unrolled if e.time == 0]
    steps = [e for e in unrolled if e.time != 0]
    assert found == [*cell.equations, *starts, *steps]


@pytest.mark.parametrize("name", [*TEXTS, *LONG])
def test_latex_compiles_without_an_overfull_box(name, tmp_path):
    pdflatex = need("pdflatex")
    for convention in ("row", "column"):
        path = tmp_path / f"{convention}.tex"
        path.write_text(
            rnnsym.document(cell_of(name), "tex", convention=convention, steps=12), encoding="utf-8"
        )
        compiled(pdflatex, path)


def compiled(pdflatex, path):
    done = subprocess.run(
        [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", path.name],
        cwd=path.parent, capture_output=True, timeout=300,
    )  # fmt: skip
    log = path.with_suffix(".log").read_text(errors="replace")
    assert done.returncode == 0, log[-2000:]
    assert "Overfull" not in log, [line for line in log.splitlines() if "Overfull" in line]
    assert "Missing character" not in log and "undefined" not in log.lower().replace(
        "undefined references", ""
    )


def test_a_report_of_keras_is_printed_and_compiles(tmp_path):
    net = rnnsym.stack(rnnsym.cells.get("simple_rnn"), rnnsym.cells.get("dense"), D=3, M=5, K=3)
    report = rnnsym.verify(net)
    document = rnnsym.document(net, "tex", steps=10, report=report)
    assert r"\textbf{verified}" in document and "= 63" in document
    path = tmp_path / "net.tex"
    path.write_text(document, encoding="utf-8")
    compiled(need("pdflatex"), path)
    markdown = rnnsym.document(net, "md", report=report)
    assert "**verified**" in markdown and "keras.layers.SimpleRNN" in markdown


def test_a_users_words_are_words(tmp_path):
    cell = rnnsym.Cell.parse(HOSTILE)
    tex = rnnsym.document(cell, "tex")
    prose = re.sub(r"\\begin\{verbatim\}.*?\\end\{verbatim\}", "", tex, flags=re.S)
    assert (
        r"\input{" not in prose and r"\write18" not in prose and prose.count(r"\end{document}") == 1
    )
    assert "49" not in prose
    path = tmp_path / "hostile.tex"
    path.write_text(tex, encoding="utf-8")
    compiled(need("pdflatex"), path)
    markdown = rnnsym.document(cell, "md")
    for mark in ("<script", "<img", "](javascript", "{{", "*bold*", "`code`"):
        assert mark not in markdown
    assert "<script" not in cell._repr_html_() and "<img" not in cell._repr_html_()


def test_a_document_is_not_written_when_its_latex_is_wrong(monkeypatch):
    from rnnsym.printing.formula import Tex

    monkeypatch.setattr(Tex, "hadamard", "+")
    with pytest.raises(rnnsym.CheckError, match="printed LaTeX"):
        rnnsym.document(cell_of("lstm"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "docx"}, "tex, md, txt"),
        ({"convention": "x"}, "row, column"),
        ({"steps": 0}, "1 to 200"),
        ({"steps": 201}, "1 to 200"),
        ({"steps": 2.0}, "1 to 200"),
    ],
)
def test_unknown_choices_name_those_that_exist(options, message):
    with pytest.raises(rnnsym.InputError, match=message):
        rnnsym.document(cell_of("mgu"), **options)


def test_a_missing_value_of_a_template_is_an_error():
    from jinja2 import UndefinedError

    from rnnsym.documents.environment import tex_environment

    with pytest.raises(UndefinedError):
        tex_environment().get_template("document/cell.tex.j2").render(several=False)


@pytest.mark.parametrize("name", TEXTS)
def test_no_line_of_latex_is_long(name):
    """Lines are broken where nesting is least, and read back."""
    cell = cell_of(name)
    assert read(rnnsym.to_latex(cell), cell, "row", True) == cell.equations


def test_terms_stand_in_the_order_written():
    cell = rnnsym.Cell.parse("h_t = b + h_{t-1} U + x_t W - 1 + z ⊙ a")
    assert rnnsym.to_latex(cell.equations[0]) == (
        r"h_{t} = b + h_{t-1} U + x_{t} W - 1 + z \odot a"
    )
    column = rnnsym.to_latex(cell.equations[0], convention="column")
    assert column == r"h_{t} = b + U h_{t-1} + W x_{t} - 1 + z \odot a"


@pytest.mark.parametrize("convention", ["row", "column"])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("name", ["lstm", "delta_net", "softmax_cell", "mlstm", "concatenation"])
def test_derivations_compile_without_an_overfull_box(name, full, convention, tmp_path):
    pdflatex = need("pdflatex")
    document = rnnsym.document(
        cell_of(name), "tex", convention=convention, what="forward,bptt,jacobian,rtrl,cost", full=full,
        loss="softmax_cross_entropy" if full else "general",
    )  # fmt: skip
    path = tmp_path / "derivation.tex"
    path.write_text(document, encoding="utf-8")
    compiled(pdflatex, path)


def test_costs_of_a_deep_network_fit_the_page(tmp_path):
    rnn, dense = rnnsym.cells.get("simple_rnn"), rnnsym.cells.get("dense")
    path = tmp_path / "net.tex"
    path.write_text(
        rnnsym.document(rnnsym.stack(rnn, rnn, rnn, dense), what="bptt,cost"), encoding="utf-8"
    )
    compiled(need("pdflatex"), path)


def test_a_derivation_is_not_printed_when_a_line_is_wrong(monkeypatch):
    from rnnsym.ops import products

    right = products.transpose
    monkeypatch.setattr(
        products, "transpose", lambda e: e if e.shape[0] == e.shape[1] else right(e)
    )
    with pytest.raises(rnnsym.CheckError, match=r"∂L/∂h_0|h̄_t"):
        rnnsym.document(cell_of("simple_rnn"), what="bptt")


def test_an_unknown_loss_is_refused_also_where_no_part_asks_for_it(command):
    done = command("export", "lstm", "--to", "txt", "--loss", "foo")
    assert done.returncode == 2 and "unknown loss 'foo'" in done.stderr and not done.stdout


def test_the_equations_of_a_pdf_have_numbers_and_are_not_torn(tmp_path):
    from rnnsym.documents.pdf import numbered

    need("pdflatex")
    need("pdftotext")
    what = "symbols,forward,elements,matrices,example,bptt,cost"
    text = rnnsym.document(rnnsym.cells.get("lstm"), "tex", what=what)
    article = numbered(text)
    rows = [r for block in re.findall(r"\\begin\{align\}(.*?)\\end\{align\}", article, re.S)
            for r in re.split(r" \\\\\n", block)]  # fmt: skip
    assert "align*" not in article and len(rows) > 100
    assert all(
        len(re.findall(r"(?<!\\notag \\\\\*\n)&(?:=|\\approx|\\quad)", r)) <= 1 for r in rows
    )
    assert r"\notag" not in text and r"\begin{align*}" in text
    (tmp_path / "a.pdf").write_bytes(rnnsym.document(rnnsym.cells.get("lstm"), "pdf", what=what))
    done = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "a.pdf", "-"], capture_output=True, text=True
    )
    numbers = [int(n) for n in re.findall(r"\((\d+)\)\s*$", done.stdout, re.M)]
    assert numbers == list(range(1, len(rows) + 1))
    for page in done.stdout.split("\f")[:-1]:
        lines = [line.strip() for line in page.splitlines() if line.strip()]
        # The last line is the number of the page; no heading stands right above it.
        assert not re.match(r"(\d+ +[A-Z]|Step \d|Back through|What the steps)", lines[-2]), lines[
            -2
        ]


def test_a_pdf_is_compiled_until_its_tables_are_settled(monkeypatch):
    from rnnsym.documents import pdf

    said = [b"LaTeX Warning: Table widths have\nchanged. Rerun LaTeX.", b"", b"never"]
    runs = []

    def fake(command, cwd, **_):
        (Path(cwd) / "document.pdf").write_bytes(b"%PDF")
        runs.append(command)
        return subprocess.CompletedProcess(command, 0, stdout=said[len(runs) - 1])

    monkeypatch.setattr(pdf.shutil, "which", lambda _: "pdflatex")
    monkeypatch.setattr(pdf.subprocess, "run", fake)
    assert pdf.compiled("text") == b"%PDF" and len(runs) == 2
    runs.clear()
    said[0] = b""
    assert pdf.compiled("text") and len(runs) == 1


def test_an_article_has_a_title_and_an_author(tmp_path):
    need("pdflatex")
    need("pdfinfo")
    cell = rnnsym.cells.get("simple_rnn")
    path = tmp_path / "a.pdf"
    path.write_bytes(rnnsym.document(cell, "pdf", title="One & only", author="A. Reader"))
    said = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True).stdout
    assert re.search(r"^Title: +One & only$", said, re.M)
    assert re.search(r"^Author: +A\. Reader$", said, re.M)
    path.write_bytes(rnnsym.document(cell, "pdf"))
    said = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True).stdout
    assert re.search(r"^Title: +Simple recurrent network$", said, re.M)
    with pytest.raises(rnnsym.InputError, match="of articles"):
        rnnsym.document(cell, "md", title="One")
