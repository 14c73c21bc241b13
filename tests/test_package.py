"""The house: what is loaded when, which room knows which, what is discovered."""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rnnsym

ROOT = Path(__file__).parent.parent


def loaded(statement: str) -> set[str]:
    program = f"import sys\n{statement}\nprint(*sorted(m for m in sys.modules if '.' not in m))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_loads_nothing_heavy():
    heavy = {"sympy", "numpy", "tensorflow", "keras", "lark", "jinja2", "rich"}
    assert not loaded("import rnnsym, rnnsym.cli") & heavy


def test_deriving_and_printing_load_no_tensorflow():
    statement = (
        "import rnnsym\nnet = rnnsym.stack(rnnsym.cells.get('simple_rnn'))\n"
        "rnnsym.document(net)\nrnnsym.lambdify(rnnsym.unroll(net, 2))\nrnnsym.read_back(net).check()"
    )
    assert not loaded(statement) & {"tensorflow", "keras", "mkdocs"}


def test_every_public_name_is_there_and_documented():
    for name in rnnsym.__all__:
        thing = getattr(rnnsym, name)
        assert name == "__version__" or inspect.getdoc(thing)
    with pytest.raises(AttributeError):
        rnnsym.nothing  # noqa: B018


def test_no_module_and_public_function_share_a_name():
    modules = {m.name.rpartition(".")[2] for m in pkgutil.walk_packages(rnnsym.__path__, "rnnsym.")}
    functions = {n for n in rnnsym.__all__ if inspect.isfunction(getattr(rnnsym, n))}
    assert functions and not modules & functions


def test_public_functions_say_what_they_take_give_and_raise():
    for name in rnnsym.__all__:
        thing = getattr(rnnsym, name)
        if not inspect.isfunction(thing):
            continue
        doc = inspect.getdoc(thing)
        parameters = [
            p for p in inspect.signature(thing).parameters if p not in ("subject", "cells")
        ]
        if len(parameters) > 1:
            assert "Args:" in doc, name
            for parameter in parameters:
                assert re.search(rf"\b{parameter}\b", doc), (name, parameter)


def test_the_catalogue_is_its_files():
    files = {p.stem for p in (ROOT / "rnnsym" / "cells").glob("*.cell")}
    assert set(rnnsym.cells.names()) == files and {"simple_rnn", "dense"} <= files


@pytest.mark.parametrize("name", rnnsym.cells.names())
def test_a_cell_of_the_catalogue_explains_itself(name):
    cell = rnnsym.cells.get(name)
    assert cell.title and cell.source
    assert all(v.meaning for v in cell.variables)
    rnnsym.read_back(cell).check()


def test_an_unknown_cell_is_told_what_there_is():
    with pytest.raises(rnnsym.InputError, match="did you mean simple_rnn"):
        rnnsym.cells.get("simple_rn")


def test_import_contracts():
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_no_user_text_reaches_eval():
    """exec is used for generated sources and our own script only; eval and the like nowhere."""
    uses = []
    for path in (ROOT / "rnnsym").rglob("*.py"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(r"(?<![\w.])(eval|exec|parse_expr|from_string)\s*\(", line):
                uses.append((path.relative_to(ROOT).as_posix(), number))
    assert {p for p, _ in uses} == {"rnnsym/numeric/compiling.py", "rnnsym/pages/notebook.py"}


def test_sympify_never_sees_a_text():
    """Names become symbols without sympify: one that is Python code or a SymPy name stays a name."""
    for name in ("S", "E", "I", "N", "Q", "pi", "beta", "gamma", "lambda", "zoo", "oo", "Symbol"):
        cell = rnnsym.Cell.parse(
            f"{name}: parameter\nh_t = x_t {name} + h_{{t-1}}"
            if name[0].isupper()
            else f"{name}: scalar\nh_t = {name} x_t"
        )
        assert name in cell and rnnsym.to_latex(cell)
        rnnsym.lambdify(cell)


def test_every_module_imports_by_itself():
    for module in pkgutil.walk_packages(rnnsym.__path__, "rnnsym."):
        if module.name != "rnnsym.__main__":
            importlib.import_module(module.name)
