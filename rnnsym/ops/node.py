"""The node: a SymPy matrix expression that broadcasts, and all that an operation says of itself.

An operation is one class in one file of this room. What it must say is below, in this order: its
shape, its value entry by entry, how it changes, the transpose of that change, how it is written,
its entry as a formula, its code, which values it can have, where its formula changes and where it
has a value, its cost, and what it is in the other convention. Each is asked by whoever walks over
an expression: the operation sees its operands through the walker alone.

Shapes broadcast: a side that is 1 wide stands beside one of any width. The language checks shapes,
not this room: SymPy does not check symbolic ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import sympy
from sympy import Basic, Expr, ImmutableDenseMatrix, Integer, MatrixExpr, S, Symbol, sympify
from sympy.core.symbol import Str
from sympy.matrices.expressions.matexpr import MatrixElement

from ..errors import InputError
from ..names import t
from ..nouns import Quantity, Shape
from ..pieces import ATOM, Spelled
from ..scalars import Scalar
from .entries import Compiled, Entering, Entries, flip, symbolic_entries
from .margins import Margin
from .spans import EVERYWHERE, Span


@dataclass(frozen=True)
class Change:
    """How an expression changes: a linear expression of changes, and the rules that gave it."""

    expr: Any
    rules: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.expr is not None


NONE = Change(None)

#: The operations that are written as a call, such as diag(v), by their name.
CALLS: dict[str, type[Node]] = {}


class Node(MatrixExpr):
    """Base of the operations: arguments are SymPy objects, names are `Str`.

    Attributes:
        call: for an operation that is written as a call, its name in text, TeX and code.
        aliases: other spellings of that name that are read.
        signature: for such an operation, the shapes of its operands and of itself in row form, such
            as "(M, M) -> (M, M)".
        of_scalars: whether it is a scalar for the language where all of its operands are.
        why: why its rules hold, in words, for the page of the calculus.
    """

    call: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    signature: ClassVar[str] = ""
    of_scalars: ClassVar[bool] = False
    why: ClassVar[str] = ""

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        """It on letters, one for each rule that it has, for the page of the calculus."""
        if not cls.signature:
            return ()
        shapes = read_signature(cls.signature)[0]
        names = ("v" if "1" in sides else "ABCDEFGH"[i] for i, sides in enumerate(shapes))
        return (cls.called(*(letter(name, *sides) for name, sides in zip(names, shapes))),)

    @property
    def named(self) -> bool:
        """Whether it gets a name before it is differentiated, and its operands get one."""
        return False

    def __new__(cls, *args: Any) -> Node:
        return Basic.__new__(
            cls,
            *(
                a if isinstance(a, Basic) else Str(a) if isinstance(a, str) else sympify(a)
                for a in args
            ),
        )

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.call:
            CALLS[cls.call] = cls

    @classmethod
    def called(cls, *operands: Any) -> Node:
        """The operation as the language reads its call."""
        return cls(*operands)

    @cached_property
    def operands(self) -> tuple[Any, ...]:
        """The arguments that are matrices."""
        return tuple(a for a in self.args if isinstance(a, MatrixExpr))

    # --- what an operation says of itself

    @property
    def shape(self) -> Shape:
        """(rows, columns)."""
        if not self.signature:
            raise TypeError(f"{type(self).__name__} must say its shape")
        given, result = read_signature(self.signature)
        sizes: dict[str, Expr] = {}
        for letters, operand in zip(given, self.operands):
            sizes |= dict(zip(letters, operand.shape))
        rows, cols = (sizes.get(letter, S.One) for letter in result)
        return (rows, cols)

    def table(self, e: Entering) -> Compiled:
        """Its entries from those of its operands."""
        raise TypeError(f"no entries for {type(self).__name__}")

    def change(self, d: Any) -> Change:
        """What a small change of its operands does to it; `d(operand)` is the change of one."""
        raise InputError(f"there is no rule for the change of {type(self).__name__}")

    def pull(self, outer: Any, p: Any) -> list[Change]:
        """∂L by a change in it, given ∂L by it; it is linear in that change.

        `p(operand, adjoint)` goes on through an operand, `p.holds(operand)` is whether the change
        is in it.
        """
        raise InputError(f"there is no rule for the transpose of {type(self).__name__}")

    def spelled(self, s: Any) -> Spelled:
        """How it is written, and how tightly that binds; `s` is the spelling."""
        return s.called(self.call, self.operands), ATOM

    def element(self, e: Any, i: Expr, j: Expr) -> Scalar:
        """Its entry (i, j) as a formula of elements; `e(operand, i, j)` is that of an operand."""
        raise InputError(f"there is no form in elements of {type(self).__name__}")

    def code(self, p: Any) -> str:
        """Its NumPy text for a batch of samples; `p` prints operands."""
        raise InputError(f"there is no code for {type(self).__name__}")

    def array(self, xp: Any, *operands: Any) -> Any:
        """Its value for batches of matrices (N or 1, rows, columns), in functions of NumPy's names.

        A framework computes an operation by it that it has no other way for.
        """
        raise InputError(f"there is no array function for {type(self).__name__}")

    def span(self, of: Callable[[Any], Span]) -> Span:
        """The least interval that is known to hold its entries; `of(operand)` is an operand's."""
        return EVERYWHERE

    def branches(self) -> tuple[Margin, ...]:
        """Where its formula changes: the signs of these decide which one counts."""
        return ()

    def domain(self) -> tuple[Margin, ...]:
        """Where it has a value: all of these have to stand to 0 as they say."""
        return ()

    def cost(self, count: Callable[[Any], Expr]) -> Expr:
        """Multiply-adds of its products, in sizes; `count(operand)` are those of an operand."""
        return sum(map(count, self.operands), Integer(0))

    def mirrored(self, *args: Any) -> Any:
        """It in the other convention, where every quantity stands for its transpose."""
        return self.func(*args)

    def transposed(self) -> Any:
        """Its transpose, carried inwards to its names where a printer can write it."""
        return self if tuple(self.shape) == (1, 1) else Transpose(self)

    def flipped(self) -> Any:
        """Its transpose as a person would write it: the sign ^⊤ once, no sign inside."""
        return Transpose(self)

    # --- what SymPy asks

    def _numpycode(self, printer: Any, *_: Any) -> str:
        return self.code(printer)

    def as_explicit(self) -> ImmutableDenseMatrix:
        """The explicit matrix of entries, once every size is a number."""
        shapes = [self.shape, *(q.shape for q in self.atoms(Quantity))]
        if not all(isinstance(size, Integer) for shape in shapes for size in shape):
            raise ValueError("a matrix with symbolic shape cannot be represented explicitly")
        return ImmutableDenseMatrix(symbolic_entries(self))

    @cached_property
    def _explicit(self) -> Entries:
        return symbolic_entries(self)

    def _entry(self, i: Any, j: Any, **_: Any) -> Any:
        places = (*self.shape, sympify(i), sympify(j))
        if all(isinstance(n, Integer) for n in places):
            rows, cols = map(int, self.shape)
            return self._explicit[int(i) if rows > 1 else 0][int(j) if cols > 1 else 0]
        return MatrixElement(self, i, j)


