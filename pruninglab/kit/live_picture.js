// The picture under an explorer's controls, its words, and what went wrong.
const GONE = "The kernel has ended: run this cell again, and its controls move.";
const LOOKS = 100; // for controls, which appear one by one; a tenth of a second apart

export default {
  render({ model, el }) {
    el.classList.add("pruninglab-picture");
    const error = el.appendChild(document.createElement("div"));
    const image = el.appendChild(document.createElement("img"));
    const caption = el.appendChild(document.createElement("div"));
    error.className = "error";
    error.setAttribute("role", "alert");
    caption.className = "caption";
    // The element stays when its words change: only so is it heard.
    caption.setAttribute("aria-live", "polite");
    let gone = "";
    const tell = () => {
      error.textContent = gone || model.get("error");
      error.hidden = !error.textContent;
      el.classList.toggle("failed", Boolean(model.get("error")));
    };
    // Told when the kernel has ended, too: nothing answers any more.
    const leave = () => {
      gone = GONE;
      tell();
    };
    const view = () => {
      const { png, alt } = model.get("shown");
      URL.revokeObjectURL(image.src);
      image.src = URL.createObjectURL(new Blob([png], { type: "image/png" }));
      image.alt = caption.textContent = alt;
    };
    const heard = { "change:shown": view, "change:error": tell, "comm_live_update": leave };
    for (const [name, hear] of Object.entries(heard)) model.on(name, hear);
    view();
    tell();
    nameControls(el, model.get("controls"), LOOKS);
    return () => {
      for (const [name, hear] of Object.entries(heard)) model.off(name, hear);
      URL.revokeObjectURL(image.src);
    };
  },
};

/** Say what a screen reader would not know: of an ipywidgets slider it hears "slider" and "1". */
function nameControls(el, count, looks) {
  const rows = [...(el.parentElement?.querySelectorAll(":scope > .widget-hbox") ?? [])];
  // In a row stand a control, once it is there, and its hint.
  if (rows.filter((row) => row.children.length === 2 && row.querySelector(".widget-label")).length < count) {
    if (looks) setTimeout(nameControls, 100, el, count, looks - 1);
    return;
  }
  for (const slider of el.parentElement.querySelectorAll(".widget-slider")) {
    const label = slider.querySelector(".widget-label").textContent;
    const handle = slider.querySelector(".noUi-handle");
    const readout = slider.querySelector(".widget-readout");
    readout.setAttribute("role", "textbox");
    for (const part of [handle, readout]) part.setAttribute("aria-label", label);
    // A slider over listed options would say which of them, counted from 0.
    const say = () => handle.ariaValueText === readout.textContent
      || (handle.ariaValueText = readout.textContent);
    new MutationObserver(say).observe(slider, { subtree: true, childList: true,
      characterData: true, attributeFilter: ["aria-valuetext"] });
    say();
  }
}
