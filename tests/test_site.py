"""The site: strict, complete, offline, every formula renders, looked at in a real browser."""

import html
import json
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import need

import rnnsym

ROOT = Path(__file__).parent.parent
FORMULA = re.compile(r'<(?:div|span) class="arithmatex"[^>]*>(.*?)</(?:div|span)>', re.S)


def pages(site):
    return sorted(site.rglob("*.html"))


def formulas(page: Path) -> list[tuple[str, bool]]:
    found = []
    for match in FORMULA.finditer(page.read_text(encoding="utf-8")):
        tex = html.unescape(match.group(1)).strip()
        assert tex[:2] in (r"\[", r"\("), tex
        found.append((tex[2:-2], tex.startswith(r"\[")))
    return found


def test_every_cell_has_a_page_and_stands_in_index_and_navigation(site):
    overview = (site / "cells" / "index.html").read_text(encoding="utf-8")
    for name in rnnsym.cells.names():
        page = (site / "cells" / f"{name}.html").read_text(encoding="utf-8")
        assert "verified: error" in page and "NOT REJECTED" not in page
        assert overview.count(f'href="{name}.html"') >= 2


def test_the_pages_that_were_promised_are_there(site):
    for page in ("index", "notebook", "training", "cells/index", "language", "print", "add-a-cell", "design",
                 "reference/python", "reference/commands"):  # fmt: skip
        assert (site / f"{page}.html").is_file()
    python = (site / "reference" / "python.html").read_text(encoding="utf-8")
    for name in rnnsym.__all__:
        thing = getattr(rnnsym, name)
        if callable(thing):
            assert f'id="{thing.__module__}.{thing.__qualname__}"' in python, name
    commands = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    for command in ("tour", "list", "show", "export", "derive", "flow", "verify", "build", "serve"):
        assert re.search(rf'id="rnnsym-(docs-)?{command}"', commands), command


def texts() -> dict[str, rnnsym.Cell]:
    return {f"cells/{name}": rnnsym.cells.get(name) for name in rnnsym.cells.names()}


def test_pages_of_cells_have_their_derivations(site):
    for path, cell in texts().items():
        page = (site / f"{path}.html").read_text(encoding="utf-8")
        assert 'id="backward"' in page and 'id="cost"' in page
        assert page.count("every line consistent: error") >= 2
        derivation = rnnsym.backpropagate(cell)
        assert page.count('<details class="step">') >= 2 * len(derivation)
        shown = html.unescape(page).replace(" ", "")
        for step in derivation:
            assert rnnsym.to_latex(step.equation).replace(" ", "") in shown, step.equation
        if cell.states:
            assert 'id="gradient-flow"' in page and "<polyline" in page


def test_pages_of_cells_have_forms_notations_badges_downloads_and_a_report(site):
    from rnnsym.documents import FORMATS

    for name in rnnsym.cells.names():
        page = html.unescape((site / "cells" / f"{name}.html").read_text(encoding="utf-8"))
        for tab in (
            "Row vectors",
            "Column vectors",
            "Single elements",
            "Explicit matrices",
            "With numbers",
        ):
            assert re.search(rf"<label[^>]*>{tab}", page), (name, tab)
        for notation in rnnsym.notations.names()[1:]:
            title = rnnsym.notations.get(notation).title
            assert re.search(rf"<label[^>]*>{re.escape(title)}</label>", page), (name, notation)
            own = rnnsym.to_latex(rnnsym.cells.get(name), notation=notation,
                                  convention=rnnsym.notations.get(notation).convention)  # fmt: skip
            assert own.splitlines()[1].removesuffix(" \\\\") in page, (name, notation)
        assert page.count("read back: error") >= 5 + 2 * (len(rnnsym.notations.names()) - 1)
        assert 'class="rnnsym-diagram"' in page
        section = page[page.index('id="downloads"') :]
        files = dict(re.findall(r'<a href="([^"]+)" download="[^"]*">(\w+)</a>', section))
        assert set(files.values()) >= set(FORMATS) - {"pdf"}
        for path in files:
            assert (site / "cells" / path).stat().st_size > 300, path
        report = (site / "reports" / f"{name}.html").read_text(encoding="utf-8")
        assert "planted wrong formulas were rejected" in report and "NOT REJECTED" not in report
        assert f'href="../reports/{name}.html"' in page
    assert (site / "notebook" / "explore_rnn.ipynb").is_file()