class Transpose(Node, sympy.Transpose):
    """The transpose of a matrix."""

    of_scalars = True
    why = "transposing is linear, and undoes itself"

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        return (Transpose(letter("A")),)

    @property
    def shape(self) -> Shape:
        rows, cols = self.args[0].shape
        return (cols, rows)

    def table(self, e: Entering) -> Compiled:
        turned = e(self.args[0])
        return lambda leaf: flip(turned(leaf))

    def change(self, d: Any) -> Change:
        """d(A^⊤) = (dA)^⊤."""
        inner = d(self.args[0])
        return Change(transpose(inner.expr), (*inner.rules, "transpose")) if inner else NONE

    def pull(self, outer: Any, p: Any) -> list[Change]:
        return p.named("transpose", p(self.args[0], transpose(outer)))

    def span(self, of: Callable[[Any], Span]) -> Span:
        return of(self.args[0])

    def spelled(self, s: Any) -> Spelled:
        return s.turned(self.args[0])

    def element(self, e: Any, i: Expr, j: Expr) -> Scalar:
        return e(self.args[0], j, i)

    def code(self, p: Any) -> str:
        return p.turned_over(self.args[0])

    def transposed(self) -> Any:
        return self.args[0]

    flipped = transposed


# --- expressions of operations and quantities -----------------------------------------------------


