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
    formulas.forEach((element) => seen.observe(element));
  }

  // What is printed must be rendered, seen or not.
  window.addEventListener("beforeprint", () => {
    document.querySelectorAll(".arithmatex").forEach(render);
  });

  // Material replaces the page without a reload; document$ tells.
  if (typeof document$ !== "undefined") document$.subscribe(watch);
  else document.addEventListener("DOMContentLoaded", watch);
})();
