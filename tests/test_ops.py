"""The operations: SymPy expressions that broadcast, closed under change and pull."""

from dataclasses import replace
from itertools import product

import mpmath
import numpy as np
import pytest
import sympy
from golden import cells
from sympy import Integer, MatrixExpr, Symbol

import rnnsym
from rnnsym.checking import calculus as calculus_module
from rnnsym.checking.calculus import TOLERANCE, calculus, error_of_rule
from rnnsym.checking.exact import call, number
from rnnsym.derive.differentials import change, pull
from rnnsym.nouns import Quantity, quantities
from rnnsym.ops import operations
from rnnsym.ops.elementwise import Apply
from rnnsym.ops.entries import entries
from rnnsym.ops.joins import Slice
from rnnsym.ops.leaves import Number
from rnnsym.ops.node import Node, mirrored
from rnnsym.ops.sums import MatAdd, Minus, TimeSum

CELLS = cells()
SIZES = [2, 3, 4, 5, 6, 7]


def expressions(cell):
    """Every right side of a cell and of its derivations, each once."""
    found = {e.expr: None for e in cell.equations}
    for derive in (rnnsym.backpropagate, rnnsym.rtrl, rnnsym.jacobian):
        try:
            found |= {s.equation.expr: None for s in derive(cell)}
        except rnnsym.RnnsymError:
            continue
    return list(found)


def sizes_of(expr):
    """A number for every size in an expression, different from each other."""
    symbols = set().union(
        *(q.shape[i].free_symbols for q in quantities(expr) for i in (0, 1)), set()
    )
    symbols |= {s for s in expr.free_symbols if isinstance(s, Symbol) and str(s) not in ("t", "T")}
    table = {s: Integer(n) for s, n in zip(sorted(symbols, key=str), SIZES)}
    return table | {Symbol("T", integer=True, positive=True): Integer(2)}


@pytest.mark.parametrize("name", CELLS)
def test_every_expression_is_a_sympy_matrix_expression(name):
    seen = 0
    for expr in expressions(CELLS[name]):
        assert isinstance(expr, MatrixExpr)
        qs = quantities(expr)
        assert {q for q in expr.free_symbols if isinstance(q, Quantity)} == set(qs)
        for node in sympy.preorder_traversal(expr):
            if isinstance(node, Node):
                assert node.func(*node.args) == node
        assert expr.xreplace({}) == expr
        sizes = sizes_of(expr)
        small = expr.subs(sizes)
        assert small == expr.xreplace(sizes)
        assert all(n.is_Integer for n in small.shape)
        for q in qs:
            other = Quantity("other", *q.shape, q.time)
            assert other in quantities(expr.subs(q, other)) and q not in quantities(
                expr.subs(q, other)
            )
        if len(small.atoms(TimeSum)):
            continue  # its upper end is T, a number of steps that SymPy's sizes do not tell
        explicit = small.as_explicit()
        assert explicit.shape == tuple(map(int, small.shape))
        assert explicit[0, 0] == small[0, 0]
        assert (
            explicit.free_symbols
            or not qs
            or explicit.is_zero_matrix
            or not explicit.has(sympy.nan)
        )
        seen += 1
    assert seen


def test_what_sympy_makes_of_our_nodes_has_entries_too():
    cell = rnnsym.parse("h_t = tanh(x_t W + h_{t-1} U + b)")
    expr = cell.equations[0].expr.subs({"D": 1, "M": 2})
    doubled = sympy.MatAdd(expr, expr).as_explicit()
    assert doubled == 2 * expr.as_explicit()
    with pytest.raises(ValueError, match="symbolic shape"):
        cell.equations[0].expr.as_explicit()
    (b,) = (q for q in expr.free_symbols if q.label == "b")
    assert b not in expr.subs(b, Quantity("c", 1, 2)).free_symbols
    assert sympy.Symbol("M") not in expr.free_symbols


def test_a_sum_over_steps_binds_its_t():
    d = rnnsym.backpropagate(rnnsym.parse("h_t = tanh(x_t W + h_{t-1} U + b)"))
    total = d.steps[-1].equation.expr
    assert isinstance(total, TimeSum)
    t = rnnsym.names.t
    assert t not in total.free_symbols
    assert total.subs(t, 3) == total


# --- broadcasting -------------------------------------------------------------------------------

M, K = Symbol("M"), Symbol("K")
ROW, COLUMN, MATRIX, ONE = (Quantity(n, *s) for n, s in
                            (("r", (1, M)), ("c", (K, 1)), ("A", (K, M)), ("s", (1, 1))))  # fmt: skip


@pytest.mark.parametrize("make", [
    lambda a, b: MatAdd(a, b), lambda a, b: Apply("⊙", a, b), lambda a, b: Apply("/", a, b),
    lambda a, b: Apply("max", a, b), lambda a, b: Apply("^", a, b),
])  # fmt: skip
def test_operands_are_broadcast_as_numpy_does_it(make):
    rng = np.random.default_rng(0)
    sizes = {M: Integer(3), K: Integer(2)}
    values = {q.label: rng.uniform(0.5, 2, [int(n) for n in q.xreplace(sizes).shape])
              for q in (ROW, COLUMN, MATRIX, ONE)}  # fmt: skip
    ways = {"+": np.add, "⊙": np.multiply, "/": np.divide, "max": np.maximum, "^": np.power}
    for a, b in product((ROW, COLUMN, MATRIX, ONE), repeat=2):
        expr = make(a, b).xreplace(sizes)
        way = ways[expr.name_ if isinstance(expr, Apply) else "+"]
        wanted = way(values[a.label], values[b.label])
        assert tuple(map(int, expr.shape)) == wanted.shape
        found = entries(expr, lambda q: mp(values[q.label]), call, number)
        assert np.allclose(np.array(found, float), wanted, rtol=1e-14)
        assert mirrored(mirrored(expr)) == expr


