"""The printed formulas between the cells of a model, read again: links, last steps, pooling, masks.

They are read by productions of their own, which know nothing of the table that printed them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Integer

from ..derive import unroll
from ..errors import CheckError, RnnsymError
from ..language import read
from ..models import Model, Node
from ..names import T, t
from ..numeric.operations import OPERATIONS, Operation
from ..printing.models import gives_tex, links_tex, operation_tex, shown_cell

Array = NDArray[Any]
_NAME = r"\\mathrm\{((?:[A-Za-z0-9]|\\_)+)\}"
_STEPS = 4


def _known(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("NAME", _NAME) + r"\Z")


#: Right sides, and what they say of arrays (N, T, …): `a` and `b` are what is named, `T` the steps.
_PRODUCTIONS: list[tuple[re.Pattern[str], Callable[..., Any]]] = [
    (_known(r"NAME(?:_t)?"), lambda m, a: a),
    (_known(r"NAME_\{T\+1-t\}"), lambda m, a: a[:, ::-1]),
    (_known(r"NAME, \\quad t = 1, \\dots, (\d+)"),
     lambda m, a: np.stack([a] * int(m.group(2)), axis=1)),
    (_known(r"\\frac\{1\}\{T\} \\sum_\{t=1\}\^\{T\} NAME_t"),
     lambda m, a: sum(a[:, t] for t in range(a.shape[1])) / a.shape[1]),
    (_known(r"\\sum_t NAME_t\\, NAME_t \\Big/ \\sum_t NAME_t"),
     lambda m, w, a, v: sum(w[:, t, None] * a[:, t] for t in range(a.shape[1]))
     / sum(v[:, t, None] for t in range(a.shape[1]))),
    (_known(r"\\max_\{t = 1, \\dots, T\} NAME_t"),
     lambda m, a: np.array([[max(column) for column in sample.T] for sample in a])),
    (_known(r"\[\\, NAME_t \\neq (-?[0-9.e+-]+) \\,\]"), lambda m, a: ~(a == float(m.group(2)))),
    (_known(r"\\bigvee_k NAME_\{t,k\}"), lambda m, a: a.sum(axis=-1) > 0),
    (_known(r"NAME_t \\vee NAME_t"), lambda m, a, b: ~(~a & ~b)),
    (_known(r"NAME_t \\wedge NAME_t"), lambda m, a, b: ~(~a | ~b)),
    (_known(r"\\neg NAME_t"), lambda m, a: a == 0),
    (_known(r"([01])"), lambda m: bool(int(m.group(1)))),
]  # fmt: skip


def _of_a_known_form(entry: Operation) -> bool:
    """Whether the formula of an operation is one that a production reads."""
    names = {"y": r"\mathrm{y}", "x": r"\mathrm{x}", "x2": r"\mathrm{z}", "value": "0", "steps": 3}
    try:
        right = entry.tex.format(**names).partition(" = ")[2]
    except (KeyError, IndexError):
        return False
    return any(pattern.match(right) for pattern, _ in _PRODUCTIONS)


#: The operations whose formulas have to be read again.
_READ = frozenset(name for name, entry in OPERATIONS.items() if _of_a_known_form(entry))
_WORDS = re.compile(r"\\text\{|\\operatorname\{reshape\}|\A" + _NAME + r"(_t)? = E_")


def check_operation(node: Node, seed: int = 0) -> float | None:
    """How far a printed operation is from what it computes; None where it is not read again.

    Raises:
        CheckError: if it is printed in a form that cannot be read again.
    """
    tex = operation_tex(node)
    left, mark, right = tex.partition(" = ")
    names = tuple(map(_plain, left.split(", ")))
    if not mark or names != node.gives:
        raise CheckError(f"{node.name}: '{tex}' does not say what it gives")
    if _WORDS.search(tex):
        return None
    rng = np.random.default_rng(seed)
    arrays = {n: _sample(node, i, rng) for i, n in enumerate(node.reads)}
    # Some operations read what only gives a shape.
    expected = OPERATIONS[node.operation].forward(*arrays.values(), **node.options)
    value = _value(node, right, arrays)
    if value is None:
        return None
    found = np.asarray(value)
    with np.errstate(invalid="ignore"):
        wide = np.broadcast_to(
            found.reshape(expected.shape) if found.size == expected.size else found, expected.shape
        )
        off = np.abs(wide.astype(float) - np.asarray(expected).astype(float))
    return float(off.max()) if np.isfinite(off).all() else float("inf")


def _sample(node: Node, place: int, rng: Any) -> Array:
    """What a node reads: masks for logic, numbers else; a few are exactly what is compared with."""
    mask = node.operation in ("or", "and", "not", "any") or (node.operation == "mean" and place)
    if node.operation == "differs":
        value = float(node.options["value"])
        return np.where(rng.random((3, _STEPS)) < 0.5, value, rng.normal(size=(3, _STEPS)))
    if mask:
        found = rng.random((3, _STEPS) if node.operation != "any" else (3, _STEPS, 2)) < 0.6
        found[:, 0] = True
        return np.asarray(found)
    still = node.operation == "repeat"
    return np.asarray(rng.normal(size=(3, 5) if still else (3, _STEPS, 5)))


def _value(node: Node, right: str, arrays: Mapping[str, Array]) -> Any:
    """What a formula says of these arrays; None for a form that nothing reads."""
    own = OPERATIONS[node.operation].reading
    for pattern, value in [*_PRODUCTIONS, *([(_known(own[0]), own[1])] if own else [])]:
        match = pattern.match(right)
        if match is None:
            continue
        names = [_plain_word(n) for n in re.findall(_NAME, right)]
        unknown = [n for n in names if n not in arrays]
        if unknown:
            raise CheckError(f"{node.name}: '{right}' names {unknown[0]}, which it does not read")
        return value(match, *(arrays[n] for n in names))
    if own is not None or node.operation in _READ:
        raise CheckError(f"{node.name}: '{right}' cannot be read again")
    return None


def _plain_word(word: str) -> str:
    return word.replace(r"\_", "_")


def _plain(tex: str) -> str | None:
    match = re.match(_NAME + r"(?:_\{?[tT]\}?)?\Z", tex)
    return _plain_word(match.group(1)) if match else None


_LINK = re.compile(r"(.+) = " + _NAME + r"(?:_\{([^{}]*)\})?\Z")
_GIVEN = re.compile(_NAME + r"(_\{t\})? = (.+)\Z")


def check_links(node: Node) -> None:
    """Hold what a part says it reads and gives to what it does.

    Raises:
        CheckError: if a printed line says something else.
    """
    cell = node.cell
    assert cell is not None
    symbols = {v.tex if node.steps else v.tex.replace("_{t}", "").replace(",t}", "}"): v.name
               for v in cell.inputs}  # fmt: skip
    wanted = [
        (v.name, value, "" if not node.steps else "T+1-t" if node.backwards else "t")
        for v, value in zip(cell.inputs, node.reads)
    ]
    found = []
    starts: dict[str, str] = {}
    for line in links_tex(node):
        match = _LINK.match(line)
        if match is None:
            raise CheckError(f"{node.name}: '{line}' cannot be read again")
        left, value, index = match.group(1), _plain_word(match.group(2)), match.group(3) or ""
        if left in symbols:
            found.append((symbols[left], value, _order(index)))
            continue
        name, time = _read_symbol(left, node)
        if time != Integer(0):
            raise CheckError(f"{node.name}: '{line}' is no initial state")
        starts[name] = value
    if found != wanted or starts != dict(node.initial):
        raise CheckError(f"{node.name}: what it reads is printed as {found}, {starts}")
    given = []
    for line in gives_tex(node):
        match = _GIVEN.match(line)
        if match is None:
            raise CheckError(f"{node.name}: '{line}' cannot be read again")
        given.append((_plain_word(match.group(1)), bool(match.group(2)),
                      *_read_symbol(match.group(3), node)))  # fmt: skip
    said = [
        (value, bool(node.steps and which == "all"), name,
         None if not node.steps else t if which == "all" else T)
        for (name, which), value in zip(node.takes, node.gives, strict=True)
    ]  # fmt: skip
    if given != said:
        raise CheckError(f"{node.name}: what it gives is printed as {given}, not {said}")


def _read_symbol(tex: str, node: Node) -> tuple[str, Any]:
    """The name and the time of a printed symbol, read by the language."""
    cell = shown_cell(node)
    subject = unroll(cell) if node.steps else cell
    try:
        (again,) = read(f"{tex} = {tex}", subject, "row", True)
    except RnnsymError as refusal:
        raise CheckError(f"{node.name}: '{tex}' cannot be read again: {refusal}") from None
    return again.lhs.label, again.lhs.time


def _order(index: str) -> str:
    return "T+1-t" if index in ("T-t+1", "-t+T+1", "T+1-t") else index


def check_between(model: Model, seed: int = 0) -> dict[str, float | None]:
    """Every formula between cells, by part: its error, or None where it is in words.

    Raises:
        CheckError: if one cannot be read again or says something else.
    """
    found: dict[str, float | None] = {}
    for node in model.nodes:
        if node.cell is None:
            error = check_operation(node, seed)
            if error is not None and not error <= 1e-12:
                raise CheckError(f"{node.name}: the printed operation is off by {error:.1e}")
            found[node.name] = error
        else:
            check_links(node)
            found[node.name] = 0.0
    return found
