"""What the names of a text are: declared or found, in which order they are computed."""

from __future__ import annotations

from typing import Any

from ..errors import InputError, LanguageError
from ..names import fault_of
from ..nouns import Role
from ..ops import CALLS
from ..ops.functions import ELEMENTWISE
from ..ops.rowfunctions import ROWS
from .dims import Dim
from .sizes import declared_dim
from .statements import ParsedText, refs
from .symbols import Pair, Symbols, walk
from .tokens import Name
from .tree import (
    EquationTree,
    Ref,
    close_names,
)


def declared(parsed: ParsedText, symbols: Symbols) -> tuple[dict[str, Pair], set[str], str | None]:
    """What the declarations say: shapes, inputs and the output."""
    used = {r.name for r in refs(parsed)}
    shapes: dict[str, Pair] = {}
    inputs: set[str] = set()
    output: str | None = None
    seen: set[tuple[str, bool]] = set()
    sizes = symbols.sizes
    for declaration in parsed.declarations:
        kind = declaration.kind
        if not isinstance(kind, tuple) and [r.name for r in declaration.names] == ["output"]:
            output = kind.value.name
            if output not in used and output not in {e.name.name for e in parsed.equations}:
                symbols.refuse(f"the output '{output}' is no symbol of the equations",
                             declaration.names[0])  # fmt: skip
            continue
        for ref in declaration.names:
            if ref.lag == -1:
                symbols.refuse(f"declare '{ref.name}' at t or without a time", ref)
            if ref.name not in used:
                hint = close_names(ref.name, sorted(used))
                symbols.refuse(f"'{ref.name}' is declared and never used{hint}", ref)
            # What it is and what shape it has are two things to say.
            role = not isinstance(kind, tuple) and str(kind.value) in ("input", "parameter")
            if (ref.name, role) in seen:
                symbols.refuse(f"'{ref.name}' is declared twice", ref)
            seen.add((ref.name, role))
            if isinstance(kind, tuple):
                pair = [declared_size(token, sizes, symbols, used) for token in kind]
                shapes[ref.name] = (pair[1], pair[0]) if symbols.column else (pair[0], pair[1])
            elif str(kind.value) == "scalar":
                symbols.scalars.add(ref.name)
            elif str(kind.value) == "input":
                inputs.add(ref.name)
            elif str(kind.value) == "parameter":
                if ref.lag is not None:
                    symbols.refuse(f"'{ref.name}' has a time index and is no parameter", ref)
            else:
                raise LanguageError(
                    f"'{kind.text}' is no kind of declaration; there are `scalar`, `input`, "
                    "`parameter`, a shape such as `K × V`, `output: name`, and "
                    "`convention: column`",
                    parsed.text,
                    kind.start,
                    kind.end,
                )
    return shapes, inputs, output


def declared_size(token: Any, sizes: dict[str, Dim], symbols: Symbols, used: set[str]) -> Dim:
    """The size that a declaration says."""
    text = token.value.name if isinstance(token.value, Name) else token.text
    where = Ref(token.start, token.end, name=text)
    if isinstance(token.value, Name) and token.value.lag is not None:
        symbols.refuse(f"'{token.text}' is no size", where)
    if text in used or text in ("N", "T", "t"):
        symbols.refuse(f"'{text}' is a symbol of the equations and cannot name a size", where)
    if text[0].isdigit() and (not text.isdigit() or len(text) > 6 or int(text) < 1):
        symbols.refuse(f"a size is a positive whole number, not {text}", where)
    return declared_dim(str(int(text)) if text.isdigit() else text, sizes)


def find_roles(
    parsed: ParsedText, symbols: Symbols, declared_inputs: set[str], shapes: dict[str, Pair]
) -> None:
    """Sort every name into its role, and refuse names that could be two things."""
    first = _first_places(parsed, declared_inputs)
    lags: dict[str, set[int | None]] = {}
    for ref in refs(parsed):
        lags.setdefault(ref.name, set()).add(ref.lag)
    defined = _defined(parsed, symbols)
    for ref in refs(parsed):
        if None in lags[ref.name] and len(lags[ref.name]) > 1:
            symbols.refuse(f"'{ref.name}' stands with and without a time index", first[ref.name])
        if ref.called and not (
            ref.name in defined or ref.name in symbols.scalars or ref.name in shapes
        ):
            _refuse_function(ref, symbols)
    roles: dict[Role, list[str]] = {role: [] for role in Role}
    for name, ref in first.items():
        role = _role_of(name, ref, lags[name], defined, declared_inputs, symbols)
        roles[role].append(name)
        base, _, step = name.rpartition("_")
        if step.isdigit() and base in lags and None not in lags[base]:
            symbols.refuse(f"'{name}' is how '{base}_t' is written at step {step}; rename one", ref)
    for name in roles[Role.CONSTANT]:
        for node in walk(defined[name].right):
            if isinstance(node, Ref) and node.lag is not None:
                symbols.refuse(
                    f"'{name}' has no time index and its equation uses '{node.name}', which "
                    f"has one; write {name}_t",
                    node,
                )
    symbols.roles = {name: role for role in Role for name in roles[role]}


