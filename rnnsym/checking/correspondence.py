"""Which weights of one cell are which of another, so that both are the same function.

The changes under which two cells are looked at as one: other names, transposes, matrices that are
split or joined, biases that are merged or split, 1 - σ(a) for σ(-a) and the like, and the sign of a
state. Beyond these two functions are different.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations, permutations, product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy import Integer, Symbol

from ..names import unicode_of
from ..nouns import Cell, Role, Variable
from .normal import Leaf, Mono, Normal, Poly, TooLarge

Array = NDArray[Any]
#: Steps of the matcher, and seconds, before it gives up: a hostile text must not hold us up.
MOST_STEPS = 60_000
MOST_SECONDS = 2.5
#: Signs are tried for so many gates at once.
MOST_SIGNS = 10


@dataclass(frozen=True)
class Effective:
    """A parameter as it counts: what a sum of biases, a part or the transpose of a matrix is.

    Attributes:
        leaf: the parameter, or the part of it.
        sign: 1, or -1 where the opposite of it counts.
        turned: whether its transpose counts.
        added: further biases that are added to it, with their signs.
    """

    leaf: Leaf
    sign: int = 1
    turned: bool = False
    added: tuple[tuple[str, int], ...] = ()

    @property
    def words(self) -> str:
        name = unicode_of(self.leaf.label)
        if self.leaf.rows is not None:
            start, stop = self.leaf.rows
            name = f"rows {start + 1} to {stop} of {name}"
        if self.turned:
            name += "^⊤"
        for label, sign in self.added:
            name += f" {'+' if sign > 0 else '-'} {unicode_of(label)}"
        if self.sign < 0:
            return f"-({name})" if self.added else f"-{name}"
        return name

    def rows(self, sizes: Mapping[Any, Any]) -> slice:
        assert self.leaf.rows is not None
        start, stop = (int(r.xreplace(sizes)) for r in self.leaf.rows)
        return slice(start, stop)

    def value(self, weights: Mapping[str, Any], sizes: Mapping[Any, Any]) -> Array:
        """What counts, from the weights of its cell."""
        array = np.asarray(weights[self.leaf.label])
        if self.leaf.rows is not None:
            array = array[self.rows(sizes)]
        for label, sign in self.added:
            array = array + sign * np.asarray(weights[label])
        return self.sign * (array.T if self.turned else array)

    def put(
        self, value: Array, weights: dict[str, Any], shapes: Mapping[str, Any],
        sizes: Mapping[Any, Any], rng: np.random.Generator, split: Mapping[str, Any],
    ) -> None:  # fmt: skip
        """Set the weights of its cell so that this counts."""
        array = self.sign * (value.T if self.turned else value)
        for label, sign in self.added:  # if it is not given, any split will do, so a random one
            weights[label] = split.get(label, rng.normal(size=np.shape(array)) * 0.5)
            array = array - sign * weights[label]
        if self.leaf.rows is not None:
            whole = weights.setdefault(self.leaf.label, np.full(shapes[self.leaf.label], np.nan))
            whole[self.rows(sizes)] = array
        else:
            weights[self.leaf.label] = array


@dataclass(frozen=True)
class Side:
    """A cell under some changes: its normal form, and what its parameters count as."""

    cell: Cell
    normal: Normal
    effective: Mapping[Leaf, Effective]
    flipped: frozenset[str]
    gates: tuple[frozenset[str], ...] = ()
    looks: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True)
class Correspondence:
    """How one cell is another: its leaves by the leaves of the other.

    Attributes:
        one, other: both sides.
        leaves: of every leaf of the one, that of the other.
    """

    one: Side
    other: Side
    leaves: Mapping[Leaf, Leaf]

    @property
    def pairs(self) -> list[tuple[Effective, Effective]]:
        """The parameters that count as each other."""
        return [(self.one.effective[a], self.other.effective[b])
                for a, b in self.leaves.items() if a in self.one.effective]  # fmt: skip

    @property
    def changes(self) -> list[str]:
        """The changes of parameters that are more than other names and other arrays."""
        found = []
        signs = [a.leaf.label for a, _ in self.pairs if a.sign < 0]
        if signs:
            found.append(f"{', '.join(map(unicode_of, signs))} change sign")
        for a, b in self.pairs:
            if (a.added or b.added) and not self._alike(a, b):
                found.append(f"{_unsigned(a)} is {_unsigned(b)} (of biases only the sum counts)")
        flipped = sorted(self.one.flipped & {v.name for v in self.one.cell.states})
        found += [f"the state {unicode_of(n)} changes sign" for n in flipped]
        return found

    @staticmethod
    def _alike(a: Effective, b: Effective) -> bool:
        """Whether biases are split alike on both sides, so that each is one of the other's."""
        signs = [[s for _, s in e.added] for e in (a, b)]
        return signs[0] == signs[1]

    @property
    def names(self) -> list[str]:
        """Every parameter of the one and what it is of the other, in words."""
        found = sorted(f"{a.words} is {b.words}" for a, b in self.pairs)
        one, two = self.one.cell.inputs, self.other.cell.inputs
        given = [(v, two[i]) for v, i in zip(one, self.inputs())]
        if [v.name for v in one] != [v.name for v in two]:
            found += [f"the input {a} is {b}" for a, b in given if a.name != b.name]
        return found

    @property
    def renamed(self) -> bool:
        """Whether any parameter has another name, place or sign."""
        return any(a.words != b.words for a, b in self.pairs)

    def states(self) -> dict[str, tuple[str, int]]:
        """Of every state of the one, that of the other and the sign."""
        return {a.label: (b.label, -1 if a.label in self.one.flipped else 1)
                for a, b in self.leaves.items() if a.role == Role.STATE}  # fmt: skip

    def inputs(self) -> list[int]:
        """Of every input of the one, the place of the other's."""
        order = [v.name for v in self.other.cell.inputs]
        to = {a.label: b.label for a, b in self.leaves.items() if a.role == Role.INPUT}
        left = [n for n in order if n not in to.values()]
        return [order.index(to[v.name] if v.name in to else left.pop(0))
                for v in self.one.cell.inputs]  # fmt: skip

    def sizes(self, other: Mapping[str, int]) -> dict[str, int]:
        """The sizes of the one, from those of the other."""
        values = {Symbol(n): Integer(v) for n, v in other.items()}
        found: dict[Any, Any] = {}
        one, two = self.one.cell, self.other.cell
        ends = [(v, two.inputs[i]) for v, i in zip(one.inputs, self.inputs())]
        pairs: list[tuple[Any, Any]] = [*self.leaves.items(), *ends, (one.output, two.output)]
        for a, b in pairs:
            for x, y in zip(a.shape, b.shape):
                if isinstance(x, Symbol):
                    found.setdefault(x, y.xreplace(values))
        for v in self.one.cell.variables:  # what no leaf tells: any size will do
            for s in v.shape:
                for symbol in s.free_symbols:
                    found.setdefault(symbol, Integer(3))
        return {str(s): int(n) for s, n in found.items()}

    def weights(
        self, other: Mapping[str, Any], sizes: Mapping[str, int], own: Mapping[str, int], seed: int
    ) -> dict[str, Any]:
        """The weights of the one with which it is the other with these weights."""
        values = {Symbol(n): Integer(v) for n, v in sizes.items()}
        mine = {Symbol(n): Integer(v) for n, v in own.items()}
        shapes = {v.name: tuple(int(s.xreplace(mine)) for s in v.shape)
                  for v in self.one.cell.parameters}  # fmt: skip
        rng = np.random.default_rng(seed)
        found: dict[str, Any] = {}
        for a, b in self.pairs:
            split = {}
            if a.added and self._alike(a, b):
                split = {
                    m: a.sign * np.asarray(other[o]) for (m, _), (o, _) in zip(a.added, b.added)
                }
            a.put(b.value(other, values), found, shapes, mine, rng, split)
        for v in self.one.cell.parameters:
            if v.name not in found or not np.isfinite(found[v.name]).all():
                # It does not count: any numbers will do.
                found[v.name] = rng.normal(size=shapes[v.name])
            value = np.asarray(found[v.name]).reshape(shapes[v.name])
            found[v.name] = float(value.reshape(())) if v.scalar else value
        return found


