"""Snippets of the README and the pages are run; what they print is what stands there."""

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hostile import archive

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.S | re.M)


@pytest.mark.parametrize(
    ("path", "count"), [("README.md", 3), ("docs/derivations.md", 3), ("docs/verdicts.md", 1)]
)
def test_python_of_a_page_prints_what_stands_there(path, count):
    text = (ROOT / path).read_text(encoding="utf-8")
    snippets = re.findall(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```", text, re.S | re.M)
    assert len(snippets) == count == len(blocks(text, "python"))
    names: dict = {}
    for code, printed in snippets:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(code, names)
        assert out.getvalue().strip() == printed.strip()


def test_the_report_of_the_readme():
    code, model = blocks(README, "python notest")
    import keras
    import numpy as np

    import rnnsym

    net = rnnsym.stack(rnnsym.cells.get("simple_rnn"), rnnsym.cells.get("dense"))
    exec(code, {"rnnsym": rnnsym, "net": net})
    layer = keras.layers.LSTM(3, return_state=True)
    layer.build((2, 4, 3))
    x, h, mask = np.ones((2, 4, 3)), np.full((2, 3), 0.5), np.ones((2, 4), bool)
    names = {"rnnsym": rnnsym, "layer": layer, "x": x, "h0": h, "c0": h, "mask": mask}
    exec(model.replace('"model.keras"', "layer"), names)
    assert names["y"].shape == names["c"].shape == (2, 3)


def commands_in(text: str) -> list[str]:
    return [
        line.removeprefix("$ ")
        for block in blocks(text, "console")
        for line in block.splitlines()
        if line.startswith("$ rnnsym ")
    ]


def test_commands_of_the_readme_run(tmp_path):
    (tmp_path / "my.cell").write_text("h_t = tanh(x_t W + h_{t-1} U + b)")
    archive(tmp_path / "model.keras")
    done_any = 0
    for line in commands_in(README):
        if "docs" in line:
            continue  # the site is built by its own test
        done = subprocess.run(
            line.replace("rnnsym", f"{sys.executable} -m rnnsym", 1),
            shell=True,
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (line, done.stderr)
        done_any += 1
    assert done_any >= 5


def test_make_has_the_two_commands():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^\$ make (\w+)", README, re.M):
        assert re.search(rf"^{target}:", makefile, re.M)


def test_a_new_cell_is_one_file(tmp_path):
    """Following the page: the file alone brings the cell, its page, its place and its tests."""
    page = (ROOT / "docs" / "add-a-cell.md").read_text(encoding="utf-8")
    (text,) = re.findall(r'^```text title="rnnsym/cells/mgu.cell"\n(.*?)^```', page, re.S | re.M)
    assert len(text.splitlines()) <= 20
    copy = tmp_path / "checkout"
    shutil.copytree(
        ROOT,
        copy,
        ignore=shutil.ignore_patterns(
            ".git", ".venv", "build", "dist", "__pycache__", ".*_cache", ".hypothesis"
        ),
    )
    (copy / "rnnsym" / "cells" / "mgu.cell").write_text(text, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(copy)}

    def run(*arguments):
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
        )

    for line in commands_in(page):
        if "--file" in line or "--equations" in line or "docs" in line:
            continue
        done = run("-m", "rnnsym", *line.split()[1:])
        assert done.returncode == 0, (line, done.stderr)
    built = run("-m", "rnnsym", "docs", "build")
    assert built.returncode == 0, built.stderr
    site = copy / "build" / "site"
    assert "Minimal gated unit" in (site / "cells" / "mgu.html").read_text(encoding="utf-8")
    for other in ("index.html", "cells/index.html"):
        assert "mgu.html" in (site / other).read_text(encoding="utf-8")
    collected = run(
        "-m", "pytest", "--collect-only", "-q", "tests/test_verify.py", "tests/test_package.py"
    )
    assert collected.stdout.count("[mgu]") >= 2, collected.stdout[-2000:]
    tests = run("-m", "pytest", "-q", "-k", "mgu", "tests/test_package.py")
    assert tests.returncode == 0, tests.stdout


def test_commands_of_the_page_without_a_checkout(tmp_path):
    page = (ROOT / "docs" / "add-a-cell.md").read_text(encoding="utf-8")
    (text,) = re.findall(r'^```text title="rnnsym/cells/mgu.cell"\n(.*?)^```', page, re.S | re.M)
    (tmp_path / "mgu.cell").write_text(text, encoding="utf-8")
    lines = [line for line in commands_in(page) if "--file" in line or "--equations" in line]
    assert len(lines) >= 3
    for line in lines:
        done = subprocess.run(
            line.replace("rnnsym", f"{sys.executable} -m rnnsym", 1),
            shell=True,
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, (line, done.stderr)


@pytest.mark.parametrize(("name", "count"), [("derivations.md", 8), ("verdicts.md", 4)])
def test_commands_of_a_page_run(name, count, tmp_path):
    (tmp_path / "my.cell").write_text("h_t = tanh(x_t W + h_{t-1} U + b)")
    page = (ROOT / "docs" / name).read_text(encoding="utf-8")
    lines = [
        line.removeprefix("$ ") for block in blocks(page, "console") for line in block.splitlines()
    ]
    assert len(lines) >= count
    for line in lines:
        module = "rnnsym" if line.startswith("rnnsym ") else "pytest"
        done = subprocess.run(
            line.replace(module, f"{sys.executable} -m {module}", 1),
            shell=True, cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, (line, done.stdout, done.stderr)


@pytest.mark.parametrize("path", ["docs/language.md"])
def test_equations_of_the_language_page_are_read(path):

    import rnnsym

    first = blocks((ROOT / path).read_text(encoding="utf-8"), "text")[0]
    assert [v.name for v in rnnsym.Cell.parse(first).states] == ["h"]


def test_the_functions_of_the_language_page_are_all_of_them():
    from rnnsym.ops.functions import ELEMENTWISE
    from rnnsym.ops.rowfunctions import ROWS

    page = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    section = page[page.index("## Functions") :]
    named = set(re.findall(r"`(\w+)`", section))
    assert {n for n in ELEMENTWISE if "'" not in n} | {*ROWS} <= named
