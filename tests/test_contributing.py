"""What CONTRIBUTING.md says is done, in a copy of the project: one of each is added."""

import os
import re
import shutil
import subprocess
import sys

from conftest import ROOT

FUNCTION = r"""

@_entry(_operator("bumpy"), "np.tanh(z) + np.exp(-z * z) / 4", slopes=("1 - tanh(z) ⊙ tanh(z) - z ⊙ exp(-z ⊙ z) / 2",))
def bumpy(z: Expr) -> Expr:
    return sp.tanh(z) + sp.exp(-z * z) / 4
"""
LOSS = r"""
LOSSES["log_cosh"] = Loss(
    "the logarithm of a hyperbolic cosine",
    "p_t = y_t - d_t\nell_t = sum(log(cosh(p_t)))",
    target="any numbers",
)
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
    for named in ("algebra/functions.py", "derive/losses.py", "numeric/operations.py",
                  "frameworks/keras/layers.py", "documents/rendering.py"):  # fmt: skip
        assert f"`rnnsym/{named}`" in page
    functions = package / "algebra" / "functions.py"
    text = functions.read_text(encoding="utf-8")
    place = text.index("\n\n@_entry(_operator(\"ReLU6\")") if '@_entry(_operator("ReLU6")' in text else (
        re.search(r'\n\n@_entry\(\n\s+_operator\("ReLU6"\)', text).start()
    )  # fmt: skip
    functions.write_text(text[:place] + FUNCTION + text[place:], encoding="utf-8")
    added(package / "derive" / "losses.py", LOSS)
    added(package / "numeric" / "operations.py", OPERATION)
    added(package / "frameworks" / "keras" / "layers.py", LAYER)
    (package / "notations" / "mine.notation").write_text(NOTATION, encoding="utf-8")
    (package / "cells" / "skipping.cell").write_text(CELL, encoding="utf-8")
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
    assert done.stdout.count("works") == 6
