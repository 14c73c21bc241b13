"""The wheel: installed into an empty environment, it exports a cell from another folder."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_templates_cells_grammar_and_site(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for folder, packed in (("templates", "rnnsym/_templates"), ("docs", "rnnsym/_site/docs")):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file():
                assert f"{packed}/{path.relative_to(ROOT / folder).as_posix()}" in names
    for path in [
        *(ROOT / "rnnsym").rglob("*.cell"),
        *(ROOT / "rnnsym").rglob("*.lark"),
        *(ROOT / "rnnsym").rglob("*.loss"),
    ]:
        assert path.relative_to(ROOT).as_posix() in names
    assert "rnnsym/_site/mkdocs.yml" in names
    assert not any(n.startswith(("tests/", "docs/")) for n in names)


def test_an_empty_environment_exports_a_cell(wheel, tmp_path):
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    def run(*arguments):
        return subprocess.run(
            [str(home / "bin" / "rnnsym"), *arguments],
            cwd=elsewhere,
            capture_output=True,
            text=True,
        )

    done = run("export", "simple_rnn+dense", "--to", "tex", "-o", "net.tex")
    assert done.returncode == 0, done.stderr
    assert r"\tanh(x_{t} W" in (elsewhere / "net.tex").read_text()
    assert run("export", "--equations", "h_t = x_t W", "--to", "md").returncode == 0
    for arguments, extra in (
        (["verify", "dense"], "rnnsym[keras]"),
        (["docs", "build"], "rnnsym[all]"),
    ):
        done = run(*arguments)
        lines = [line for line in done.stderr.splitlines() if line.startswith("rnnsym:")]
        assert done.returncode == 2 and len(lines) == 1 and extra in lines[0], done.stderr
        assert "Traceback" not in done.stderr
    listed = subprocess.run(
        [str(python), "-m", "pip", "list"], capture_output=True, text=True
    ).stdout.lower()
    assert "tensorflow" not in listed and "mkdocs" not in listed


def test_the_wheels_site_builds_from_another_folder(wheel, tmp_path):
    """With this environment's libraries and the wheel's own package."""
    target = tmp_path / "installed"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(wheel)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    import os

    done = subprocess.run(
        [sys.executable, "-m", "rnnsym", "tour", "--json"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(target)}, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "build" / "site" / "cells" / "simple_rnn.html").is_file()