def _unsigned(e: Effective) -> str:
    return Effective(e.leaf, 1, e.turned, e.added).words


# --- what a cell's parameters count as ------------------------------------------------------------


def _bare(cell: Cell) -> tuple[dict[str, int | str], dict[Leaf, Effective]]:
    """Merged biases and transposes: what stands for each parameter, and what it counts as."""
    normal = Normal(cell)
    roots = normal.roots()
    places = normal.leaves(roots)
    values: dict[str, int | str] = {}
    added: dict[str, tuple[tuple[str, int], ...]] = {}
    parameters = [leaf for leaf in places if leaf.role == Role.PARAMETER]
    for poly in normal.sums(roots):
        alone: list[tuple[Leaf, Any]] = []
        for mono, c in normal.polys[poly].items():
            if len(mono) != 1 or mono[0][1] != 1 or abs(c) != 1:
                continue
            kind, *rest = normal.atoms[mono[0][0]]
            if kind == "leaf" and rest[0].role == Role.PARAMETER and len(places[rest[0]]) == 1:
                alone.append((rest[0], c))
        if len(alone) > 1:
            (first, sign), *others = alone
            added[first.label] = tuple((b.label, int(c * sign)) for b, c in others)
            values |= {b.label: 0 for b, _ in others}
    turned = set()
    for leaf in parameters:
        atom = normal.atom("turned", normal.atom("leaf", leaf))
        bare = normal.atom("leaf", leaf)
        met = {a for p in normal.sums(roots) for m in normal.polys[p] for a in _direct(normal, m)}
        if leaf.rows is None and atom in met and bare not in met:
            turned.add(leaf.label)
            values[leaf.label] = "T"
    final = Normal(cell, values)
    effective = {
        leaf: Effective(leaf, 1, leaf.label in turned, added.get(leaf.label, ()))
        for leaf in final.leaves(final.roots())
        if leaf.role == Role.PARAMETER
    }
    return values, effective


