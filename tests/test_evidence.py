"""Evidence is kept by content, is nobody's but ours, and is believed only where it is whole."""

import json
import os
import shutil

import pytest
from conftest import need

from rnnsym.checking import evidence
from rnnsym.checking.evidence import SETTING, kept, key_of, sources


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.delenv(SETTING, raising=False)
    monkeypatch.setenv("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "rnnsym" / "evidence"


class Made:
    """Something that is made, and counts how often."""

    def __init__(self, value):
        self.value, self.times = value, 0

    def __call__(self):
        self.times += 1
        return self.value


def test_what_was_made_is_made_once_and_comes_back_the_same(place):
    made = Made({"pdf": b"\x00\xff", "numbers": [1e-300, 0.1, 3], "text": "h̄_t", "none": None})
    assert kept(["a", "b"], made) == kept(["a", "b"], made) == made.value
    assert made.times == 1
    kept(["ab"], made)
    kept(["a", "b", ""], made)
    assert made.times == 3
    (first, *_) = place.iterdir()
    if hasattr(os, "getuid"):
        assert place.stat().st_mode & 0o777 == 0o700 and first.stat().st_mode & 0o777 == 0o600


def test_one_setting_keeps_and_finds_nothing(place, monkeypatch):
    made = Made(1)
    kept(["a"], made)
    for off in ("off", "0", "No"):
        monkeypatch.setenv(SETTING, off)
        assert kept(["a"], made) == 1
    assert made.times == 4
    monkeypatch.delenv(SETTING)
    assert kept(["a"], made) == 1 and made.times == 4


def poisons(path):
    """A file of evidence as somebody or something else may have left it."""
    good = json.loads(path.read_text())
    yield "another value", json.dumps({**good, "value": "poison"})
    yield "of another key", json.dumps({**good, "key": key_of(["other"])})
    yield "torn", path.read_text()[:-10]
    yield "another shape", json.dumps(["poison"])
    yield "nothing", ""
    yield "deep", "[" * 100_000


def test_a_file_that_is_not_what_it_says_is_refused(place):
    made = Made("right")
    kept(["a"], made)
    (path,) = place.iterdir()
    for times, (name, text) in enumerate(poisons(path), 2):
        path.write_text(text)
        os.chmod(path, 0o600)
        assert kept(["a"], made) == "right" and made.times == times, name


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="owners are kept otherwise on this system")
def test_a_file_or_folder_that_others_could_have_written_is_refused(place, tmp_path):
    made = Made("right")
    kept(["a"], made)
    (path,) = place.iterdir()
    text = path.read_text()
    os.chmod(path, 0o644)
    assert kept(["a"], made) == "right" and made.times == 2
    path.unlink()
    (tmp_path / "elsewhere.json").write_text(text)
    os.chmod(tmp_path / "elsewhere.json", 0o600)
    path.symlink_to(tmp_path / "elsewhere.json")
    kept(["a"], made)
    assert made.times == 3 and not path.is_symlink()
    if os.getuid() == 0:
        os.chown(path, 12345, 12345)
        kept(["a"], made)
        assert made.times == 4
    for folder, mode in ((place, 0o750), (place.parent, 0o777)):
        before = folder.stat().st_mode
        os.chmod(folder, mode)
        assert evidence.folder() is None
        os.chmod(folder, before)
    assert evidence.folder() == place
    shutil.move(place, tmp_path / "moved")
    place.symlink_to(tmp_path / "moved")
    assert evidence.folder() is None


def test_a_folder_that_cannot_be_had_is_no_failure(place, tmp_path):
    (tmp_path / "rnnsym").write_text("a file")
    made = Made(2)
    assert kept(["a"], made) == kept(["a"], made) == 2 and made.times == 2


def test_a_changed_source_cell_template_or_page_is_another_ground(root, tmp_path):
    for name in ("rnnsym", "templates", "docs"):
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "mkdocs.yml", tmp_path)
    package = tmp_path / "rnnsym"
    grounds = [sources(package)]
    assert grounds == [sources(root / "rnnsym")]
    for path in (package / "ops" / "sums.py", package / "cells" / "lstm.cell",
                 package / "losses" / "general.loss", tmp_path / "templates" / "plot.svg.j2",
                 tmp_path / "docs" / "design.md", tmp_path / "mkdocs.yml"):  # fmt: skip
        path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        grounds.append(sources(package))
    (package / "cells" / "new.cell").write_text("h_t = tanh(x_t W)")
    (package / "cells" / "dense.cell").rename(package / "cells" / "dense2.cell")
    grounds.append(sources(package))
    assert len(set(grounds)) == len(grounds)


def test_versions_and_the_machine_are_in_the_ground(monkeypatch):
    before = evidence.ground.__wrapped__()
    monkeypatch.setattr(evidence, "versions", lambda: ["sympy==0"])
    other = evidence.ground.__wrapped__()
    monkeypatch.undo()
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    third = evidence.ground.__wrapped__()
    assert len({before, other, third}) == 3
    assert any(v.startswith("sympy==") for v in evidence.versions())


def test_a_warm_piece_of_the_site_is_the_cold_one_to_the_byte(place, monkeypatch):
    from rnnsym.pages import generate

    cold = kept(["the cell dense"], lambda: generate.cell_files("dense"))
    monkeypatch.setattr(generate, "cell_files", None)
    warm = kept(["the cell dense"], lambda: generate.cell_files("dense"))
    assert warm == cold and any(isinstance(v, bytes) for v in warm.values()) == bool(
        shutil.which("pdflatex")
    )


def test_a_pdf_is_one_whenever_it_is_made():
    import rnnsym

    need("pdflatex")
    cell = rnnsym.cells.get("dense")
    one, other = (rnnsym.document(cell, "pdf", what="symbols,forward") for _ in range(2))
    assert one == other and b"CreationDate" not in one
