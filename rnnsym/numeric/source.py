"""The text of the generated functions: a loop, or straight code for an unrolled derivation."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sympy import Expr, ImmutableMatrix, Integer

from ..names import code_of, t
from ..nouns import ROW, Cell, Derivation, Equation, Quantity, Role, Variable
from ..ops import spellings
from ..ops.sums import TimeSum
from .layout import axes
from .numpy_printer import ROW as ROW_KIND
from .numpy_printer import BatchPrinter, base_of, batched, helper_source, kind


@dataclass(frozen=True)
class Source:
    """Python source and the name of the function in it."""

    text: str
    function: str


def _as_float(number: Expr) -> Expr:
    return number.doit().evalf(17)


def argument_names(cell: Cell) -> list[str]:
    """The arguments of a generated function: inputs, initial states, parameters."""
    return [
        *(code_of(v.name) for v in cell.inputs),
        *(code_of(v.name, Integer(0)) for v in cell.states),
        *(code_of(v.name) for v in cell.parameters),
    ]


def loop_source(cell: Cell, trace: bool = False) -> Source:
    """A function with one line for each equation inside a loop over time."""
    writer = Writer(cell, trace)
    ordered = cell.ordered
    body = [writer.equation(e) for e in ordered if e.time is None]
    kept = writer.kept
    body += writer.allocate(kept)
    for state in cell.states:
        before = writer.code(state.at(t - 1))
        body.append(f"{before} = {writer.code(state.at(0))}")
    for delayed in cell.delayed:
        source = code_of(delayed.name)
        body.append(f"{writer.code(delayed.at(t - 1))} = np.zeros_like({source}[:, 0])")
    body.append("for t in range(T):")
    for variable in cell.inputs:
        body.append(f"    {writer.code(variable.here)} = {code_of(variable.name)}[:, t]")
    body += [f"    {writer.equation(e)}" for e in ordered if e.time is not None]
    for variable in kept:
        body.append(f"    {writer.store(variable, variable.here, 't')}")
    for variable in (*cell.states, *cell.delayed):
        body.append(f"    {writer.code(variable.at(t - 1))} = {writer.code(variable.here)}")
    body += writer.closing()
    return writer.source(body)


def straight_source(derivation: Derivation, trace: bool = False) -> Source:
    """A function with one line for each equation of an unrolled derivation."""
    cell = derivation.cell
    writer = Writer(cell, trace)
    body: list[str] = []
    length = derivation.length or 0
    body += [writer.equation(s.equation) for s in derivation if s.rule == "constant"]
    for delayed in cell.delayed:
        body.append(f"{writer.code(delayed.at(0))} = np.zeros_like({code_of(delayed.name)}[:, 0])")
    step = 0
    for equation in (s.equation for s in derivation if s.rule == "recurrence"):
        if equation.time != step:
            step = int(equation.time or 0)
            for variable in cell.inputs:
                now = writer.code(variable.at(step))
                body.append(f"{now} = {code_of(variable.name)}[:, {step - 1}]")
        body.append(writer.equation(equation))
    stacked = {v.name: [writer.code(v.at(n)) for n in range(1, length + 1)] for v in writer.kept}
    names = {v: f"np.stack([{', '.join(codes)}], axis=1)" for v, codes in stacked.items()}
    if trace:
        constants = writer.constants()
        entries = [f'"{name}": {text}' for name, text in names.items()]
        body.append(f"return {{{', '.join(constants + entries)}}}")
    else:
        body.append(f"return {names[cell.output.name]}")
    return writer.source(body)


class Writer:
    """Turns equations into lines and knows the names that they take."""

    def __init__(
        self, cell: Cell, trace: bool, names: Callable[[Quantity], str] | None = None
    ) -> None:
        self.cell = cell
        self.trace = trace
        # Our functions give (N, T, …); sequences of a gradient have time in front.
        self.order = "samples" if names is None else "steps"
        first = code_of(cell.inputs[0].name) if cell.inputs else "x"
        self.printer = BatchPrinter(
            names, lambda size: self.size_code(size) or str(size), f"{first}.dtype",
            cell.convention != ROW,
            {e.variable.name: base for e in cell.equations
             if (base := base_of(e.expr)) is not None},
        )  # fmt: skip
        self.shapes = {v.name: v.shape for v in cell.variables}
        timed = [v for v in cell.variables if v.timed]
        self.kept: list[Variable] = timed if trace else [cell.output]
        taken = {v.name for v in cell.variables}
        self.samples = "N" if "N" not in taken else "n_samples"
        self.batch = self.samples

    def code(self, quantity: Quantity) -> str:
        return self.printer.name(quantity)

    @contextlib.contextmanager
    def rows(self) -> Iterator[None]:
        """While all steps are computed at once: the batch is that of samples and steps."""
        self.batch = f"T * {self.samples}"
        try:
            yield
        finally:
            self.batch = self.samples

    def equation(self, equation: Equation) -> str:
        return f"{self.code(equation.lhs)} = {self.value(equation)}"

    def value(self, equation: Equation) -> str:
        """Code of the right side of an equation."""
        expr = equation.expr
        if isinstance(expr, ImmutableMatrix):
            return self.matrix(expr, equation)
        laid = self.printer.laid(expr)
        text = self.printer.doprint(laid)
        if laid is not expr and kind(laid) == ROW_KIND and batched(expr):
            text = self.printer._grouped(laid) + "[:, None, :]"
        narrow = tuple(expr.shape) != tuple(equation.variable.shape)
        if narrow:
            text = self.printer.beside(laid, equation.lhs)
        if equation.time is not None and (narrow or not batched(expr)):
            # The same for every sample, or every unit, and still one number for each.
            shape = self.shape_code(equation.variable)
            first = code_of(self.cell.inputs[0].name)
            text = f"np.broadcast_to(np.asarray({text}, {first}.dtype), {shape})"
        return text

    def reduced(self, expr: Any, variable: Variable) -> str:
        """Code of what reaches a parameter, summed over the batch."""
        whole, expr = expr, self.printer.laid(expr)
        text = self.printer.reduced(expr)
        if expr is not whole and variable.shape[1] == 1 and not variable.scalar:
            # Of a column the products of all rows are one, x^⊤ s, also where it lies as a row.
            text = f"({self.printer.reduced(whole)}).T"
        terms = expr.args if expr.is_MatAdd else (expr,)
        bare = [t.args[0] if isinstance(t, TimeSum) else t for t in terms]
        turned = self.printer.turns(variable.here)
        shape = variable.shape[::-1] if turned else variable.shape
        if all(tuple(e.shape) != tuple(shape) for e in bare):
            rows, cols = (self.size_code(s) for s in self.cell.shown_shape(variable))
            if variable.shape[0] == 1:
                rows, cols = "1", self.size_code(variable.shape[1])
            return f"np.broadcast_to({text}, ({rows}, {cols}))"
        return text

    def matrix(self, matrix: ImmutableMatrix, equation: Equation) -> str:
        """Explicit entries, each a column of the batch."""
        many = equation.time is not None
        first = code_of(self.cell.inputs[0].name)
        entries = []
        for entry in matrix:
            # √2 and the like as numbers: NumPy would make a float64 of them.
            entry = entry.replace(
                lambda e: e.is_number and not e.is_Rational and e.args != (), _as_float
            )
            text = self.printer.doprint(entry)
            varies = any(q.time is not None for q in entry.atoms(Quantity))
            if many and not varies:
                text = f"np.full({self.samples}, {text}, {first}.dtype)"
            entries.append(text)
        rows, cols = matrix.shape
        if self.printer.turns(equation.lhs):
            entries = [entries[i * cols + j] for j in range(cols) for i in range(rows)]
            rows, cols = cols, rows
            lead = f"{self.samples}, " if many else ""
            return f"np.stack([{', '.join(entries)}], axis=-1).reshape({lead}{rows}, {cols})"
        if not many and kind(equation.lhs) == "scalar":
            return entries[0]
        stacked = f"np.stack([{', '.join(entries)}], axis=-1)"
        if many and rows == 1:
            return stacked
        lead = f"{self.samples}, " if many else ""
        return f"{stacked}.reshape({lead}{rows}, {cols})"

    def size_code(self, size: Expr) -> str | None:
        """Code for a size, from the shape of an argument."""
        if isinstance(size, Integer):
            return str(size)
        for variable in (*self.cell.states, *self.cell.parameters, *self.cell.inputs):
            axes = list(variable.shape)
            if variable.shape[0] != 1:
                axes = list(self.cell.shown_shape(variable))
            if variable.role == Role.STATE:
                name, offset = code_of(variable.name, Integer(0)), 1
            elif variable.role == Role.INPUT:
                name, offset = code_of(variable.name), 2
            else:
                name, offset = code_of(variable.name), 0
            if variable.shape[0] == 1 and offset:
                axes = axes[1:]
            for axis, other in enumerate(axes):
                if other == size and not (variable.scalar and offset == 0):
                    return f"{name}.shape[{axis + offset}]"
        if size.is_Add:
            parts = [self.size_code(a) for a in size.args]
            return " + ".join(p for p in parts if p) if all(parts) else None
        if size.is_Mul and size.args[0].is_Integer:
            inner = self.size_code(size.args[1])
            return f"{size.args[0]} * {inner}" if inner else None
        return None

    def shape_code(self, variable: Variable, steps: str | None = None) -> str:
        sides = [self.size_code(s) for s in axes(self.cell, variable)]
        lead = (
            [self.samples, "T"]
            if steps == "T" and self.order == "samples"
            else ([steps, self.samples] if steps else [self.batch])
        )
        sizes = [*lead, *sides]
        return f"({', '.join(str(s) for s in sizes)})"

    def allocate(self, kept: Iterable[Variable]) -> list[str]:
        first = code_of(self.cell.inputs[0].name)
        if self.trace:
            return ["trace = {" + ", ".join(f'"{v.name}": []' for v in kept) + "}"]
        output = self.cell.output
        shape = self.shape_code(output, "T")
        return [f"{code_of(output.name)} = np.empty({shape}, {first}.dtype)"]

    def store(self, variable: Variable, quantity: Quantity, index: str) -> str:
        if self.trace:
            return f'trace["{variable.name}"].append({self.code(quantity)})'
        return f"{code_of(variable.name)}[:, {index}] = {self.code(quantity)}"

    def constants(self) -> list[str]:
        """Entries of a trace for what has no time: each once, in the dtype of the input."""
        first = code_of(self.cell.inputs[0].name)
        names = [v.name for v in self.cell.having(Role.CONSTANT)]
        return [f'"{n}": np.asarray({code_of(n)}, {first}.dtype)' for n in names]

    def closing(self) -> list[str]:
        if not self.trace:
            return [f"return {code_of(self.cell.output.name)}"]
        constants = self.constants()
        stacked = "**{name: np.stack(steps, axis=1) for name, steps in trace.items()}"
        return [f"return {{{', '.join([*constants, stacked])}}}"]

    def source(self, body: list[str], arguments: list[str] | None = None) -> Source:
        text = "\n".join(body)
        first = code_of(self.cell.inputs[0].name)
        shapes = [f"{self.samples}, T = {first}.shape[:2]"]
        if not re.search(r"\bT\b", text):
            shapes = [f"{self.samples} = len({first})"]
            if not re.search(rf"\b{self.samples}\b", text):
                shapes = []
        body = shapes + body
        name = code_of(self.cell.name)
        if name in spellings():
            name += "_cell"
        head = f"def {name}({', '.join(arguments or argument_names(self.cell))}):"
        helpers = [line for h in self.printer.needed for line in [*helper_source(h), "", ""]]
        imports = ["import numpy as np", "", ""]
        if any("math." in line for line in helpers):
            imports.insert(0, "import math")
        lines = [*imports, *helpers, head, *(f"    {line}" if line else "" for line in body)]
        return Source("\n".join(lines) + "\n", name)