def test_a_page_shows_why_an_lstm_forgets_slowly(site):
    page = (site / "cells" / "lstm.html").read_text(encoding="utf-8")
    assert "verified: error" in page and "NOT REJECTED" not in page
    lines = [str(step.equation) for step in rnnsym.jacobian(texts()["cells/lstm"])]
    direct = next(line for line in lines if line.startswith("∂c_t/∂c_{t-1} ="))
    assert "diag(f_t)" in direct
    overview = (site / "cells" / "index.html").read_text(encoding="utf-8")
    assert 'href="lstm.html"' in overview


def test_training_reaches_the_same_loss_as_keras(site):
    text = (site / "training.html").read_text(encoding="utf-8")
    assert "the same: at most" in text and "<polyline" in text
    rows = re.findall(r"<tr>\s*<td>(\d+)</td>\s*<td>([0-9.]+)</td>\s*<td>([0-9.]+)</td>", text)
    assert len(rows) >= 8 and all(ours == keras for _, ours, keras in rows)
    assert float(rows[-1][1]) < float(rows[0][1]) / 5


def test_a_trained_model_is_explained_and_verified(site):
    text = html.unescape((site / "explain.html").read_text(encoding="utf-8"))
    assert "keep_the_marked: verified" in text and "planted wrong formulas were rejected" in text
    right = float(re.search(r"([0-9.]+)% right", text).group(1))
    assert right > 90  # it has learnt: its gates have something to show
    assert "kernel[:, M:2*M]" in text and text.count("<rect") > 100
    for kind in ("Bidirectional", "TimeDistributed", "Embedding"):
        assert kind in text


def test_the_notebook_page_has_real_numbers_at_ten_steps(site):
    text = (site / "notebook.html").read_text(encoding="utf-8")
    section = text[text.index('id="the-ten-steps-number-by-number"') :]
    rows = re.findall(r"<tr>\s*<td>(\d+)</td>(.*?)</tr>", section, re.S)
    assert [int(n) for n, _ in rows][:10] == list(range(1, 11))
    for _, cells in rows[:10]:
        numbers = [float(v) for v in re.findall(r"-?\d+\.\d+(?:e[+-]\d+)?", cells)]
        assert len(numbers) == 3 + 5 + 3 + 3 + 1
        assert numbers[8:11] == numbers[11:14] and numbers[-1] <= 1e-14


def test_every_formula_renders_strictly(site):
    quickjs = pytest.importorskip("quickjs")
    context = quickjs.Context()
    context.eval("var window = this, document = undefined; var self = this;")
    context.eval((ROOT / "docs" / "assets" / "katex" / "katex.min.js").read_text(encoding="utf-8"))
    render = context.eval(
        '(function (tex, display) { return katex.renderToString(tex, {displayMode: display, strict: "error"}); })'
    )
    count = 0
    for page in pages(site):
        for tex, display in formulas(page):
            assert "katex-error" not in render(tex, display)
            count += 1
    assert count >= 40
    with pytest.raises(quickjs.JSException):
        render(r"\undefinedcommand", False)


def test_nothing_comes_from_a_network(site):
    for page in pages(site):
        text = page.read_text(encoding="utf-8")
        for tag in re.findall(r"<(?:script|link|img|iframe|source)\b[^>]*>", text):
            for value in re.findall(r'(?:src|href)="([^"]*)"', tag):
                assert not re.match(r"(https?:)?//", value), (page, value)
    for sheet in site.rglob("*.css"):
        for value in re.findall(r"url\(([^)]*)\)", sheet.read_text(encoding="utf-8")):
            value = value.strip("'\"")
            if value.startswith(("data:", "#")):
                continue
            assert not re.match(r"(https?:)?//", value), (sheet, value)
            assert (sheet.parent / value.split("?")[0]).is_file(), (sheet, value)


def test_links_within_the_site_lead_somewhere(site):
    for page in pages(site):
        if page.name == "404.html":
            continue
        text = page.read_text(encoding="utf-8")
        for value in re.findall(r'<a\b[^>]*href="([^"#]+)[^"]*"', text):
            if not re.match(r"[a-z]+:", value):
                assert (page.parent / value).exists(), (page, value)