def transpose(expr: Any) -> Any:
    """A^⊤, without a double transpose; 1 × 1 matrices are their own."""
    if tuple(expr.shape) == (1, 1):
        return expr
    return expr.flipped() if isinstance(expr, Node) else Transpose(expr)


def transposed(expr: Any) -> Any:
    """The transpose of an expression, carried inwards to its names where a printer can write it."""
    if tuple(expr.shape) == (1, 1):
        return expr
    return expr.transposed() if isinstance(expr, Node) else Transpose(expr)


def mirrored(expr: Any) -> Any:
    """The same formula in the other convention: every product reversed, every shape swapped.

    Row form and column form are each other's transpose; each symbol then stands for its transpose.
    """
    if isinstance(expr, Quantity):
        label, rows, cols, time = expr.args
        return Quantity(label, cols, rows, time)
    if not isinstance(expr, MatrixExpr):
        return expr
    return expr.mirrored(*map(mirrored, expr.args))


def widest(shapes: Iterable[Any]) -> Shape:
    """The shape that shapes are broadcast to: the widest of each side."""
    rows: Any = S.One
    cols: Any = S.One
    for r, c in shapes:
        rows = r if rows == 1 else rows
        cols = c if cols == 1 else cols
    return (rows, cols)


def replace_quantities(expr: Any, rename: Callable[[Quantity], Any]) -> Any:
    """Rebuild an expression with every quantity replaced, keeping the order of all terms."""
    if isinstance(expr, Quantity):
        return rename(expr)
    if not isinstance(expr, MatrixExpr):
        return expr
    return expr.func(*(replace_quantities(a, rename) for a in expr.args))


def resized(expr: Any, sizes: Mapping[Any, Any]) -> Any:
    """Rebuild an expression with its sizes replaced, keeping the order of all terms."""
    return expr.xreplace(sizes)


def at_time(expr: Any, time: Any) -> Any:
    """An expression of step t as it stands at another time: t becomes `time` everywhere."""
    time = sympify(time)
    return replace_quantities(
        expr, lambda q: q if q.time is None else q.at(q.time.xreplace({t: time}))
    )


def contains(expr: Any, quantity: Quantity) -> bool:
    """Whether a quantity stands in an expression."""
    stack = [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, Quantity):
            if node == quantity:
                return True
        elif isinstance(node, MatrixExpr):
            stack.extend(node.args)
    return False


def _size(letter: str) -> Expr:
    return S.One if letter == "1" else Symbol(letter)


def letter(name: str, rows: str = "K", cols: str = "M") -> Quantity:
    """A matrix of a name, its sizes as letters, for examples."""
    return Quantity(name, _size(rows), _size(cols))


def read_signature(text: str) -> tuple[list[list[str]], list[str]]:
    """ "(M, M) -> (1, M)" as the letters of each operand and of the result."""
    given, _, result = text.partition("->")
    groups = [part.strip(" (,").split(",") for part in given.split(")") if part.strip(" (,")]
    return (
        [[letter.strip() for letter in group] for group in groups],
        [letter.strip() for letter in result.strip(" ()").split(",")],
    )