def _direct(normal: Normal, mono: Mono) -> Iterator[int]:
    """The atoms of a product and of its matrix products; not what a transpose is of."""
    for atom, _ in mono:
        yield atom
        if normal.atoms[atom][0] == "product":
            for factor in normal.atoms[atom][1]:
                yield from _direct(normal, factor)


def _gates(normal: Normal) -> list[frozenset[str]]:
    """The sets of parameters whose signs, changed together, change the sign of a sum alone."""
    roots = normal.roots()
    places = normal.leaves(roots)
    found: dict[frozenset[str], None] = {}
    for poly in normal.sums(roots):
        labels: list[str] = []
        for mono in normal.polys[poly]:
            free = [normal.atoms[a][1] for a in _direct(normal, mono)
                    if normal.atoms[a][0] == "leaf"
                    and normal.atoms[a][1].role == Role.PARAMETER
                    and len(places[normal.atoms[a][1]]) == 1]  # fmt: skip
            if not free:
                break
            labels.append(free[-1].label)
        else:
            if labels and len(set(labels)) == len(labels):
                found.setdefault(frozenset(labels))
    return list(found)


def sides(cell: Cell) -> Iterator[Side]:
    """A cell under every change of signs, the fewest first."""
    values, effective = _bare(cell)
    plain = Normal(cell, values)
    gates = _gates(plain)
    reached = {leaf.label for leaf in plain.leaves(plain.roots()) if leaf.role == Role.STATE}
    free = [frozenset([n]) for n in sorted(reached) if n != cell.output.name]
    units = [*gates, *free][:MOST_SIGNS]
    for count in range(len(units) + 1):
        for chosen in combinations(units, count):
            flipped: set[str] = set()
            for unit in chosen:
                flipped ^= unit
            signed: dict[str, int | str] = dict(values)
            signs = {}
            for label in flipped:
                if values.get(label) == "T":
                    break
                signed[label] = signs[label] = -1
            else:
                normal = Normal(cell, signed)
                changed = {
                    leaf: Effective(leaf, signs.get(leaf.label, 1), e.turned, e.added)
                    for leaf, e in effective.items()
                }
                yield Side(cell, normal, changed, frozenset(flipped), tuple(gates))


# --- matching -------------------------------------------------------------------------------------


