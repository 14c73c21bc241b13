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
  }

  // What is printed must be rendered, seen or not.
  window.addEventListener("beforeprint", () => {
    document.querySelectorAll(".arithmatex").forEach(render);
  });

  // Material replaces the page without a reload; document$ tells.
  if (typeof document$ !== "undefined") document$.subscribe(watch);
  else document.addEventListener("DOMContentLoaded", watch);
})();
