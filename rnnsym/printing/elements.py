"""TeX of the entries of explicit matrices: SymPy's own printer, with our names of elements."""

from __future__ import annotations

from typing import Any

from sympy.printing.latex import LatexPrinter

from ..names import tex_of


class ElementPrinter(LatexPrinter):
    """Elements as on paper: `W_{1,2}`, counted from 1; of h at step 3, `(h_{3})_{2}`."""

    def _print_MatrixElement(self, expr: Any) -> str:
        q, i, j = expr.args
        rows, cols = q.shape
        index = [str(int(k) + 1) for k, n in ((i, rows), (j, cols)) if n != 1]
        tex = tex_of(q.label, q.time)
        if not index:
            return tex
        if q.time is not None or "_" in tex:
            tex = rf"\left({tex}\right)"
        return f"{tex}_{{{','.join(index)}}}"


_PRINTER = ElementPrinter()


def element_tex(expr: Any) -> str:
    """TeX of an entry of an explicit matrix."""
    return _PRINTER.doprint(expr)