class _Matcher:
    """Looks for a bijection of leaves that makes one normal form into another."""

    def __init__(self, one: Side, other: Side, until: float) -> None:
        self.one, self.other = one, other
        self.a, self.b = one.normal, other.normal
        self.steps = 0
        self.until = until
        names = [{v.name for v in s.cell.inputs} for s in (one, other)]
        self.named = names[0] == names[1]

    def spend(self) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS or (self.steps % 512 == 0 and time.monotonic() > self.until):
            raise TooLarge

    def find(self) -> dict[Leaf, Leaf] | None:
        pairs = [(self.a.output, self.b.output)]
        for found in self._closed(pairs, {}, {}, set()):
            return found
        return None

    def _closed(
        self, pairs: list[tuple[Poly, Poly]], to: dict[Leaf, Leaf], back: dict[Leaf, Leaf],
        done: set[str],
    ) -> Iterator[dict[Leaf, Leaf]]:  # fmt: skip
        """Match the roots, then what the states that they read become."""
        if not pairs:
            states = [(x, y) for x, y in to.items() if x.role == Role.STATE and x.label not in done]
            if not states:
                yield to
                return
            (x, y), *_ = states
            pairs = [(self.a.of(x.label), self.b.of(y.label))]
            done = {*done, x.label}
        first, *rest = pairs
        for t_, b_ in self._sums(first[0], first[1], to, back):
            yield from self._closed(rest, t_, b_, done)

    def _sums(self, p: Poly, q: Poly, to: Any, back: Any) -> Iterator[tuple[Any, Any]]:
        self.spend()
        if len(p) != len(q):
            return
        looks_a, looks_b = self.one.looks, self.other.looks
        rows = [(self.a.look_of(m, looks_a), c, m) for m, c in p.items()]
        others = [(self.b.look_of(m, looks_b), c, m) for m, c in q.items()]
        # What has the fewest partners first.
        rows.sort(key=lambda r: sum(o[:2] == r[:2] for o in others))
        if any(not any(o[:2] == r[:2] for o in others) for r in rows):
            return
        yield from self._terms(rows, others, to, back)

    def _terms(self, rows: Any, others: Any, to: Any, back: Any) -> Iterator[tuple[Any, Any]]:
        if not rows:
            yield to, back
            return
        (look, c, mono), *rest = rows
        for i, (look_, c_, mono_) in enumerate(others):
            if (look, c) == (look_, c_):
                for t_, b_ in self._monos(mono, mono_, to, back):
                    yield from self._terms(rest, others[:i] + others[i + 1 :], t_, b_)

    def _monos(self, m: Mono, n: Mono, to: Any, back: Any) -> Iterator[tuple[Any, Any]]:
        self.spend()
        if not m:
            if not n:
                yield to, back
            return
        (atom, power), *rest = m
        for i, (atom_, power_) in enumerate(n):
            if power == power_:
                for t_, b_ in self._atoms(atom, atom_, to, back):
                    yield from self._monos(tuple(rest), n[:i] + n[i + 1 :], t_, b_)

    def _atoms(self, x: int, y: int, to: Any, back: Any) -> Iterator[tuple[Any, Any]]:
        self.spend()
        kind, *left = self.a.atoms[x]
        kind_, *right = self.b.atoms[y]
        if kind != kind_:
            return
        if kind == "leaf":
            yield from self._bound(left[0], right[0], to, back)
        elif kind == "turned":
            yield from self._atoms(left[0], right[0], to, back)
        elif kind == "product":
            if len(left[0]) == len(right[0]):
                yield from self._each(self._monos, left[0], right[0], to, back)
        else:
            words = ([r for r in row if not isinstance(r, (int, tuple))] for row in (left, right))
            inside = list(self.a.inside(x)), list(self.b.inside(y))
            if next(words) != next(words) or len(inside[0]) != len(inside[1]):
                return
            orders: Any = [inside[1]]
            if left[0] in ("max", "min"):
                orders = permutations(inside[1])
            for order in orders:
                polys = [self.a.polys[p] for p in inside[0]], [self.b.polys[p] for p in order]
                yield from self._each(self._sums, *polys, to, back)

    def _each(self, match: Any, left: Any, right: Any, to: Any, back: Any) -> Iterator[Any]:
        if not left:
            yield to, back
            return
        for t_, b_ in match(left[0], right[0], to, back):
            yield from self._each(match, left[1:], right[1:], t_, b_)

    def _bound(self, x: Leaf, y: Leaf, to: Any, back: Any) -> Iterator[tuple[Any, Any]]:
        if x.kind != y.kind:
            return
        if x in to or y in back:
            if to.get(x) == y:
                yield to, back
            return
        if x.role == Role.INPUT and self.named and x.label != y.label:
            return  # inputs that both call alike are given by their names
        if x.role in (Role.STATE, Role.INPUT):  # one name at two times stays one name
            for known, other in to.items():
                if (known.label == x.label) != (other.label == y.label):
                    return
        yield {**to, x: y}, {**back, y: x}


