"""The command line: data on stdout, one line on stderr for what is wrong, exit codes 0, 1, 2."""

import json
import os
import subprocess
import sys

import pytest

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

    from rnnsym import cli

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