def test_the_plugin_writes_nothing_into_the_sources(site):
    done = subprocess.run(
        ["git", "status", "--porcelain", "docs"], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode == 0:
        assert not [
            line for line in done.stdout.splitlines() if "cells" in line or "notebook" in line
        ]


BROWSER = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--allow-file-access-from-files", "--virtual-time-budget=10000",
]  # fmt: skip


@pytest.mark.parametrize(
    "page", ["index", "notebook", "explain", "print", "cells/simple_rnn", "cells/lstm"]
)
def test_a_browser_renders_the_formulas(site, tmp_path, page):
    chromium = need("chromium")
    # The browser's virtual clock may run out before its first frame on a busy machine: ask again.
    for attempt in range(5):
        done = subprocess.run(
            [chromium, *BROWSER, "--window-size=1200,9000",
             f"--user-data-dir={tmp_path / f'profile{attempt}'}",
             "--dump-dom", (site / f"{page}.html").as_uri()],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-500:]
        shown = done.stdout.count('data-rendered="true"')
        if shown:
            break
    assert "katex-error" not in done.stdout
    assert shown == done.stdout.count("katex-html") > 0
    # A button for each displayed formula copies its LaTeX.
    copies = done.stdout.count('class="rnnsym-copy"')
    assert copies == sum(display for _, display in formulas(site / f"{page}.html"))


@pytest.mark.parametrize("width", [390, 1200])
def test_no_page_scrolls_sideways(site, tmp_path, width):
    """Measured in the browser itself, in a frame as wide as a phone or a desk."""
    chromium = need("chromium")
    for page in ("index", "notebook", "training", "explain", "print", "cells/gru", "cells/lstm",
                 "reports/lstm",
                 "reference/commands"):  # fmt: skip
        frame = site / "measure.html"
        frame.write_text(
            f'<iframe id="f" src="{page}.html" style="width:{width}px;height:200000px;border:0"></iframe>'
            "<script>addEventListener('load', () => setTimeout(() => {"
            "const d = document.getElementById('f').contentDocument.documentElement;"
            "document.title = JSON.stringify([d.scrollWidth, d.clientWidth]);"
            "document.body.append(document.title)}, 2000));</script>"
        )
        done = subprocess.run(
            [chromium, *BROWSER, f"--user-data-dir={tmp_path / page.replace('/', '_')}", "--dump-dom", frame.as_uri()],
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        frame.unlink()
        found = re.search(r"\[(\d+),(\d+)\]", done.stdout)
        assert found, done.stdout[-300:]
        scroll, client = json.loads(found.group())
        assert scroll <= client, (page, width)


def test_a_page_shows_no_sources_of_its_own(site):
    """No backquotes, no escaped bars, no `notest` in what a reader sees."""
    for page in pages(site):
        text = page.read_text(encoding="utf-8")
        body = text.partition("<article")[2].partition("</article")[0]
        prose = re.sub(r"<(pre|code|script|style)\b.*?</\1>", "", body, flags=re.S)
        prose = re.sub(r'<(span|div) class="arithmatex".*?</\1>', "", prose, flags=re.S)
        assert "Sentinel" not in body, page
        assert "```" not in body and "notest" not in re.sub(r"<[^>]*>", "", body), page
        assert "`" not in re.sub(r"<[^>]*>", "", prose), page
        assert not re.search(r"<code>[^<]*\\\|", body), page


def test_every_fold_has_a_name_and_every_picture_its_labels(site):
    folds = pictures = 0
    for page in pages(site):
        text = page.read_text(encoding="utf-8")
        for summary in re.findall(r"<summary>(.*?)</summary>", text, re.S):
            words = re.sub(r'<span class="arithmatex">.*?</span>', "", summary, flags=re.S)
            assert re.sub(r"<[^>]*>", "", words).strip(), (page, summary[:200])
            folds += 1
    for name in rnnsym.cells.names():
        text = (site / "cells" / f"{name}.html").read_text(encoding="utf-8")
        picture = re.search(r'<div class="rnnsym-picture">\s*(<svg.*?</svg>)\s*</div>', text, re.S)
        root = ElementTree.fromstring(picture.group(1))  # whole, and well-formed
        space = "{http://www.w3.org/2000/svg}"
        seen = " ".join("".join(t.itertext()) for t in root.iter(f"{space}text"))
        for variable in (*rnnsym.cells.get(name).inputs, *rnnsym.cells.get(name).states):
            assert variable.name in seen, (name, variable.name)
        pictures += 1
    assert folds > 200 and pictures == len(rnnsym.cells.names())
