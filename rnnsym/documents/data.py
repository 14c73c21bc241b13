"""A document as data: symbols, equations in every form, shapes and the report, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..checking.printed import FORMS
from .derivations import DerivationView
from .environment import templates_folder
from .views import CellView

#: The version of the schema, `templates/export.schema.json`.
VERSION = 1


def schema() -> dict[str, Any]:
    """The JSON schema of an export."""
    path = templates_folder() / "export.schema.json"
    return json.loads(path.read_text(encoding="utf-8"))


def data(views: Sequence[CellView]) -> str:
    """The JSON of a document."""
    whole = {"schema": VERSION, "cells": [cell_data(v) for v in views]}
    return json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def cell_data(view: CellView) -> dict[str, Any]:
    """One cell as plain data."""
    cell, what = view.cell, view.request.what
    found: dict[str, Any] = {
        "name": cell.name,
        "title": view.title,
        "description": cell.description,
        "source": cell.source,
        "text": cell.text,
        "convention": view.convention,
        "remarks": list(cell.remarks),
        "notation": (view.request.choices or {}).get("notation", "own"),
        "output": cell.output.name,
        "sizes": {str(s): n for s, n in cell.sizes.items()},
        "symbols": [
            {"name": v.name, "latex": str(row.tex), "text": row.text, "role": row.role,
             "shape": [str(side) for side in cell.shown_shape(v)], "meaning": v.meaning}
            for v, row in zip(cell.variables, view.symbols)
        ],
        "called": {old: list(new) for old, new in view.printing.names.items()},
        "parameters": view.count_text,
        "equations": {},
    }  # fmt: skip
    for form in FORMS:
        if form in what:
            found["equations"][form] = {
                "latex": list(view.blocks[form].lines),
                "text": list(view.text_blocks[form].lines),
                "error": view.blocks[form].error,
            }
    if "example" in what:
        e = view.example
        back = e.backward and _worked(e.backward)
        found["example"] = {"seed": e.seed, **_worked(e), "backward": back}
    if "code" in what:
        found["code"] = str(view.source or "")
    if view.derivations:
        found["derivations"] = [_derivation(d) for d in view.derivations]
    if "report" in what:
        found["report"] = view.report.to_dict()
    return _finite(found)


def _worked(way: Any) -> dict[str, Any]:
    return {
        "given": list(way.given), "error": way.error,
        "steps": [{"step": n, "latex": list(lines)} for n, lines in way.steps],
    }  # fmt: skip


def _derivation(view: DerivationView) -> dict[str, Any]:
    return {
        "title": view.title,
        "error": view.error,
        "lines": [
            {"section": g.title, "latex": str(line.tex), "text": line.text, "rule": line.rule}
            for g in view.groups
            for line in g.lines
        ],
    }


def _finite(value: Any) -> Any:
    """JSON has no infinity and no NaN: they are texts."""
    if isinstance(value, dict):
        return {k: _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if isinstance(value, float) and not -1e308 < value < 1e308:
        return str(value)
    return value
