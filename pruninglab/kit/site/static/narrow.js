// On a narrow screen: what goes on to the side says so, and long code waits until it is asked for.
const LONG = 12; // lines

function cue(box) {
  box.classList.toggle("more-left", box.scrollLeft > 2);
  box.classList.toggle("more-right", box.scrollLeft + box.clientWidth < box.scrollWidth - 2);
}

for (const box of document.querySelectorAll(".picture, div.math, pre, .pst-scrollable-table-container")) {
  new ResizeObserver(() => cue(box)).observe(box);
  box.addEventListener("scroll", () => cue(box), { passive: true });
}

function fold(box) {
  const lines = box.textContent.trimEnd().split("\n").length;
  if (lines <= LONG) return;
  const details = document.createElement("details");
  details.className = "long";
  const what = box.classList.contains("cell_input") ? "Code" : "Output";
  details.append(Object.assign(document.createElement("summary"), { textContent: `${what}, ${lines} lines` }));
  box.replaceWith(details);
  details.append(box);
  window.addEventListener("beforeprint", () => { details.open = true; });
}

if (matchMedia("(max-width: 700px)").matches) {
  document.querySelectorAll(".cell_input, .cell_output > .stream, .cell_output > .text_plain").forEach(fold);
}
