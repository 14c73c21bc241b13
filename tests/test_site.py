"""The site: strict, complete, offline, every formula renders, looked at in a real browser."""

import html
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


#: Of what axe-core says: what stands in the way of a reader, and what makes a page hard to use.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
#: Style sheets are not fetched again: of files that is refused.
AXE = {"runOnly": RULES, "preload": False}
LOOKED_AT = ["index", "notebook", "training", "explain", "print", "verdicts", "language", "derivations",
             "cells/index", "cells/gru", "cells/lstm", "reports/lstm", "reference/commands"]  # fmt: skip
#: Every fold is opened, and every tab shown.
OPEN = """() => {
  document.querySelectorAll("details").forEach((d) => (d.open = true));
  const style = document.createElement("style");
  style.textContent = ".tabbed-content > .tabbed-block { display: block !important }";
  document.head.append(style);
}"""


@pytest.fixture(scope="module")
def browser():
    """Chromium, driven by Playwright."""
    from playwright.sync_api import sync_playwright

    chromium = need("chromium")
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def shown(browser, site):
    """Show a page of the site, and see that it fetches nothing and says no error."""
    opened = []

    def show(page: str, width: int = 1200, height: int = 900, scheme: str = "light"):
        view = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": height})
        opened.append(view)
        faults: list[str] = []
        view.on(
            "request",
            lambda r: (
                faults.append(r.url) if not r.url.startswith(("file:", "data:", "blob:")) else 0
            ),
        )
        view.on("pageerror", lambda e: faults.append(str(e)))
        view.on("console", lambda m: faults.append(m.text) if m.type == "error" else 0)
        view.faults = faults
        view.goto((site / f"{page}.html").as_uri())
        return view

    yield show
    for view in opened:
        assert not view.faults, view.faults[:3]
        view.close()


@pytest.mark.parametrize(
    "page", ["index", "notebook", "explain", "print", "cells/simple_rnn", "cells/lstm"]
)
def test_a_browser_renders_the_formulas(site, shown, page):
    view = shown(page)
    view.evaluate("() => dispatchEvent(new Event('beforeprint'))")  # seen or not
    count = view.evaluate(
        "() => ['.arithmatex', '.arithmatex .katex-html', '.katex-error', '.rnnsym-copy']"
        ".map((s) => document.querySelectorAll(s).length)"
    )
    assert count[0] == count[1] > 0 and not count[2]
    # A button for each displayed formula copies its LaTeX.
    assert count[3] == sum(display for _, display in formulas(site / f"{page}.html"))


@pytest.mark.parametrize("width", [390, 1200])
def test_no_page_scrolls_sideways(shown, width):
    for page in LOOKED_AT:
        view = shown(page, width)
        view.evaluate(OPEN)
        view.wait_for_timeout(300)
        sizes = view.evaluate("() => [document.documentElement.scrollWidth, innerWidth]")
        assert sizes[0] <= sizes[1], (page, width)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_that_keeps_a_reader_out(shown, scheme):
    """Contrast, names of folds, pictures and buttons, headings, what the keyboard can reach."""
    from axe_playwright_python.sync_playwright import Axe

    left_out = {"light": "cells/gru", "dark": "cells/lstm"}[scheme]  # each looks at one long page
    for i, page in enumerate(p for p in LOOKED_AT if p != left_out):
        view = shown(page, (1200, 390)[i % 2], scheme=scheme)
        view.evaluate(OPEN)
        view.wait_for_timeout(600)  # the names that the page gives to what the theme adds
        found = Axe().run(view, options=AXE).response
        faults = [(v["id"], n["html"][:120]) for v in found["violations"] for n in v["nodes"]]
        assert not faults, (page, scheme, faults[:5])
        assert len(found["passes"]) > 10


def test_axe_would_see_a_fault(shown):
    from axe_playwright_python.sync_playwright import Axe

    view = shown("index")
    view.evaluate(
        "() => { const p = document.querySelector('article p'); p.style.color = '#bbb';"
        " p.innerHTML += '<details><summary></summary>text</details>' }"
    )
    found = Axe().run(view, options=AXE).response
    assert {"color-contrast", "summary-name"} <= {v["id"] for v in found["violations"]}


@pytest.mark.parametrize("page", ["cells/lstm", "cells/gru", "cells/simple_rnn", "cells/dense"])
def test_the_picture_of_a_cell_holds_its_labels(shown, page):
    """What a reader sees: every label inside the picture, none over another box's edge."""
    view = shown(page)
    found = view.evaluate(
        """() => {
          const svg = document.querySelector(".rnnsym-picture svg");
          const outer = svg.getBoundingClientRect();
          const labels = [...svg.querySelectorAll("text")].map((e) => e.getBoundingClientRect());
          return [outer.width, outer.height, labels.length, labels.filter((b) => b.width > 0
            && b.left >= outer.left - 1 && b.right <= outer.right + 1
            && b.top >= outer.top - 1 && b.bottom <= outer.bottom + 1).length];
        }"""
    )
    assert found[0] > 200 and found[1] > 60 and found[2] == found[3] > 3, found


def test_a_reader_sees_no_backquotes_and_no_escapes(shown):
    for page in LOOKED_AT:
        view = shown(page)
        view.evaluate(OPEN)
        prose = view.evaluate(
            """() => { const copy = document.querySelector("article").cloneNode(true);
              copy.querySelectorAll("pre, code, script, style, .arithmatex, svg").forEach((e) => e.remove());
              return copy.textContent }"""
        )
        assert "`" not in prose and r"\|" not in prose and "notest" not in prose, page


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
