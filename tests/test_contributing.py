"""What CONTRIBUTING.md says is done, in a copy of the project: one of each is added."""

import os
import re
import shutil
import subprocess
import sys

from conftest import ROOT

FUNCTION = r"""

@_entry(operator("bumpy"), "np.tanh(z) + np.exp(-z * z) / 4", slopes=("1 - tanh(z) ⊙ tanh(z) - z ⊙ exp(-z ⊙ z) / 2",))
def bumpy(z: Expr) -> Expr:
    return sp.tanh(z) + sp.exp(-z * z) / 4
"""
LOSS = """# the logarithm of a hyperbolic cosine
# Also: logcosh

p_t = y_t - d_t
ell_t = sum(log(cosh(p_t)))
"""
DERIVATION = r"""    Kind(
        "tangent", "How the output moves with the inputs", "tangent", _tangent, frozenset([Role.INPUT]),
        lambda derivation, convention: Sentence.of("The inputs change along a direction, and nothing else does."),
        lambda cell: bool(cell.inputs), also=("jvp",),
    ),
"""
TANGENT = r"""def _tangent(cell: Cell) -> Derivation:
    from .steps import FORWARD, change_line, definition_words, make_step

    d = Differentiated(cell, still=frozenset([Role.PARAMETER, Role.STATE]))
    lines = [make_step(e, "definition", definition_words(d, e), FORWARD) for e in d.ordered]
    lines += [s for e in d.ordered if (s := change_line(d, e)) is not None]
    return Derivation("How the output moves", d.cell, tuple(lines), None, "tangent", "general", subject=cell)


"""
OPERATION = r"""

@operation(
    "upsample",
    r"{y}_t = {x}_{{\lceil t / {size} \rceil}}",
    lambda g, x, size: g.reshape(len(g), x.shape[1], size, *g.shape[2:]).sum(axis=2),
    reading=(
        r"NAME_\{\\lceil t / (\d+) \\rceil\}",
        lambda m, a: np.stack([a[:, t // int(m.group(2))] for t in range(a.shape[1] * int(m.group(2)))], axis=1),
    ),
)
def _upsample(x: Array, size: int) -> Array:
    return np.repeat(x, size, axis=1)
"""
LAYER = r"""

@covers("UpSampling1D")
def _upsampling(b: Builder, call: Call, o: Options) -> Tensor:
    size, steps = o.size("size"), call.x.axes[0]
    return b.operation(call, "upsample", [call.x], (None if steps is None else steps * size, *call.x.axes[1:]),
                       size=size)  # fmt: skip
"""
TERM = r'''"""The inverse and the trace of a square matrix."""

from __future__ import annotations

from sympy import S

import numpy as np

from ..scalars import Total
from .entries import flip
from .inner import inner
from .leaves import Eye
from .margins import Margin
from .node import NONE, Change, Node
from .elementwise import times
from .products import matmul
from .sums import negated


class Inverse(Node):
    """The inverse of a square matrix."""

    call = "inv"
    aliases = ("inverse",)
    signature = "(M, M) -> (M, M)"
    named = True

    def table(self, e):
        matrix = e(self.args[0])

        def determinant(rows):
            if not rows:
                return e.number(S.One)
            terms = [(-1) ** j * v * determinant([r[:j] + r[j + 1 :] for r in rows[1:]]) for j, v in enumerate(rows[0])]
            return sum(terms[1:], terms[0])

        def inverse(leaf):
            rows = matrix(leaf)
            n, whole = range(len(rows)), determinant(rows)
            minor = lambda i, j: [r[:j] + r[j + 1 :] for k, r in enumerate(rows) if k != i]
            return flip([[(-1) ** (i + j) * determinant(minor(i, j)) / whole for j in n] for i in n])

        return inverse

    def change(self, d):
        """d(A^-1) = -A^-1 dA A^-1."""
        y = d.whole(self)
        if not (found := d(self.args[0])):
            return NONE
        return Change(negated(matmul([y, found.expr, y])), (*found.rules, "inverse"))

    def domain(self):
        return (Margin("det A", np.linalg.det, "≠", entrywise=False),)

    def code(self, p):
        return f"np.linalg.inv({p.text(self.args[0])})"

    def array(self, xp, a):
        return xp.linalg.inv(a)


class Trace(Node):
    """The sum of the diagonal of a square matrix."""

    call = "tr"
    signature = "(M, M) -> (1, 1)"
    of_scalars = True

    def table(self, e):
        matrix = e(self.args[0])

        def trace(leaf):
            first, *rest = [row[i] for i, row in enumerate(matrix(leaf))]
            return [[sum(rest, first)]]

        return trace

    def change(self, d):
        """d tr(A) = tr(dA)."""
        found = d(self.args[0])
        return Change(Trace(found.expr), (*found.rules, "trace")) if found else NONE

    def pull(self, outer, p):
        return p.named("trace", p(self.args[0], times(outer, Eye(self.args[0].shape[0]))))

    def element(self, e, i, j):
        size = self.args[0].shape[0]
        (k,), deeper = e.sums([size])
        return Total(k, size, deeper(self.args[0], k, k))

    def array(self, xp, a):
        return xp.trace(a, axis1=-2, axis2=-1)[..., None, None]

    def code(self, p):
        text = f"np.trace({p.text(self.args[0])}, axis1=-2, axis2=-1)"
        return f"{text}[:, None]" if p.varies(self.args[0]) else text
'''
NOTATION = r"""# Mine
# Source: nobody's

W_* = A_*
U_* = B_*

time: above
"""
CELL = r"""# Skipping cell
# What came in is added to what is kept.
# Source: nobody's

z_t = σ(x_t W_z + h_{t-1} U_z + b_z)         # gate
h_t = z_t ⊙ h_{t-1} + (1 - z_t) ⊙ (x_t W)    # state

# x: input
# W_z: kernel of the gate
# U_z: recurrent kernel of the gate
# b_z: bias of the gate
# W: kernel
"""
COMMAND = '''"""`rnnsym symbols`."""

import click


@click.command()
@click.argument("cell")
def symbols(cell):
    """Name the symbols of a cell."""
    from ..cells import get

    print(" ".join(v.name for v in get(cell).variables))


command = symbols
'''
FORMAT = {
    "document": "{% for body in bodies %}{{ body }}{% endfor %}",
    "cell": '= {{ d.title }}\n{% for line in d.lines("forward") %}\nstem:[{{ line|safe }}]\n{% endfor %}',
}