def _first_places(parsed: ParsedText, declared_inputs: set[str]) -> dict[str, Ref]:
    """Where each name stands first, in the order in which a cell lists them."""
    defined = {e.name.name for e in parsed.equations}
    free = [r for r in refs(parsed) if r.name not in defined]
    given = {r.name for r in free if r.lag is not None}
    weights = {r.name for r in free if r.lag is None}
    said = [r for d in parsed.declarations for r in d.names]
    first: dict[str, Ref] = {}
    for names, told in ((given, declared_inputs), (weights, {r.name for r in said} & weights)):
        if names == told:  # where all are declared, that is their order
            for ref in (r for r in said if r.name in names):
                first.setdefault(ref.name, ref)
    for ref in refs(parsed):
        first.setdefault(ref.name, ref)
    return first


def _defined(parsed: ParsedText, symbols: Symbols) -> dict[str, EquationTree]:
    """The equation of each name that has one."""
    defined: dict[str, EquationTree] = {}
    for equation in parsed.equations:
        ref = equation.name
        if ref.lag == -1:
            symbols.refuse(f"the left side must stand at t: {ref.name}_t = …", ref)
        if ref.name in defined:
            symbols.refuse(f"'{ref.name}' is defined twice", ref)
        defined[ref.name] = equation
    return defined


def _refuse_function(ref: Ref, symbols: Symbols) -> None:
    known = [*(n for n in ELEMENTWISE if "'" not in n), *ROWS, *CALLS]
    near = close_names(ref.name.lower(), known)
    hint = near or f"; the functions are {', '.join(known)}"
    symbols.fail(f"unknown function '{ref.name}' before a parenthesis{hint}", ref)


def _role_of(
    name: str, ref: Ref, lags: set[int | None], defined: dict[str, EquationTree],
    declared_inputs: set[str], symbols: Symbols,
) -> Role:  # fmt: skip
    """What a name is to its cell, from the times at which it stands."""
    if fault := fault_of(name):
        symbols.refuse(fault, ref)
    timed = None not in lags
    if timed:
        symbols.timed.add(name)
    if name in declared_inputs and (name in defined or not timed):
        reason = "an input is time-indexed and has no equation"
        symbols.refuse(f"'{name}' is declared an input, and {reason}", ref)
    if not timed:
        return Role.CONSTANT if name in defined else Role.PARAMETER
    if name in defined:
        return Role.STATE if -1 in lags else Role.INTERMEDIATE
    if lags == {-1} and name not in declared_inputs:
        symbols.refuse(
            f"'{name}_{{t-1}}' is used and no equation defines '{name}_t'; a delayed "
            f"input is declared: `{name}_t: input`",
            ref,
        )
    return Role.INPUT


def find_output(parsed: ParsedText, symbols: Symbols, said: str | None) -> str:
    """The name of the output: what is said, or the variable of the last equation."""
    computed = [e.name.name for e in parsed.equations if e.name.lag is not None]
    if not computed:
        symbols.refuse("no equation is of a step: none has a time index", parsed.equations[0].name)
    if said is None:
        return computed[-1]
    if symbols.roles.get(said) == Role.INPUT:
        raise InputError(f"the output '{said}' is an input; an output is what an equation defines")
    if said not in symbols.timed:
        hint = close_names(said, computed)
        raise InputError(f"the output '{said}' is no time-indexed symbol of the text{hint}")
    return said


def check_order(equations: list[EquationTree], symbols: Symbols) -> None:
    """Refuse a cycle within one step, naming it."""
    needs = {
        e.name.name: [n.name for n in walk(e.right) if isinstance(n, Ref) and n.lag in (0, None)]
        for e in equations
    }
    trees = {e.name.name: e for e in equations}
    done: set[str] = set()
    for start in needs:
        path: list[str] = []
        stack = [(start, iter(needs[start]))] if start not in done else []
        path = [start] if stack else []
        while stack:
            name, rest = stack[-1]
            for following in rest:
                if following in path:
                    cycle = [*path[path.index(following) :], following]
                    symbols.refuse(
                        "a cycle within one step: " + " needs ".join(cycle),
                        trees[following].name,
                    )
                if following in needs and following not in done:
                    stack.append((following, iter(needs[following])))
                    path.append(following)
                    break
            else:
                done.add(name)
                stack.pop()
                path.pop()
