"""The command line: data on stdout, one line on stderr for what is wrong, exit codes 0, 1, 2."""

import json
import os
import re
import subprocess
import sys

import pytest
from conftest import need

import rnnsym

CELL = "h_t = tanh(x_t W + h_{t-1} U + b)"


def test_help_and_version(command):
    for arguments in ([], ["--help"], ["export", "-h"], ["docs", "--help"]):
        done = command(*arguments)
        assert done.returncode == 0 and "Usage: rnnsym" in done.stdout and not done.stderr
    assert rnnsym.__version__ in command("--version").stdout


def test_help_loads_nothing_heavy():
    program = (
        "import sys; sys.argv = ['rnnsym', '--help']\n"
        "from rnnsym.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "assert not {'sympy', 'numpy', 'rich', 'lark'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_list(command):
    done = command("list")
    assert [line.split()[0] for line in done.stdout.splitlines()] == rnnsym.cells.names()
    data = json.loads(command("list", "--json").stdout)
    assert [row["name"] for row in data] == rnnsym.cells.names()


def test_show(command):
    done = command("show", "simple_rnn")
    assert done.returncode == 0 and not done.stderr
    for words in ("Simple recurrent network", CELL, "hidden state", "1 × M", "M(D + M + 1)"):
        assert words in done.stdout
    assert "= 45" in command("show", "simple_rnn", "--size", "D=3", "--size", "M=5").stdout
    column = command(
        "show", "--equations", "h_t = tanh(W x_t + U h_{t-1} + b)", "--convention", "column"
    )
    assert "h_t = tanh(W x_t + U h_{t-1} + b)" in column.stdout and "M × D" in column.stdout
    both = json.loads(command("show", "simple_rnn+dense", "--json").stdout)
    assert [v["name"] for v in both["variables"]] == ["x", "h", "y", "W", "U", "b", "V", "c"]


def test_a_file_is_named_like_its_cell(command, tmp_path):
    (tmp_path / "my-cell 2.cell").write_text("# Mine\n" + CELL, encoding="utf-8")
    data = json.loads(command("show", "--file", "my-cell 2.cell", "--json").stdout)
    assert data["name"] == "my_cell_2" and data["title"] == "Mine"


@pytest.mark.parametrize("to", ["tex", "md"])
def test_export(command, tmp_path, to):
    done = command("export", "simple_rnn", "--to", to, "-o", f"out.{to}")
    assert done.returncode == 0 and not done.stdout
    text = (tmp_path / f"out.{to}").read_text(encoding="utf-8")
    assert text == command("export", "simple_rnn", "--to", to).stdout
    assert r"\tanh(x_{t} W + h_{t-1} U + b)" in text
    assert os.listdir(tmp_path) == [f"out.{to}"]
    column = command("export", "simple_rnn", "--to", to, "--convention", "column").stdout
    assert r"\tanh(W x_{t} + U h_{t-1} + b)" in column


def test_a_dash_is_the_terminal(command, tmp_path):
    done = command("export", "simple_rnn", "--to", "md", "-o", "-", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("# ") and not list(tmp_path.iterdir())
    done = command("flow", "simple_rnn", "--steps", "3", "-o", "-", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("<svg") and not list(tmp_path.iterdir())


def test_verify(command):
    done = command("verify", "dense", "--against", "keras", "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["passed"] and data["reports"][0]["against"] == "keras.layers.Dense"
    assert "[1/1] dense: importing Keras" in done.stderr
    free = command("verify", "--equations", "h_t = x_t W ⊙ 2" if False else "h_t = 2 x_t W")
    assert free.returncode == 0 and "RNN over a cell made from the same equations" in free.stdout
    latex = command("verify", "--against", "latex")
    assert latex.returncode == 0 and latex.stdout.count(": consistent") == len(rnnsym.cells.names())


def test_a_failed_check_exits_with_1(monkeypatch, capsys):
    from rnnsym import checking, cli
    from rnnsym.nouns import Comparison, Report

    def wrong(subject, against, **_):
        return Report(subject.name, against, (Comparison("all", False, 1.0, 1e-12),))

    monkeypatch.setattr(checking, "verify", wrong)
    monkeypatch.setattr(sys, "argv", ["rnnsym", "verify", "dense"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 1
    captured = capsys.readouterr()
    assert "FAIL" in captured.out and "dense: wrong" in captured.err


BAD = {
    "no cell": (["show"], "name one cell"),
    "two ways": (["show", "dense", "--equations", CELL], "name one cell"),
    "unknown cell": (["show", "simple_rn"], "did you mean simple_rnn"),
    "unknown command": (["shwo"], "No such command 'shwo'"),
    "unknown option": (["show", "--colour"], "No such option"),
    "bad equations": (["show", "--equations", "h_t = foo(x_t W)"], "»foo«"),
    "no file": (["show", "--file", "nothing.cell"], "cannot read nothing.cell"),
    "a folder": (["show", "--file", "."], "cannot read"),
    "binary": (["show", "--file", sys.executable], "longer than|no UTF-8 text"),
    "convention": (["show", "dense", "--convention", "diagonal"], "row, column"),
    "format": (["export", "dense", "--to", "docx"], "tex, md"),
    "steps": (["export", "dense", "--steps", "0"], "1 to 200"),
    "steps text": (["export", "dense", "--steps", "three"], "not a valid integer"),
    "size": (["show", "dense", "--size", "Q=3"], "no size 'Q'"),
    "size text": (["show", "dense", "--size", "M"], "NAME=NUMBER"),
    "size zero": (["show", "dense", "--size", "K=0"], "positive whole number"),
    "output folder": (["export", "dense", "-o", "."], "it is a folder"),
    "output nowhere": (["export", "dense", "-o", "no/such/folder/a.tex"], "cannot write"),
    "framework": (["verify", "dense", "--against", "torch"], "keras, latex"),
    "seed": (["verify", "dense", "--seed", "-1"], "whole number from 0"),
    "both": (["verify", "dense", "--equations", CELL], "not both"),
    "tour": (["tour", "-o", "/proc/nowhere"], "cannot write"),
    "docs": (["docs", "build", "-o", "/proc/nowhere/site"], "cannot write|cannot be built|/proc/nowhere"),
    "address": (["docs", "serve", "--address", "here"], "HOST:PORT"),
    "stack": (["show", "dense+dens"], "did you mean dense"),
    "empty": (["show", "--equations", ""], "no equation"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_wrong_use_is_one_line_and_exit_2(command, tmp_path, name):
    import re

    arguments, message = BAD[name]
    done = command(*arguments)
    assert done.returncode == 2, (done.stdout, done.stderr)
    lines = [line for line in done.stderr.splitlines() if not line.startswith(("[", "building"))]
    assert len(lines) == 1 and lines[0].startswith("rnnsym"), done.stderr
    assert re.search(message, lines[0]), lines[0]
    assert not done.stdout and not os.listdir(tmp_path)


def test_nothing_is_half_written(command, tmp_path, monkeypatch):
    from pathlib import Path

    from rnnsym.cli import _files as cli

    (tmp_path / "old.tex").write_text("old")

    def broken(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cli.os, "replace", broken)
    with pytest.raises(rnnsym.InputError, match="No space left"):
        cli.write_text(Path(tmp_path / "old.tex"), "new")
    assert (tmp_path / "old.tex").read_text() == "old" and os.listdir(tmp_path) == ["old.tex"]


def test_a_reader_that_stops_is_no_error():
    program = f"{sys.executable} -m rnnsym export simple_rnn --steps 100 | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr
    assert done.stdout.startswith("\\documentclass")


def test_tour(command, tmp_path):
    done = command("tour", "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert data["passed"] is True and data["parameters"] == 63
    assert data["max_error"]["float64"] <= 1e-12 and data["max_error"]["float32"] <= 1e-6
    for path in data["files"].values():
        assert (tmp_path / path).stat().st_size > 0
    assert "[6/6]" in done.stderr
    report = json.loads((tmp_path / data["files"]["report"]).read_text())
    assert report["passed"]
    # Once more over what is there, and for a person.
    again = command("tour", "--no-site")
    assert again.returncode == 0 and "Where to look" in again.stdout
    assert (
        sum(
            line.strip().startswith(str(n))
            for n in range(1, 11)
            for line in again.stdout.splitlines()
        )
        >= 10
    )


# --- what is typed is what happens


def test_the_end_of_a_name_chooses_the_format(command, tmp_path):
    for name, start in (("a.md", "# "), ("a.svg", "<svg"), ("a.tikz", r"\begin{tikzpicture}"),
                        ("a.py", '"""'), ("a.tex", r"\documentclass"), ("plain", r"\documentclass")):  # fmt: skip
        done = command("export", "simple_rnn", "-o", name)
        assert done.returncode == 0, done.stderr
        assert start in (tmp_path / name).read_text(encoding="utf-8")[:200], name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export", "dense", "-o", "a.png"], "no format writes .png"),
        (["export", "dense", "-o", "a.latex"], "did you mean tex?"),
        (["export", "dense", "--to", "tex", "-o", "a.pdf"], "another kind of file"),
        (["export", "dense", "--to", "svg", "-o", "a.png"], "another kind of file"),
        (["export", "dense", "--to", "latex"], "did you mean tex?"),
        (["export", "dense", "--loss", "mse"], "did you mean squared_error?"),
        (["export", "dense", "--loss", "nonsense"], "unknown loss 'nonsense'"),
        (["export", "dense", "--what", "equations"], "did you mean forward?"),
        (["show", "LSTM"], "did you mean lstm?"),
        (["show", "rnn"], "did you mean simple_rnn?"),
        (["show", "--equations", "h_t = np.tanh(x_t @ W)"], "did you mean tanh?"),
        (["show", "--equations", "h_t = torch.nn.Sigmoid(x_t @ W)"], "did you mean sigmoid?"),
        (["show", "--equations", "h[t] = tanh(x_t W)"], "did you mean h_t?"),
        (["show", "--equations", "h_t = tanh(h[t-1] W + x_t V)"], "did you mean h_{t-1}?"),
        (["export", "dense", "--size", "N=2"], "sizes of costs"),
        (["verify", "dense", "--jobs", "0"], "whole number"),
        (["derive", "dense", "--steps", "1000000"], "whole number from 1 to 200"),
    ],
)
def test_what_was_meant_is_said(command, tmp_path, arguments, words):
    done = command(*arguments)
    assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_method_that_is_no_function_gets_no_advice(command):
    assert "did you mean" not in command("show", "--equations", "h_t = self.act(x_t W)").stderr


def test_several_files_are_several_cells(command, tmp_path):
    (tmp_path / "one.cell").write_text("h_t = tanh(x_t W)\n", encoding="utf-8")
    (tmp_path / "two.cell").write_text("h_t = x_t V\n", encoding="utf-8")
    done = command("export", "--file", "one.cell", "--file", "two.cell", "--to", "txt")
    assert "x_t W" in done.stdout and "x_t V" in done.stdout, done.stderr
    assert "x_t W" in command("export", "one.cell", "--to", "txt").stdout
    assert "x_t V" in command("show", str(tmp_path / "two.cell")).stdout
    done = command("verify", "one.cell", "two.cell", "--against", "latex", "--json")
    assert [r["subject"] for r in json.loads(done.stdout)["reports"]] == ["one", "two"]
    assert "name one cell" in command("show", "--file", "one.cell", "--file", "two.cell").stderr


def test_a_dash_is_standard_input(command):
    done = command("show", "--file", "-", input="h_t = tanh(x_t W + h_{t-1} U)")
    assert "h_t = tanh(x_t W + h_{t-1} U)" in done.stdout, done.stderr


def test_failures_answer_in_json_as_well(command, tmp_path):
    done = command("show", "--json", "--equations", "h_t = x_t\ny_t = foo(x_t)")
    error = json.loads(done.stdout)["error"]
    assert done.returncode == 2 and (error["line"], error["column"]) == (2, 7)
    assert error["message"] in done.stderr.strip() and "foo" in error["message"]
    (tmp_path / "bad.cell").write_text("h_t = x_t W\ny_t = (x_t\n", encoding="utf-8")
    error = json.loads(command("derive", "--json", "--file", "bad.cell").stdout)["error"]
    assert error["line"] == 2 and "bad.cell" in error["message"]
    assert json.loads(command("verify", "--json", "nothing").stdout)["passed"] is False
    # A report that is there already is the one answer.
    wrong = command("verify", "--json", "--equations", "h_t = tanh(x_t W)", "--as", "gru")
    assert wrong.returncode == 1 and json.loads(wrong.stdout)["reports"]


def test_lines_in_json_have_their_error_and_verdict(command):
    data = json.loads(command("derive", "simple_rnn", "--json").stdout)
    assert all(line["latex"] for line in data["lines"])
    judged = [line for line in data["lines"] if line["verdict"]]
    assert len(judged) >= 10 and all(line["error"] <= line["tolerance"] for line in judged)


def test_costs_at_given_sizes_are_numbers(command):
    sizes = [word for size in ("D=3", "M=5", "N=2", "T=10") for word in ("--size", size)]
    text = command("export", "lstm", "--what", "count,cost", "--to", "txt", *sizes).stdout
    assert "4 M(D + M + 1) = 180" in text and "4 M N T (D + M) = 3200" in text
    assert "3200" in command("export", "lstm", "--what", "cost", "--to", "md", *sizes).stdout


def test_plain_text_keeps_rules_and_reasons(command):
    text = command("export", "simple_rnn", "--what", "bptt", "--to", "txt", "--full",
                   "--convention", "column").stdout  # fmt: skip
    assert "chain rule: a_t is read in h_t = tanh(a_t) alone" in text
    assert "W x_{t+1} + U h_t + b" in text and "x_t W" not in text


def test_a_terminal_without_greek_gets_what_the_language_reads(command):
    done = command("show", "gru", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.stdout.isascii() and "?" not in done.stdout
    lines = [line for line in done.stdout.splitlines() if "_t = " in line]
    assert str(rnnsym.parse("\n".join(lines))) == str(rnnsym.cells.get("gru"))
    derived = command("derive", "lstm", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert derived.stdout.isascii() and "?" not in derived.stdout


def test_names_are_completed_in_the_shell(command):
    def offered(words, count):
        asked = {"_RNNSYM_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(count)}
        done = command(env={**os.environ, **asked})
        return [line.split(",", 1)[1] for line in done.stdout.split()]

    assert offered("rnnsym show gr", 2) == ["gru", "gru_reset_before"]
    assert offered("rnnsym export lstm --to m", 4) == ["md", "mathml"]
    assert "goodfellow" in offered("rnnsym export lstm --notation goo", 4)
    assert "squared_error" in offered("rnnsym export lstm --loss sq", 4)
    assert "count,cost" in offered("rnnsym export lstm --what count,co", 4)


def test_the_worked_example_takes_own_numbers(command, tmp_path):
    import numpy as np

    rng = np.random.default_rng(1)
    w, u, b = rng.normal(size=(2, 3)), rng.normal(size=(3, 3)), rng.normal(size=3)
    x = rng.normal(size=(2, 2))
    np.savez(tmp_path / "w.npz", W=w, U=u, b=b)
    np.save(tmp_path / "x.npy", x)
    own = ("--weights", "w.npz", "--input", "x.npy")
    asked = ("export", "simple_rnn", "--what", "example", "--steps", "2", *own)
    text = command(*asked, "--to", "txt").stdout
    h = np.tanh(x[0] @ w + b)
    h = np.tanh(x[1] @ w + h @ u + b)
    last = [float(v) for v in re.findall(r"h_2 = .*≈ \[(.*)\]", text)[0].split(",")]
    assert np.abs(np.array(last) - h).max() < 1e-3, text
    assert "given, to four decimals" in text and "seed" not in text.partition("With numbers")[2]
    for to in ("tex", "md", "json"):
        assert command(*asked, "--to", to).returncode == 0
    # An array has the shape that is shown: in columns the kernel is M × D.
    np.savez(tmp_path / "c.npz", W=w.T, U=u.T, b=b)
    columns = (*asked[:-3], "c.npz", *asked[-2:], "--to", "txt", "--convention", "column")
    assert "W x_2" in command(*columns).stdout
    refused = command(*asked, "--to", "txt", "--convention", "column")
    assert refused.returncode == 2 and "W must be of shape" in refused.stderr
    for wrong, words in ((own[:2], "takes 1 input"), (own, "own numbers are of the part example")):
        what = "example" if wrong != own else "forward"
        done = command("export", "simple_rnn", "--what", what, "--to", "txt", *wrong)
        assert done.returncode == 2 and words in done.stderr


# --- what a newcomer met


def test_derive_and_show_write_times_where_the_text_has_them(command):
    text = r"h^{(t)} = \tanh(x^{(t)} W + h^{(t-1)} U + b)"
    for arguments in (
        ("derive",),
        ("derive", "--steps", "2"),
        ("derive", "--what", "jacobian"),
        ("show",),
    ):
        done = command(*arguments, "--equations", text)
        assert done.returncode == 0 and "h^{(" in done.stdout
        assert "h_t" not in done.stdout and "x_t" not in done.stdout, done.stdout
    data = json.loads(command("derive", "--json", "--equations", text).stdout)
    assert all("_{t" not in line["latex"].replace(r"\sum_{t=1}", "") for line in data["lines"])
    assert all(line["verdict"] == "consistent" for line in data["lines"][1:3])


@pytest.mark.parametrize(
    "pair",
    [("h^{(t)} = tanh(x^{(t)} W + h^{(t-1)} U + b)", "simple_rnn"),
     ("keras.layers.GRU(reset_after=False)", "gru_reset_before"),
     ("simple_rnn", r"h^{(t)} = \tanh(x^{(t)} W + h^{(t-1)} U + b)")],
)  # fmt: skip
def test_equal_knows_a_text_from_a_name(command, pair):
    done = command("equal", *pair)
    assert done.returncode == 0, done.stderr


def test_the_contents_of_a_pdf_have_the_numbers_of_the_pages(command, tmp_path):
    need("pdflatex")
    need("pdftotext")
    assert command("export", "lstm", "gru", "simple_rnn", "dense", "-o", "four.pdf").returncode == 0
    done = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "four.pdf", "-"], capture_output=True, text=True
    )
    pages = done.stdout.split("\f")
    told = re.findall(r"^(\d) ([A-Z].*?)\s+(\d+)$", pages[0], re.M)
    assert len(told) == 4
    for number, title, page in told:
        assert any(
            line.split() == [number, *title.split()] for line in pages[int(page) - 1].splitlines()
        ), title


def test_lines_are_as_wide_as_the_terminal(command):
    import pty
    import struct
    import termios
    from fcntl import ioctl

    for arguments in (
        ("list",),
        ("verify", "dense", "--against", "latex"),
        ("derive", "lstm", "--full"),
    ):
        ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"}
        process = subprocess.Popen(
            [sys.executable, "-m", "rnnsym", *arguments],
            stdout=theirs, stderr=subprocess.DEVNULL, env=environment,
        )  # fmt: skip
        os.close(theirs)
        data = b""
        try:
            while piece := os.read(ours, 65536):
                data += piece
        except OSError:  # the other end is closed
            pass
        assert process.wait() == 0
        plain = re.sub(r"\x1b\[[0-9;]*m", "", data.decode())
        words = [line for line in plain.splitlines() if " = " not in line]
        assert words and max(map(len, words)) <= 60, max(words, key=len)
    # A pipe gets every line whole.
    assert max(map(len, command("verify", "dense", "--against", "latex").stdout.splitlines())) > 60


def test_parts_may_be_given_several_times(command):
    done = command("export", "lstm", "--what", "count", "--what", "cost,elements", "--to", "txt")
    assert "Number of parameters" in done.stdout or "parameters" in done.stdout
    assert "Costs" in done.stdout and "Single elements" in done.stdout


def test_a_page_of_mathml_is_html(command, tmp_path):
    assert command("export", "gru", "-o", "a.html", "--what", "forward").returncode == 0
    assert (tmp_path / "a.html").read_text().startswith("<!DOCTYPE html>")
    assert command("export", "gru", "--to", "mathml", "-o", "b.html").returncode == 0
    assert "another kind" in command("export", "gru", "--to", "tex", "-o", "c.html").stderr