def added(path, text):
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_one_of_each_that_is_added_as_the_page_says_goes_through_everything(tmp_path):
    for part in ("rnnsym", "templates", "docs"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    package = tmp_path / "rnnsym"
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for named in ("ops/functions.py", "ops/", "losses/", "derive/kinds.py", "numeric/operations.py",
                  "frameworks/keras/layers.py", "documents/rendering.py", "cli/"):  # fmt: skip
        assert f"`rnnsym/{named}`" in page
    functions = package / "ops" / "functions.py"
    text = functions.read_text(encoding="utf-8")
    place = text.index("\n\n@_entry(operator(\"ReLU6\")") if '@_entry(operator("ReLU6")' in text else (
        re.search(r'\n\n@_entry\(\n\s+operator\("ReLU6"\)', text).start()
    )  # fmt: skip
    functions.write_text(text[:place] + FUNCTION + text[place:], encoding="utf-8")
    (package / "losses" / "log_cosh.loss").write_text(LOSS, encoding="utf-8")
    kinds = package / "derive" / "kinds.py"
    text = kinds.read_text(encoding="utf-8")
    for place, more in (("_KINDS = (\n", TANGENT), (")  # fmt: skip\n#: Every kind", DERIVATION)):
        assert text.count(place) == 1
        text = text.replace(place, more + place)
    kinds.write_text(text, encoding="utf-8")
    added(package / "numeric" / "operations.py", OPERATION)
    added(package / "frameworks" / "keras" / "layers.py", LAYER)
    (package / "ops" / "inverse.py").write_text(TERM, encoding="utf-8")
    (package / "notations" / "mine.notation").write_text(NOTATION, encoding="utf-8")
    (package / "cells" / "skipping.cell").write_text(CELL, encoding="utf-8")
    (package / "cli" / "symbols.py").write_text(COMMAND, encoding="utf-8")
    for name, text in FORMAT.items():
        (tmp_path / "templates" / "document" / f"{name}.asciidoc.j2").write_text(text)
    rendering = package / "documents" / "rendering.py"
    line = '    "txt": _laid_out("txt", text_environment),\n'
    text = rendering.read_text(encoding="utf-8")
    assert text.count(line) == 1
    rendering.write_text(
        text.replace(line, line + line.replace("txt", "asciidoc")), encoding="utf-8"
    )
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "contribution.py"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("works") == 9