def correspondence(one: Cell, other: Cell, seconds: float = MOST_SECONDS) -> Correspondence | None:
    """The correspondence of weights under which a cell is another by algebra, or None."""
    until = time.monotonic() + seconds
    try:
        plain = next(sides(other))
        for side in sides(one):
            found = _Matcher(side, plain, until).find()
            if found is not None and len(found) == len(plain.normal.leaves(plain.normal.roots())):
                return Correspondence(side, plain, found)
    except TooLarge:
        return None
    return None


def candidates(one: Cell, other: Cell, seconds: float = MOST_SECONDS) -> Iterator[Correspondence]:
    """Correspondences to be tried with numbers, where algebra finds none: gates as wholes.

    A gate is a set of parameters that stand in one sum; gates with the same kinds of parameters may
    be each other, in any order and with any sign. Names that are alike come first.
    """
    until = time.monotonic() + seconds
    alike = _by_place(one, other)
    if alike is not None:
        yield alike
    try:
        plain = next(sides(other))
        theirs = _by_sum(plain)
        for side in sides(one):
            mine = _by_sum(side)
            if sorted(map(_kinds, mine)) != sorted(map(_kinds, theirs)):
                return
            given = _given(side, plain)
            if given is None:
                return
            for order in _orders(mine, theirs):
                if time.monotonic() > until:
                    return
                leaves = {a: b for m, o in zip(mine, order) for (_, a), (_, b) in zip(m, o)}
                yield Correspondence(side, plain, leaves | given)
    except TooLarge:
        return


def _by_place(one: Cell, other: Cell) -> Correspondence | None:
    """Every weight that of the same name, else the next one of its shape; None if none fits."""
    left = list(other.parameters)
    pairs: list[tuple[Variable, Variable]] = []
    for named in (True, False):
        for v in one.parameters:
            if any(v is p for p, _ in pairs):
                continue
            fit = next((w for w in left if _kind(w) == _kind(v)
                        and (w.name == v.name or not named)), None)  # fmt: skip
            if fit is not None:
                left.remove(fit)
                pairs.append((v, fit))
    if left or len(pairs) != len(one.parameters):
        return None
    leaves = {_leaf(a, None): _leaf(b, None) for a, b in pairs}
    for role in (Role.INPUT, Role.STATE):
        found = partners(one, other, role)
        if found is None:
            return None
        lag = 0 if role == Role.INPUT else -1
        leaves |= {_leaf(v, lag): _leaf(found[v.name], lag) for v in one.having(role)}
    sides_ = [Side(c, Normal(c), {_leaf(v, None): Effective(_leaf(v, None)) for v in c.parameters},
                   frozenset()) for c in (one, other)]  # fmt: skip
    return Correspondence(sides_[0], sides_[1], leaves)


def partners(one: Cell, other: Cell, role: Role) -> dict[str, Variable] | None:
    """Of every input or state that of the same name if the names are alike, else the next one."""
    mine, theirs = one.having(role), other.having(role)
    if len(mine) != len(theirs):
        return None
    by_name = {v.name: v for v in theirs}
    if {v.name for v in mine} == set(by_name):
        return by_name
    return {a.name: b for a, b in zip(mine, theirs)}


def _leaf(v: Variable, lag: int | None) -> Leaf:
    return Leaf(v.name, lag, v.role, v.shape)


def _kind(v: Variable) -> tuple[bool, bool]:
    return v.shape[0] == 1, v.shape[1] == 1


_Gate = list[tuple[Any, Leaf]]


def _by_sum(side: Side) -> list[_Gate]:
    """The parameters by the sum that they stand in, each with the look of its term."""
    normal = side.normal
    found: dict[int, _Gate] = {}
    for leaf, places in normal.leaves(normal.roots()).items():
        if leaf.role == Role.PARAMETER:
            poly, mono = places[0]
            found.setdefault(poly, []).append((repr(normal.look_of(mono, side.looks)), leaf))
    return [sorted(g, key=lambda r: (r[0], r[1].label)) for g in found.values()]


