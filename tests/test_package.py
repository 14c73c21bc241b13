"""The house: what is loaded when, which room knows which, what is discovered."""

import ast
import graphlib
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
    # A command's file is called like the command, and nothing is imported from it.
    modules = {m.name.rpartition(".")[2] for m in pkgutil.walk_packages(rnnsym.__path__, "rnnsym.")
               if not m.name.startswith("rnnsym.cli.")}  # fmt: skip
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


def modules() -> dict[str, Path]:
    """Every module of the package, by its dotted name."""
    found = {}
    for path in (ROOT / "rnnsym").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports_of(name: str, path: Path, known: dict[str, Path]) -> set[str]:
    """What a module imports, inside functions too, but not for types alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package.split(".")
            base = base[: len(base) - node.level + 1] + ([node.module] if node.module else [])
            for alias in node.names:
                inner = ".".join([*base, alias.name])
                found.add(inner if inner in known else ".".join(base))
    return {m for m in found if m in known} - {name}


def test_no_module_imports_itself_by_a_detour():
    """Also where the import stands in a function and runs later."""
    known = modules()
    graph = {name: imports_of(name, path, known) for name, path in known.items()}
    order = graphlib.TopologicalSorter(graph)
    order.prepare()  # a CycleError names the circle
    assert len(graph) > 100 and sum(map(len, graph.values())) > 500


def test_no_import_runs_upwards():
    """What is imported while nouns show and check themselves, by whom, against the floors."""
    contract = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    floors = re.findall(r'"(rnnsym\.[^"]+)"', contract.partition("layers = [")[2].partition("]")[0])
    height = {room: -i for i, line in enumerate(floors) for room in line.split(" | ")}
    program = """
import builtins, importlib, sys
seen = set()
def told(target):
    frame = sys._getframe(2)
    while frame and ("importlib" in frame.f_code.co_filename or frame.f_globals.get("__name__") == "__main__"):
        frame = frame.f_back
    if frame:
        seen.add((frame.f_globals.get("__name__", ""), target))
real, module = builtins.__import__, importlib.import_module
def absolute(name, globals, level):
    if not level:
        return name
    base = globals["__package__"].split(".")
    return ".".join([*base[: len(base) - level + 1], name]).rstrip(".")
def watched(name, globals=None, locals=None, fromlist=(), level=0):
    told(absolute(name, globals or {}, level)) if level or name.startswith("rnnsym") else None
    return real(name, globals, locals, fromlist, level)
def watched_module(name, package=None):
    told(importlib.util.resolve_name(name, package) if package else name)
    return module(name, package)
import importlib.util
builtins.__import__, importlib.import_module = watched, watched_module
import rnnsym
cell = rnnsym.Cell.parse("h_t = tanh(x_t W + h_{t-1} U + b)")
d = rnnsym.backpropagate(cell)
str(cell), str(d), cell._repr_latex_(), cell._repr_html_(), d._repr_latex_(), str(d.steps[0].equation)
d.check(), d.lines_from("ā_t = h̄_t ⊙ (1 - h_t ⊙ h_t)"), rnnsym.unroll(cell, 1).matrices(D=1, M=1)
str(rnnsym.read_back(cell)), rnnsym.flow(cell, 3)._repr_html_()
for one in sorted(seen):
    print(*one)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    pairs = [line.split() for line in done.stdout.splitlines() if len(line.split()) == 2]
    assert len(pairs) > 200

    def floor(name: str) -> int | None:
        room = ".".join(name.split(".")[:2])
        return height.get(room)

    upwards = [
        (by, what) for by, what in pairs
        if floor(by) is not None and (
            what == "rnnsym" or (floor(what) is not None and floor(what) > floor(by))
        )
    ]  # fmt: skip
    assert not upwards


def test_the_picture_of_the_house_runs_one_way(tmp_path):
    from rnnsym.pages.house import floors, house_svg, rooms

    known, order = rooms(), floors()
    assert {"ops", "language", "derive", "checking", "nouns", "cli"} <= set(order)
    assert sum(map(len, known.values())) > 80
    assert all(order.index(u) < order.index(room) for room, uses in known.items() for u in uses)
    svg = house_svg()
    assert svg.count("<circle") == sum(map(len, known.values()))
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    assert "<!-- the house -->" in page
    for room in order:  # every room is on the page of the design
        assert re.search(rf"`{room}/?`", page), room


def test_a_text_stops_where_the_design_says():
    """The list of stops, from the text to the derivation, is the order in which they are reached."""
    page = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    part = page.partition("## From a text to a derivation")[2].partition("## Decisions")[0]
    stops = [m.group(1) for m in re.finditer(r"^\d+\. `([\w.]+)`", part, re.M)]
    assert len(stops) == 10
    reached: dict[str, None] = {}

    def called(frame, event, _):
        if event == "call" and (module := frame.f_globals.get("__name__", "")).startswith(
            "rnnsym."
        ):
            name = f"{module.removeprefix('rnnsym.')}.{frame.f_code.co_qualname}"
            if name in stops:
                reached.setdefault(name)

    rnnsym.backpropagate(rnnsym.cells.get("simple_rnn"))  # what is made once is made
    sys.setprofile(called)
    try:
        rnnsym.backpropagate(rnnsym.parse("h_t = tanh(x_t W + h_{t-1} U + b)"))
    finally:
        sys.setprofile(None)
    assert list(reached) == stops


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
