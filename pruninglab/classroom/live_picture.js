// The picture under an explorer's controls. What the kernel has sent is kept in the page: a state
// that was seen before, or drawn ahead, is shown without waiting for the kernel. Its answer follows,
// and corrects what a cell may have changed since.
const LIMIT = 4e6; // bytes of pictures that are kept, as in frames.py
const DIGITS = 9; // by which two values of a slider differ: the browser's .1 + .2 is not the kernel's
const LOOKS = 100; // for controls, which appear one by one; a tenth of a second apart

const rounded = (_, value) => (typeof value === "number" ? Number(value.toPrecision(DIGITS)) : value);

/** What tells two states apart. */
const keyOf = (state) => JSON.stringify(state, rounded);

/** What a control says: which of its options, or its value. */
const valueOf = (control) =>
  control.has("_options_labels") ? control.get("index") ?? null : control.get("value");

/** A picture by its bytes, which come as a DataView. */
const pictureOf = (png, alt) =>
  ({ bytes: new Uint8Array(png.buffer, png.byteOffset, png.byteLength).slice(), alt });

const same = (a, b) =>
  a.alt === b.alt && a.bytes.length === b.bytes.length && a.bytes.every((byte, i) => byte === b.bytes[i]);

/** The latest pictures by their state, at most so many bytes of them. */
class Frames {
  kept = new Map();
  size = 0;

  get(key) {
    return this.kept.get(key);
  }

  keep(key, picture) {
    this.drop(key);
    this.kept.set(key, picture);
    this.size += picture.bytes.length;
    for (const oldest of this.kept.keys()) {
      if (this.size <= LIMIT) break;
      this.drop(oldest);
    }
  }

  drop(key) {
    this.size -= this.kept.get(key)?.bytes.length ?? 0;
    this.kept.delete(key);
  }

  clear() {
    this.kept.clear();
    this.size = 0;
  }
}

export default () => {
  const frames = new Frames();
  const views = new Set();
  const asked = new Map(); // at which move a state was last asked for
  let controls = [];
  let moves = 0;
  let shownAt = 0; // the move that the shown picture answers: no older answer takes its place
  let shown = null;

  const present = () => keyOf(controls.map(valueOf));

  function show(picture, at) {
    shownAt = at;
    if (shown && same(shown, picture)) return;
    shown = picture;
    for (const view of views) view(picture);
  }

  function moved() {
    const key = present();
    moves += 1;
    asked.set(key, moves);
    const picture = frames.get(key);
    if (picture) show(picture, moves);
  }

  function answered(model) {
    const { state, png, alt, age } = model.get("shown");
    const key = keyOf(state);
    const at = asked.get(key) ?? moves;
    const picture = pictureOf(png, alt);
    if (age === model.get("age")) frames.keep(key, picture);
    if (key === present()) asked.clear();
    if (at >= shownAt) show(picture, at);
  }

  return {
    async initialize({ model }) {
      model.on("change:age", () => frames.clear());
      model.on("change:shown", () => answered(model));
      model.on("msg:custom", ({ state, alt, age }, [png]) => {
        if (age === model.get("age")) frames.keep(keyOf(state), pictureOf(png, alt));
      });
      const ids = model.get("controls").map((name) => name.replace("IPY_MODEL_", ""));
      controls = await Promise.all(ids.map((id) => model.widget_manager.get_model(id)));
      for (const control of controls) control.on("change:value change:index", moved);
      return () => controls.forEach((control) => control.off(null, moved));
    },

    render({ model, el }) {
      el.classList.add("pruninglab-picture");
      const error = el.appendChild(document.createElement("pre"));
      const image = el.appendChild(document.createElement("img"));
      const caption = el.appendChild(document.createElement("div"));
      error.style.color = "#a00000";
      error.setAttribute("role", "alert");
      image.style.cssText = "width: 100%; display: block";
      caption.style.cssText = "color: #555; line-height: 1.4; white-space: normal";
      // The element stays when its words change: only so is it heard.
      caption.setAttribute("aria-live", "polite");
      const tell = () => {
        error.textContent = model.get("error");
        error.hidden = !error.textContent;
      };
      const view = ({ bytes, alt }) => {
        URL.revokeObjectURL(image.src);
        image.src = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
        image.alt = caption.textContent = alt;
      };
      model.on("change:error", tell);
      tell();
      views.add(view);
      shown ? view(shown) : answered(model);
      nameControls(el, controls.length, LOOKS);
      return () => {
        views.delete(view);
        model.off("change:error", tell);
        URL.revokeObjectURL(image.src);
      };
    },
  };
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