def mp(array):
    return [[mpmath.mpf(float(v)) for v in row] for row in array]


def test_a_product_is_one_however_it_is_written():
    beside, sign = Apply(" ", ONE, ROW), Apply("⊙", ONE, ROW)
    assert beside == sign and hash(beside) == hash(sign)
    assert beside.beside and beside.func(*beside.args).beside and not sign.beside
    assert Minus(beside) == Minus(sign) != sign
    assert Apply("/", ONE, ROW) != sign


# --- closed under change and pull --------------------------------------------------------------


def moved(q):
    rows, cols = q.shape
    return Quantity(f"moved_{q.label}", rows, cols, q.time)


def checked(expr, seed, twice=True):
    """Change and pull of an expression against differences, and those of the pull once more."""
    found = change(expr, moved)
    if not found:
        return 0
    # Where nothing changes on a sample, as on one side of a step, another is taken.
    errors = (error_of_rule(expr, found.expr, seed + k, move=moved) for k in range(20))
    assert next(e for e in errors if e != float("inf")) <= TOLERANCE, str(expr)
    outer = Quantity("outer_of_it", *expr.shape)
    count = 1
    if twice:
        for q in quantities(expr):
            for part in pull(found.expr, outer, moved(q)):
                count += checked(part.expr, seed + 1, twice=False)
    return count


@pytest.mark.parametrize("name", CELLS)
def test_every_line_of_a_gradient_can_be_differentiated_again(name):
    count = 0
    for step in rnnsym.backpropagate(CELLS[name]):
        expr = step.equation.expr
        terms = expr.args if isinstance(expr, MatAdd) else (expr,)
        for term in terms:
            inside = term.operand if isinstance(term, TimeSum) else term
            count += checked(inside, 7)
    assert count


@pytest.mark.parametrize("expr", [
    Slice(1, MatAdd(MATRIX, ONE), 1, 3), Slice(0, Apply("tanh", MATRIX), 1, K),
    Apply("⊙", COLUMN, MatAdd(ROW, ONE)), Apply("gelu'", MATRIX), Apply("celu'", MATRIX, ONE),
    Apply("^", MatAdd(COLUMN, ROW), Number("3")), Apply("/", ONE, MatAdd(COLUMN, MATRIX)),
], ids=str)  # fmt: skip
def test_rules_that_no_cell_of_the_tests_reaches(expr):
    assert checked(expr, 3)


# --- the calculus on one page -------------------------------------------------------------------


def test_every_operation_has_its_rules_on_the_page_and_a_reason():
    shown = {r.operation for r in calculus()}
    steady = {
        "Node",
        "Leaf",
        "Number",
        "Size",
        "Eye",
        "Filled",
    }  # what has no operand never changes
    of_steps = {"TimeSum"}  # its operand is of a step: derivations show its rule
    assert {k.__name__ for k in operations()} - {k.__name__ for k in shown} == steady | of_steps
    for rule in calculus():
        assert rule.error <= TOLERANCE and rule.why and rule.name and rule.backs
        assert {q.label for q in quantities(rule.equation.expr)} == {
            b.variable.name.partition(":")[2] for b in rule.backs
        }


@pytest.mark.parametrize("index", range(len(calculus())))
def test_a_wrong_rule_is_seen(index, monkeypatch):
    """Every rule of the page, its change and then what comes back made wrong."""
    rule = calculus()[index]
    kind = rule.operation
    right = kind.change

    def wrong_change(self, d):
        found = right(self, d)
        return replace(found, expr=Apply("⊙", Number("1.5"), found.expr)) if found else found

    monkeypatch.setattr(kind, "change", wrong_change)
    linear = change(rule.equation.expr, moved).expr
    assert error_of_rule(rule.equation.expr, linear, 0, move=moved) > 1e-3
    monkeypatch.undo()
    linear = change(rule.equation.expr, moved).expr
    for inside in {type(n) for n in sympy.preorder_traversal(linear) if isinstance(n, Node)}:
        kept = inside.pull
        monkeypatch.setattr(inside, "pull", lambda self, outer, p, kept=kept: [
            replace(c, expr=Apply("⊙", Number("1.5"), c.expr)) for c in kept(self, outer, p)])  # fmt: skip
    if isinstance(linear, Quantity):
        return
    assert error_of_rule(rule.equation.expr, linear, 0, move=moved) > 1e-3


def test_a_rule_that_does_not_hold_stops_the_page(monkeypatch):
    monkeypatch.setattr(calculus_module, "error_of_rule", lambda *_, **__: 1e-3)
    with pytest.raises(rnnsym.CheckError, match="the rule of Y = "):
        calculus()