def _kinds(gate: _Gate) -> str:
    return repr([look for look, _ in gate])


def _orders(mine: list[_Gate], theirs: list[_Gate]) -> Iterator[list[_Gate]]:
    groups: dict[str, list[int]] = {}
    for i, gate in enumerate(theirs):
        groups.setdefault(_kinds(gate), []).append(i)
    keys = [_kinds(g) for g in mine]

    def alike(choice: Any) -> int:
        chosen = {k: iter(c) for k, c in zip(groups, choice)}
        pairs = [(m, theirs[next(chosen[k])]) for m, k in zip(mine, keys)]
        return -sum(a.label == b.label for m, o in pairs for (_, a), (_, b) in zip(m, o))

    every = product(*(permutations(g) for g in groups.values()))
    few = [c for c, _ in zip(every, range(5040))]
    for choice in sorted(few, key=alike):
        chosen = {k: iter(c) for k, c in zip(groups, choice)}
        yield [theirs[next(chosen[k])] for k in keys]


def _given(side: Side, plain: Side) -> dict[Leaf, Leaf] | None:
    """Inputs and states by name, or in the order in which they are written."""
    leaves = {}
    for role in (Role.INPUT, Role.STATE):
        found = partners(side.cell, plain.cell, role)
        if found is None:
            return None
        for leaf in side.normal.leaves(side.normal.roots()):
            if leaf.role == role:
                v = found[leaf.label]
                leaves[leaf] = Leaf(v.name, leaf.lag, role, v.shape)
    return leaves


def acts_as(found: Correspondence) -> list[tuple[str, str, bool]]:
    """Of every named part of the one, the named part of the other that it is; or is one less it."""
    theirs = {
        _said(found.other.normal, found.other.normal.of(e.variable.name), {}): e.variable.name
        for e in found.other.cell.equations
    }
    to = dict(found.leaves)
    rows = []
    for e in found.one.cell.equations:
        poly = found.one.normal.of(e.variable.name)
        name = theirs.get(_said(found.one.normal, poly, to))
        rest = {m: -c for m, c in poly.items()}
        rest[()] = rest.get((), Fraction(0)) + 1
        rest = {m: c for m, c in rest.items() if c}
        other = theirs.get(_said(found.one.normal, rest, to))
        if name is not None:
            rows.append((e.variable.name, name, False))
        elif other is not None:
            rows.append((e.variable.name, other, True))
    return rows


def same_by_algebra(one: Cell, other: Cell) -> bool:
    """Whether two cells with the same names have the same normal form."""
    try:
        a, b = Normal(one), Normal(other)
        pairs = [(a.output, b.output)]
        pairs += [(a.of(v.name), b.of(v.name)) for v in one.states if v in other.states]
        return all(_said(a, p, {}) == _said(b, q, {}) for p, q in pairs)
    except TooLarge:
        return False


def _said(normal: Normal, poly: Poly, to: Mapping[Leaf, Leaf]) -> str:
    """A sum in words that do not depend on order, its leaves called as those of the other cell."""

    def term(mono: Mono) -> str:
        return "*".join(sorted(f"{atom(a)}^{n}" for a, n in mono))

    def total(p: Poly) -> str:
        return "(" + "+".join(sorted(f"{c}:{term(m)}" for m, c in p.items())) + ")"

    def atom(a: int) -> str:
        kind, *rest = normal.atoms[a]
        if kind == "leaf":
            leaf = to.get(rest[0], rest[0])
            return f"{leaf.label}{leaf.lag}{leaf.rows}"
        if kind == "turned":
            return f"T{atom(rest[0])}"
        if kind == "product":
            return "@".join(term(f) for f in rest[0])
        inside = [total(normal.polys[p]) for p in normal.inside(a)]
        inside = sorted(inside) if rest[0] in ("max", "min") else inside
        return f"{kind}{[r for r in rest if isinstance(r, str)]}{inside}"

    return total(poly)


__all__ = ["Correspondence", "Effective", "acts_as", "candidates", "correspondence"]
