// Formulas are rendered by KaTeX when they scroll into view: a long page opens at once.
(function () {
  "use strict";

  function render(element) {
    if (element.dataset.rendered) return;
    element.dataset.rendered = "true";
    const tex = element.textContent.trim();
    const display = tex.startsWith("\\[");
    katex.render(tex.slice(2, -2), element, {
      displayMode: display,
      throwOnError: false,
      strict: "ignore",
      trust: false,
    });
    reach(element);
  }

  // What scrolls sideways can be reached by the keyboard.
  function reach(element) {
    if (element.scrollWidth > element.clientWidth + 1) element.tabIndex = 0;
  }

  // Names that the theme leaves out, for who hears the page.
  function name() {
    document.querySelector(".md-search")?.setAttribute("aria-label", "Search");
    document.querySelectorAll(".md-code__nav").forEach((nav, i) => {
      nav.setAttribute("aria-label", `Code ${i + 1}`);
    });
    document.querySelectorAll(".tabbed-labels, .rnnsym-picture, .md-typeset__scrollwrap").forEach(reach);
  }

  // A button beside each displayed formula copies its LaTeX.
  function offer(element) {
    const tex = element.textContent.trim();
    if (!tex.startsWith("\\[") || element.dataset.copy) return;
    element.dataset.copy = "true";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "rnnsym-copy";
    button.textContent = "Copy LaTeX";
    button.addEventListener("click", async () => {
      const source = tex.slice(2, -2).trim();
      let done = true;
      try {
        await navigator.clipboard.writeText(source);
      } catch {
        const area = document.createElement("textarea");
        area.value = source;
        document.body.append(area);
        area.select();
        done = document.execCommand("copy");
        area.remove();
      }
      button.textContent = done ? "Copied" : "Not copied";
      setTimeout(() => (button.textContent = "Copy LaTeX"), 1500);
    });
    element.after(button);
  }

  const seen = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        seen.unobserve(entry.target);
        render(entry.target);
      }
    },
    { rootMargin: "600px" },
  );

  function watch() {
    const formulas = document.querySelectorAll(".arithmatex:not([data-rendered])");
    formulas.forEach((element) => {
      offer(element);
      seen.observe(element);
    });
    name();
    setTimeout(name, 500); // the theme adds its buttons when it is ready
  }

  // What is printed must be rendered, seen or not.
  window.addEventListener("beforeprint", () => {
    document.querySelectorAll(".arithmatex").forEach(render);
  });

  // Material replaces the page without a reload; document$ tells.
  if (typeof document$ !== "undefined") document$.subscribe(watch);
  else document.addEventListener("DOMContentLoaded", watch);
})();
