"""Shape inference: what the symbols of a text are, how wide, and which scalars multiply.

Everything is in row form here. Unification alone would guess (a text in column form, an undeclared
scalar, a key width of 1 all have solutions); the rules that keep it from guessing are marked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

from ..ops import CALLS
from ..ops.functions import ELEMENTWISE
from ..ops.node import read_signature
from ..ops.rowfunctions import ROWS
from .dims import ONE, Clash, Dim, expression, is_one, linear, total, unify
from .sizes import known_dim, name_sizes, ranged_width, special_shape
from .symbols import Pair, Symbols, walk
from .tree import (
    Chain,
    EquationTree,
    Flip,
    Function,
    Identity,
    InnerProduct,
    Join,
    Measure,
    Num,
    Product,
    Raise,
    Ranged,
    Ref,
    Special,
    Sum,
    SumOverTime,
    Tree,
)


def matrices_of(
    equations: Iterable[EquationTree], symbols: Symbols, declared: Mapping[str, bool]
) -> set[str]:
    """The time-indexed names whose equations give whole matrices (rule 3).

    A matrix comes from an outer product, k^⊤ v, or from another matrix. In r (k^⊤ v) a row stands
    before it, and the result is a row again.

    Args:
        equations: of the text, in row form.
        symbols: which names have a time index, and which are declared scalars.
        declared: of names with a declared shape, whether that is a matrix.
    """
    equations = list(equations)
    found = {name for name, matrix in declared.items() if matrix}
    while True:
        more = {
            e.name.name
            for e in equations
            if e.name.name in symbols.timed
            and e.name.name not in declared
            and e.name.name not in symbols.scalars
            and _tall(e.right, symbols, found)
        } - found
        if not more:
            return found
        found |= more


def _tall(node: Any, symbols: Symbols, matrices: set[str]) -> bool:
    """Whether a value has more than one row, as far as its text tells."""
    scalar = Inference(symbols).scalar
    match node:
        case Ref():
            return node.name in matrices
        case Flip():
            inner = node.items[0]
            if isinstance(inner, Function) and inner.name in ROWS and ROWS[inner.name].reduces:
                return False  # a number for each row, turned over
            return not scalar(inner) and _varies(inner, symbols)
        case Product():
            factors = [f for f in node.items if not scalar(f)]
            for i, factor in enumerate(factors):
                if i and not isinstance(factor, Flip):
                    return False  # behind a parameter, which may be a row, nothing tells
                if _tall(factor, symbols, matrices):
                    # k^⊤ alone is a column; with something behind it, a matrix.
                    rest = factors[i + 1 :]
                    whole = not isinstance(factor, Flip) or any(_varies(r, symbols) for r in rest)
                    return whole or _tall_alone(factor, matrices)
                if _varies(factor, symbols):
                    return False  # a row stands in front
            return False
        case Function():
            if node.name in CALLS:
                return read_signature(CALLS[node.name].signature)[1][0] != "1"
            return any(_tall(item, symbols, matrices) for item in node.items)
        case Sum() | Chain() | Raise() | Join():
            return any(_tall(item, symbols, matrices) for item in node.items)
    return False


def _tall_alone(factor: Any, matrices: set[str]) -> bool:
    return isinstance(factor, Flip) and isinstance(factor.items[0], Ref) and (
        factor.items[0].name in matrices
    )  # fmt: skip


def _varies(node: Tree, symbols: Symbols) -> bool:
    return any(isinstance(n, Ref) and n.name in symbols.timed for n in walk(node))


class Inference:
    """Finds the shape of every node of every equation, by unification."""

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        self.shapes: dict[int, Pair] = {}
        self.products: list[Product] = []
        self.powers: list[Raise] = []
        self.identities: list[tuple[Identity, Dim]] = []
        self.names: dict[Dim, str] = {}

    # --- messages

    def text_of(self, tree: Tree) -> str:
        text = " ".join(self.symbols.text[tree.start : tree.end].split())
        return text if len(text) <= 40 else text[:39] + "…"

    def shown(self, pair: Pair) -> str:
        rows, cols = (expression(d, self.names) for d in pair)
        if self.symbols.column:
            rows, cols = cols, rows
        return f"{rows} × {cols}"

    def clash(self, what: str, one: Tree, a: Pair, other: Tree, b: Pair, at: Tree) -> NoReturn:
        self.name_all()
        self.symbols.fail(
            f"{what}: '{self.text_of(one)}' is {self.shown(a)} "
            f"and '{self.text_of(other)}' is {self.shown(b)}",
            at,
        )

    def name_all(self) -> None:
        """Give unknown sizes provisional names so that a message can show shapes."""
        self.names = name_sizes(self.symbols)

    # --- the rules

    def scalar(self, tree: Tree) -> bool:
        """Whether a tree is made of numbers and declared scalars alone (rule 2)."""
        match tree:
            case Num() | Measure() | InnerProduct():
                return True
            case Ref():
                return tree.name in self.symbols.scalars
            case Function():
                return tree.name in ELEMENTWISE and all(map(self.scalar, tree.items))
            case Sum() | Chain() | Raise() | Flip() | Product():
                return all(map(self.scalar, tree.items))
        return False

    def equation(self, equation: EquationTree, spreads: bool = False) -> None:
        """Make both sides one shape; a scalar may stand for a whole matrix if `spreads`."""
        left = self.symbols.shapes[equation.name.name]
        right = self.shape(equation.right)
        if spreads and self.scalar(equation.right):
            return
        if self.symbols.derived and is_one(right[1]):  # a column, or one number, for a whole matrix
            right = (left[0] if is_one(right[0]) else right[0], left[1])
        try:
            for a, b in zip(left, right):
                unify(a, b)
        except Clash:
            name = equation.name
            self.name_all()
            width = "a row vector" if not self.symbols.column else "a column vector"
            hint = ""
            if is_one(right[0]) and is_one(right[1]):
                hint = f"; if it is a scalar, declare it: `{self.text_of(name)}: scalar`"
            elif is_one(left[0]) and not is_one(right[0]):
                hint = (
                    f"; a time-indexed name is {width} unless its equation has an outer product "
                    f"or a declaration such as `{self.text_of(name)}: K × V`"
                )
            self.symbols.fail(
                f"'{self.text_of(name)}' is {self.shown(left)} and its equation gives "
                f"{self.shown(right)}{hint}",
                equation.name,
            )

    def shape(self, tree: Tree) -> Pair:
        pair = self.shapes[id(tree)] = self._shape(tree)
        return pair

    def _shape(self, tree: Tree) -> Pair:
        match tree:
            case Num() | Measure():
                return ONE, ONE
            case InnerProduct():
                self.elementwise(tree, tree.items, "have no inner product")
                return ONE, ONE
            case Special():
                rows, cols = special_shape(tree, self.symbols)
                return known_dim(rows, self.symbols.sizes), known_dim(cols, self.symbols.sizes)
            case Identity():
                size = Dim()
                if tree.size in self.symbols.sizes:
                    size = self.symbols.sizes[tree.size]
                if tree.size.isdigit():
                    self.identities.append((tree, size))
                return size, size
            case SumOverTime():
                return self.shape(tree.items[0])
            case Ranged():
                return self.shape(tree.items[0])[0], ranged_width(tree, self.symbols)
            case Ref():
                return self.symbols.shapes[tree.name]
            case Flip():
                rows, cols = self.shape(tree.items[0])
                return cols, rows
            case Sum():
                return self.elementwise(tree, tree.items, "cannot be added")
            case Chain():
                self.refuse_mixture(tree)
                word = "divided" if "SLASH" in tree.operators else "multiplied elementwise"
                return self.elementwise(tree, tree.items, f"cannot be {word}")
            case Raise():
                base = tree.items[0]
                if isinstance(base, Ref) and base.name == "e" and "e" not in self.symbols.scalars:
                    self.symbols.fail("write exp(…) for a power of e", base)
                self.powers.append(tree)
                return self.elementwise(tree, tree.items, "cannot be base and exponent")
            case Product():
                return self.product(tree)
            case Join():
                return self.join(tree)
            case Function():
                return self.function(tree)
        raise TypeError(type(tree).__name__)

    def elementwise(self, tree: Tree, items: tuple[Tree, ...], what: str) -> Pair:
        """One shape for all; a 1 × 1 operand is spread over the others."""
        shapes = [(item, self.shape(item)) for item in items]
        wide = [(i, s) for i, s in shapes if not (is_one(s[0]) and is_one(s[1]))]
        if not wide:
            return ONE, ONE
        first, shape = wide[0]
        if self.symbols.derived:
            full = [w for w in wide if not is_one(w[1][1])]
            first, shape = full[0] if full else wide[0]
        for item, other in wide:
            if other is shape:
                continue
            if self.symbols.derived and is_one(other[1]) and not is_one(shape[1]):
                other = (other[0], shape[1])
            try:
                for a, b in zip(shape, other):
                    unify(a, b)
            except Clash:
                self.clash(f"these {what}", first, shape, item, other, item)
        return shape

    def refuse_mixture(self, tree: Chain) -> None:
        """A matrix product beside ⊙ or / needs parentheses (rule 5)."""
        for i, item in enumerate(tree.items):
            if not isinstance(item, Product) or item.grouped:
                continue
            if sum(not self.scalar(f) for f in item.items) > 1:
                self.symbols.fail(
                    "a matrix product beside ⊙ or / needs parentheses, as it could be two things: "
                    f"{self.readings(tree, i)}",
                    item,
                )
            if i and tree.operators[i - 1] == "SLASH":
                self.symbols.fail(
                    f"a product behind / needs parentheses, as it could be two things: "
                    f"{self.readings(tree, i)}",
                    item,
                )

    def readings(self, tree: Chain, i: int) -> str:
        """Both ways to put parentheses around a product that stands beside ⊙ or /."""
        item = tree.items[i]
        assert isinstance(item, Product)
        text = self.symbols.text
        whole = self.text_of(item)
        factors = sorted(item.items, key=lambda f: f.start)  # as written, also in column form
        if i:
            before, operator = tree.items[i - 1], tree.operators[i - 1]
            first, rest = factors[0], text[factors[0].end : item.end].strip()
            sign = "⊙" if operator == "HADAMARD" else "/"
            one = f"{self.text_of(before)} {sign} ({whole})"
            return f"{one} or ({self.text_of(before)} {sign} {self.text_of(first)}) {rest}"
        after, operator = tree.items[1], tree.operators[0]
        last, lead = factors[-1], text[item.start : factors[-1].start].strip()
        sign = "⊙" if operator == "HADAMARD" else "/"
        one = f"({whole}) {sign} {self.text_of(after)}"
        return f"{one} or {lead} ({self.text_of(last)} {sign} {self.text_of(after)})"

    def product(self, tree: Product) -> Pair:
        matrices = [item for item in tree.items if not self.scalar(item)]
        for item in tree.items:
            if item not in matrices:
                self.shape(item)
        if not matrices:
            return ONE, ONE
        self.products.append(tree)
        shape = self.shape(matrices[0])
        for before, item in zip(matrices, matrices[1:]):
            other = self.shape(item)
            try:
                unify(shape[1], other[0])
            except Clash:
                left = self.shapes[id(before)]
                pair = ("rows", "columns") if self.symbols.column else ("columns", "rows")
                one, two = (before, left), (item, other)
                if self.symbols.column:
                    one, two = two, one
                if self.is_row(before) and self.is_row(item):
                    self.symbols.fail(
                        f"'{self.text_of(before)}' and '{self.text_of(item)}' are both vectors, "
                        "and have no matrix product; ⊙ (\\odot) is their elementwise product, "
                        "⟨a, b⟩ their inner product",
                        item,
                    )
                self.clash(
                    f"a matrix product needs as many {pair[0]} on its "
                    f"{'right' if self.symbols.column else 'left'} as {pair[1]} on its "
                    f"{'left' if self.symbols.column else 'right'}",
                    *one,
                    *two,
                    item,
                )
            shape = (shape[0], other[1])
        return shape

    def is_row(self, tree: Tree) -> bool:
        """Whether a factor is a time-indexed name with one row."""
        if not isinstance(tree, Ref) or tree.name not in self.symbols.timed:
            return False
        rows, cols = self.symbols.shapes[tree.name]
        return is_one(rows) and not is_one(cols)

    def join(self, tree: Join) -> Pair:
        shapes = [self.shape(item) for item in tree.items]
        for item, other in zip(tree.items[1:], shapes[1:]):
            try:
                unify(shapes[0][0], other[0])
            except Clash:
                self.clash("these cannot be joined", tree.items[0], shapes[0], item, other, item)
        return shapes[0][0], total([cols for _, cols in shapes])

    def function(self, tree: Function) -> Pair:
        given = len(tree.items)
        if tree.name in ELEMENTWISE:
            entry = ELEMENTWISE[tree.name]
            least, most = entry.required, len(entry.arguments)
        elif tree.name in CALLS:
            least = most = len(read_signature(CALLS[tree.name].signature)[0])
        else:
            least, most = 1, 1 + len(ROWS[tree.name].defaults)
        if not least <= given <= most:
            wanted = f"{least}" if least == most else f"{least} to {most}"
            self.symbols.fail(f"{tree.name} takes {wanted} argument(s), not {given}", tree)
        if tree.name in ELEMENTWISE:
            return self.elementwise(tree, tree.items, f"cannot be arguments of {tree.name}")
        if tree.name in CALLS:
            return self.called(tree)
        for option in tree.items[1:]:
            if not self.scalar(option):
                self.symbols.fail(
                    f"argument '{self.text_of(option)}' of {tree.name} must be a number or a "
                    "declared scalar",
                    option,
                )
            self.shape(option)
        rows, cols = self.shape(tree.items[0])
        return (rows, ONE) if ROWS[tree.name].reduces else (rows, cols)

    def called(self, tree: Function) -> Pair:
        """The shape of an operation with a signature: a letter is one size, wherever it stands."""
        given, result = read_signature(CALLS[tree.name].signature)
        letters: dict[str, Dim] = {"1": ONE}
        for item, wanted in zip(tree.items, given):
            shape = self.shape(item)
            try:
                for letter, dim in zip(wanted, shape):
                    unify(letters.setdefault(letter, dim), dim)
            except Clash:
                self.name_all()
                kind = "a vector" if "1" in wanted else (
                    "a square matrix" if len(set(wanted)) == 1 else "a matrix"
                )  # fmt: skip
                self.symbols.fail(
                    f"{tree.name} takes {kind}, and '{self.text_of(item)}' is {self.shown(shape)}",
                    tree,
                )
        rows, cols = (letters[letter] for letter in result)
        return rows, cols

    # --- what can be said only when all is solved

    def finish(self) -> None:
        """Refuse what only shows when all sizes are known.

        Raises:
            ShapeError: for a factor that would be 1 × 1, a power of a matrix, an identity of
                another size than what stands beside it.
        """
        for identity, dim in self.identities:
            parts, number = linear(dim)
            if not parts and number != int(identity.size):
                self.symbols.fail(
                    f"'{self.text_of(identity)}' stands where a {number} × {number} matrix does",
                    identity,
                )
        for tree in self.products:
            matrices = [item for item in tree.items if not self.scalar(item)]
            rows = self.shapes[id(matrices[0])][0]
            for i, item in enumerate(matrices[:-1]):
                if is_one(rows) and is_one(self.shapes[id(item)][1]):  # rule 4
                    text = " ".join(self.text_of(m) for m in matrices[: i + 1])
                    reason = f"'{text}' would be 1 × 1, and stands as a factor of a matrix product"
                    if i or isinstance(item, Product):
                        reason = (
                            f"'{text}' would be an inner product, 1 × 1, and stands as a factor of "
                            "a matrix product; if that is meant, ⊙ stands behind it"
                        )
                    start = matrices[0].start
                    self.symbols.fail(reason, replace(item, start=start))
        for power in self.powers:
            rows, cols = self.shapes[id(power)]
            if not is_one(rows) and not is_one(cols) and not power.elementwise:
                self.symbols.fail(
                    "a power of a matrix could be two things; write ^{∘2} for the elementwise one",
                    power,
                )
