"""A normal form of cells: what is the same function by algebra alone becomes the same form.

Everything that a step computes is written out in what it is given: sums of products of atoms. An
atom is a name, a matrix product, a function of such a sum. So the order of terms, names for parts,
factoring, `[x, h] W` for `x W_1 + h W_2` and σ(-a) for 1 - σ(a) make no difference here. It only
finds what may correspond; whether two cells are one function is decided by numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, reduce
from typing import Any

import mpmath
from sympy import Expr, Integer

from ..names import t
from ..nouns import Cell, Quantity, Role
from ..ops.elementwise import POWER, QUOTIENT, Apply, is_function
from ..ops.functions import ELEMENTWISE
from ..ops.joins import Concat
from ..ops.leaves import Eye, Number
from ..ops.node import Transpose
from ..ops.numbers import numeric
from ..ops.products import MatMul
from ..ops.rows import RowApply
from ..ops.sums import MatAdd, Minus

#: Sums of more terms are not written out.
MOST_TERMS = 400


class TooLarge(Exception):
    """A cell that grows too large when it is written out."""


#: What a name is called: its label, its lag (0, -1, or None), and of a part of a matrix its rows.
@dataclass(frozen=True)
class Leaf:
    """A quantity that is given to a step, or some rows of a parameter."""

    label: str
    lag: int | None
    role: Role
    shape: tuple[Expr, Expr]
    rows: tuple[Expr, Expr] | None = None

    @property
    def kind(self) -> tuple[Any, ...]:
        """What leaves that may correspond have in common."""
        role = Role.PARAMETER if self.role == Role.CONSTANT else self.role
        return role, self.lag, self.shape[0] == 1, self.shape[1] == 1

    @property
    def scalar(self) -> bool:
        return self.shape == (1, 1)


#: A product of atoms with their powers, and a sum of such products with coefficients. Atoms and
#: sums are numbers into the tables of a `Normal`.
Mono = tuple[tuple[int, int], ...]
Poly = dict[Mono, Fraction]


@cache
def parity(name: str) -> str:
    """How a function of one argument changes with the sign of it: odd, even, complement or none."""
    if len(ELEMENTWISE[name].arguments) != 1:
        return ""
    function = numeric(name, 1)
    points = [mpmath.mpf(v) for v in ("0", "0.3", "1.7", "4.1", "0.04")]
    found = []
    for z in points:
        try:
            plus, minus = function(z), function(-z)
        except (ZeroDivisionError, ValueError):
            return ""
        if isinstance(plus, mpmath.mpc) or isinstance(minus, mpmath.mpc):
            return ""
        found.append((plus, minus))

    def all_near(value: Any) -> bool:
        return all(abs(value(p, m)) < 1e-12 for p, m in found)

    if all_near(lambda p, m: p + m):
        return "odd"
    if all_near(lambda p, m: p - m):
        return "even"
    return "complement" if all_near(lambda p, m: p + m - 1) else ""


class Normal:
    """The normal form of one cell.

    Args:
        cell: the cell.
        values: for parameters and states, what stands in their place: a sign, or 0 for one that is
            left out; "T" for the transpose of another parameter.
    """

    def __init__(self, cell: Cell, values: Mapping[str, int | str] | None = None) -> None:
        self.cell = cell
        self.given = dict(values or {})
        self.atoms: list[tuple[Any, ...]] = []
        self.polys: list[Poly] = []
        self._atom_ids: dict[Any, int] = {}
        self._poly_ids: dict[Any, int] = {}
        self._defined = {e.variable.name: e for e in cell.equations}
        self._known: dict[str, Poly] = {}

    # --- tables

    def atom(self, *parts: Any) -> int:
        if parts not in self._atom_ids:
            self._atom_ids[parts] = len(self.atoms)
            self.atoms.append(parts)
        return self._atom_ids[parts]

    def kept(self, poly: Poly) -> int:
        key = frozenset(poly.items())
        if key not in self._poly_ids:
            self._poly_ids[key] = len(self.polys)
            self.polys.append(poly)
        return self._poly_ids[key]

    # --- roots

    def of(self, name: str) -> Poly:
        """What a variable is, in what the step is given."""
        if name not in self._known:
            equation = self._defined[name]
            poly = self.poly(equation.expr)
            if self.given.get(name) == -1 and equation.variable.role == Role.STATE:
                poly = _scaled(poly, Fraction(-1))
            self._known[name] = poly
        return self._known[name]

    @property
    def output(self) -> Poly:
        return self.of(self.cell.output.name)

    # --- sums and products

    def poly(self, expr: Any) -> Poly:
        """An expression as a sum of products."""
        match expr:
            case Quantity():
                return self.leaf(expr)
            case Number():
                return _constant(Fraction(int(expr.value.p), int(expr.value.q)))
            case MatAdd():
                return _sum(self.poly(a) for a in expr.args)
            case Minus():
                return _scaled(self.poly(expr.args[0]), Fraction(-1))
            case MatMul():
                result = self.poly(expr.args[0])
                for a in expr.args[1:]:
                    result = self.product(result, self.poly(a))
                return result
            case Apply() if not is_function(expr):
                first, *rest = map(self.poly, expr.operands)
                if expr.name_ == QUOTIENT:
                    return self.times(first, self.inverse(*rest))
                return self.power(first, *rest) if expr.name_ == POWER else reduce(
                    self.times, rest, first)  # fmt: skip
            case Transpose():
                return self.turned(self.poly(expr.args[0]))
            case Apply():
                return self.function(expr.name_, [self.poly(a) for a in expr.operands])
            case RowApply():
                return self.along(expr)
            case Eye():
                return {((self.atom("eye"), 1),): Fraction(1)}
            case Concat():
                parts = tuple((self.kept(self.poly(a)), a.shape[1 if expr.axis else 0])
                              for a in expr.operands)  # fmt: skip
                return {((self.atom("join", expr.axis, parts), 1),): Fraction(1)}
        children = tuple(self.kept(self.poly(a)) if hasattr(a, "shape") else str(a)
                         for a in expr.args)  # fmt: skip
        return {((self.atom("other", type(expr).__name__, *children), 1),): Fraction(1)}

    def leaf(self, q: Quantity) -> Poly:
        equation = self._defined.get(q.label)
        if equation is not None and q.time == equation.time:
            return self.of(q.label)
        lag = None if q.time is None else int(q.time - t)
        v = self.cell[q.label]
        given = self.given.get(q.label, 1)
        if given == 0:
            return {}
        shape = v.shape[::-1] if given == "T" else v.shape
        name = self.atom("leaf", Leaf(q.label, lag, v.role, shape))
        poly: Poly = {((name, 1),): Fraction(-1 if given == -1 else 1)}
        return self.turned(poly) if given == "T" else poly

    def times(self, a: Poly, b: Poly) -> Poly:
        """The elementwise product."""
        if len(a) * len(b) > MOST_TERMS:
            raise TooLarge
        result: Poly = {}
        for (m, c), (n, d) in ((x, y) for x in a.items() for y in b.items()):
            _put(result, _joined(m, n), c * d)
        return result

    def inverse(self, poly: Poly) -> Poly:
        if len(poly) == 1:
            ((mono, c),) = poly.items()
            return {tuple((atom, -n) for atom, n in mono): 1 / c}
        return {((self.atom("inverse", self.kept(poly)), 1),): Fraction(1)}

    def power(self, base: Poly, exponent: Poly) -> Poly:
        number = exponent.get((), Fraction(0)) if set(exponent) <= {()} else None
        if number is not None and number.denominator == 1 and abs(number) <= 6:
            result = _constant(Fraction(1))
            for _ in range(abs(int(number))):
                result = self.times(result, base)
            return self.inverse(result) if number < 0 else result
        if number == Fraction(1, 2):
            return self.function("sqrt", [base])
        atom = self.atom("power", self.kept(base), self.kept(exponent))
        return {((atom, 1),): Fraction(1)}

    def function(self, name: str, arguments: list[Poly]) -> Poly:
        """An elementwise function; signs are taken out of it where that can be done."""
        if name == "silu":
            return self.times(arguments[0], self.function("sigmoid", arguments))
        if name in ("expm1", "log1p"):
            one = _constant(Fraction(1))
            if name == "expm1":
                return _sum([self.function("exp", arguments), _scaled(one, Fraction(-1))])
            return self.function("log", [_sum([one, arguments[0]])])
        if name == "max" and any(not a for a in arguments):
            name, arguments = "relu", [a for a in arguments if a] or [{}]
        sign = parity(name)
        if sign and _mostly_negative(arguments[0]):
            flipped = self._applied(name, [_scaled(arguments[0], Fraction(-1))])
            if sign == "even":
                return flipped
            minus = _scaled(flipped, Fraction(-1))
            return minus if sign == "odd" else _sum([_constant(Fraction(1)), minus])
        return self._applied(name, arguments)

    def _applied(self, name: str, arguments: list[Poly]) -> Poly:
        ids = tuple(self.kept(a) for a in arguments)
        ids = tuple(sorted(ids)) if name in ("max", "min") else ids
        return {((self.atom("function", name, ids), 1),): Fraction(1)}

    def along(self, expr: RowApply) -> Poly:
        options = tuple(self.kept(self.poly(a)) for a in expr.options)
        poly = self.poly(expr.operand)
        if expr.name_ not in ("sum", "mean"):
            atom = self.atom("row", expr.name_, expr.axis, self.kept(poly), options)
            return {((atom, 1),): Fraction(1)}
        result: Poly = {}
        for mono, c in poly.items():
            numbers, rest = self._scalars(mono)
            atom = self.atom("row", expr.name_, expr.axis, self.kept({rest: Fraction(1)}), ())
            _put(result, _joined(numbers, ((atom, 1),)), c)
        return result

    # --- matrix products

    def product(self, a: Poly, b: Poly) -> Poly:
        """The matrix product, written out over sums."""
        if len(a) * len(b) > MOST_TERMS:
            raise TooLarge
        result: Poly = {}
        for (m, c), (n, d) in ((x, y) for x in a.items() for y in b.items()):
            for mono, e in self._product(m, n).items():
                _put(result, mono, c * d * e)
        return result

    def _product(self, m: Mono, n: Mono) -> Poly:
        outer, left = self._scalars(m)
        inner, right = self._scalars(n)
        if (split := self._split(left, right)) is not None:
            return self.times({_joined(outer, inner): Fraction(1)}, split)
        factors = [f for f in (*self._factors(left), *self._factors(right))
                   if f != ((self.atom("eye"), 1),)]  # fmt: skip
        if not factors:
            factors = [((self.atom("eye"), 1),)]
        if len(factors) == 1:
            return {_joined(_joined(outer, inner), factors[0]): Fraction(1)}
        atom = self.atom("product", tuple(factors))
        return {_joined(_joined(outer, inner), ((atom, 1),)): Fraction(1)}

    def _scalars(self, mono: Mono) -> tuple[Mono, Mono]:
        """The scalar names in a product, and the rest of it."""
        apart = [(a, n) for a, n in mono
                 if self.atoms[a][0] == "leaf" and self.atoms[a][1].scalar]  # fmt: skip
        return tuple(apart), tuple(pair for pair in mono if pair not in apart)

    def _factors(self, mono: Mono) -> list[Mono]:
        if len(mono) == 1 and mono[0][1] == 1 and self.atoms[mono[0][0]][0] == "product":
            return list(self.atoms[mono[0][0]][1])
        return [mono]

    def _split(self, left: Mono, right: Mono) -> Poly | None:
        """[x, h] W as x W_1 + h W_2, where W is a parameter by itself."""
        if len(left) != 1 or self.atoms[left[0][0]][:2] != ("join", 1):
            return None
        first, *rest = self._factors(right)
        if len(first) != 1 or first[0][1] != 1 or self.atoms[first[0][0]][0] != "leaf":
            return None
        whole: Leaf = self.atoms[first[0][0]][1]
        if whole.role != Role.PARAMETER or whole.rows is not None:
            return None
        start: Expr = Integer(0)
        result: Poly = {}
        for poly, width in self.atoms[left[0][0]][2]:
            part = Leaf(whole.label, None, whole.role, (width, whole.shape[1]),
                        (start, start + width))  # fmt: skip
            start = start + width
            term = self.product(self.polys[poly],
                                {((self.atom("leaf", part), 1),): Fraction(1)})  # fmt: skip
            for factor in rest:
                term = self.product(term, {factor: Fraction(1)})
            result = _sum([result, term])
        return result

    def turned(self, poly: Poly) -> Poly:
        """The transpose."""
        result: Poly = {}
        for mono, c in poly.items():
            found: Mono = ()
            for atom, n in mono:
                found = _joined(found, ((self._turned(atom), n),))
            _put(result, found, c)
        return result

    def _turned(self, atom: int) -> int:
        kind, *rest = self.atoms[atom]
        if kind == "turned":
            return rest[0]
        if kind == "eye" or (kind == "leaf" and rest[0].scalar):
            return atom
        if kind == "product":
            turned = []
            for factor in reversed(rest[0]):
                ((mono, _),) = self.turned({factor: Fraction(1)}).items()
                turned.append(mono)
            return self.atom("product", tuple(turned))
        if kind == "function":
            return self.atom("function", rest[0], tuple(self.kept(self.turned(self.polys[p]))
                                                        for p in rest[1]))  # fmt: skip
        return self.atom("turned", atom)

    # --- looking at it

    def inside(self, atom: int) -> Iterator[int]:
        """The sums that stand in an atom."""
        kind, *rest = self.atoms[atom]
        if kind == "function":
            yield from rest[1]
        elif kind == "inverse":
            yield rest[0]
        elif kind == "power":
            yield from rest
        elif kind == "row":
            yield rest[2]
            yield from rest[3]
        elif kind == "join":
            yield from (p for p, _ in rest[1])
        elif kind == "other":
            yield from (p for p in rest[1:] if isinstance(p, int))

    def below(self, mono: Mono) -> Iterator[int]:
        """The atoms of a product, and those in its matrix products."""
        for atom, _ in mono:
            yield atom
            kind, *rest = self.atoms[atom]
            if kind == "turned":
                yield from self.below(((rest[0], 1),))
            elif kind == "product":
                for factor in rest[0]:
                    yield from self.below(factor)

    def sums(self, roots: Iterable[Poly]) -> list[int]:
        """Every sum that is reached, each once, the roots first."""
        found: dict[int, None] = {}
        stack = [self.kept(r) for r in roots]
        while stack:
            poly = stack.pop(0)
            if poly in found:
                continue
            found[poly] = None
            for mono in self.polys[poly]:
                for atom in self.below(mono):
                    stack.extend(self.inside(atom))
        return list(found)

    def roots(self) -> list[Poly]:
        """The output, and the next value of every state that it depends on."""
        found: dict[str, Poly] = {"": self.output}
        while True:
            states = {leaf.label for leaf in self.leaves(list(found.values()))
                      if leaf.role == Role.STATE} - set(found)  # fmt: skip
            if not states:
                return list(found.values())
            found |= {s: self.of(s) for s in sorted(states)}

    def leaves(self, roots: Iterable[Poly]) -> dict[Leaf, list[tuple[int, Mono]]]:
        """Every leaf that is reached, with the sums and terms in which it stands."""
        found: dict[Leaf, list[tuple[int, Mono]]] = {}
        for poly in self.sums(roots):
            for mono in self.polys[poly]:
                for atom in self.below(mono):
                    if self.atoms[atom][0] == "leaf":
                        found.setdefault(self.atoms[atom][1], []).append((poly, mono))
        return found

    def shape_of(self, item: Any) -> Any:
        """What an atom or a term looks like when its parameters have no names."""
        return self._look(item, {})

    def _look(self, atom: int, known: dict[Any, Any]) -> Any:
        if atom in known:
            return known[atom]
        kind, *rest = self.atoms[atom]
        if kind == "leaf":
            found: Any = ("leaf", *map(str, rest[0].kind))
        elif kind == "turned":
            found = ("turned", self._look(rest[0], known))
        elif kind == "product":
            found = ("product", *(self.look_of(f, known) for f in rest[0]))
        else:
            names = [str(r) for r in rest if isinstance(r, str)]
            parts = [self.look_at(p, known) for p in self.inside(atom)]
            if rest[0] in ("max", "min"):
                parts.sort(key=repr)
            found = (kind, *names, *parts)
        known[atom] = found
        return found

    def look_of(self, mono: Mono, known: dict[Any, Any]) -> Any:
        """A term without the names of its parameters."""
        return tuple(sorted(((self._look(a, known), n) for a, n in mono), key=repr))

    def look_at(self, poly: int, known: dict[Any, Any]) -> Any:
        """A sum without the names of its parameters."""
        terms = [(self.look_of(m, known), str(c)) for m, c in self.polys[poly].items()]
        return hash(tuple(sorted(terms, key=repr)))


def _constant(number: Fraction) -> Poly:
    return {(): number} if number else {}


def _put(poly: Poly, mono: Mono, c: Fraction) -> None:
    total = poly.get(mono, Fraction(0)) + c
    if total:
        poly[mono] = total
    else:
        poly.pop(mono, None)


def _sum(polys: Iterable[Poly]) -> Poly:
    result: Poly = {}
    for poly in polys:
        for mono, c in poly.items():
            _put(result, mono, c)
    if len(result) > MOST_TERMS:
        raise TooLarge
    return result


def _scaled(poly: Poly, c: Fraction) -> Poly:
    return {mono: c * d for mono, d in poly.items()}


def _joined(a: Mono, b: Mono) -> Mono:
    powers = dict(a)
    for atom, n in b:
        powers[atom] = powers.get(atom, 0) + n
    return tuple(sorted((atom, n) for atom, n in powers.items() if n))


def _mostly_negative(poly: Poly) -> bool:
    return sum(1 if c < 0 else -1 for c in poly.values()) > 0
