"""What is printed, derived and refused stays what it is, to the letter, until a commit says why."""

import pytest
from golden import FOLDER, cells, refusals, said

CELLS = cells()


def stored(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_says_what_it_said(name):
    assert said(CELLS[name]) == stored(name), "python tests/golden.py writes these files anew"


def test_every_refusal_has_its_words_and_its_place():
    assert refusals() == stored("refused")


def test_every_file_is_of_something():
    assert {p.stem for p in FOLDER.glob("*.txt")} == {*CELLS, "refused"}
