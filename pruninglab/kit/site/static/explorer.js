// Sliders over pictures that were drawn beforehand: no kernel, no library, no request off the page.
// A plain deferred script: browsers refuse modules on pages that are opened from a file.

/** Number of the picture of a state: see frames.py. */
function numberOf(controls, state) {
  return state.reduce((number, stop, i) => number * controls[i].stops.length + stop, 0);
}

class Explorer {
  constructor(figure, count) {
    const about = JSON.parse(figure.querySelector("script").textContent);
    Object.assign(this, about, { base: figure.dataset.frames, kept: new Map(), id: `e${count}` });
    this.state = about.controls.map((control) => control.default);
    // One a panel; on wide screens the first shows them all.
    this.images = [...figure.querySelectorAll("img")];
    for (const image of this.images) image.removeAttribute("loading");
    this.caption = element("figcaption", { textContent: this.images[0].alt });
    this.caption.setAttribute("aria-live", "polite");
    this.rows = about.controls.map((control, i) => this.row(control, i));
    figure.prepend(...this.rows.map((row) => row.whole));
    figure.append(this.caption);
  }

  row(control, i) {
    const id = `${this.id}-${control.argument}`;
    const input = control.kind === "select" ? select(control) : range(control);
    input.id = id;
    const label = element("label", { htmlFor: id, textContent: control.label });
    const shown = element("output", { htmlFor: id });
    const hint = element("span", { className: "hint", id: `${id}-hint`, textContent: control.hint });
    input.setAttribute("aria-describedby", hint.id);
    input.addEventListener("input", () => this.move(i, Number(input.value)));
    for (const touch of ["pointerdown", "focus"]) {
      input.addEventListener(touch, () => this.fetchRay(i), { once: true });
    }
    const row = { input, shown, whole: element("div", { className: "control" }) };
    row.whole.append(label, input, control.kind === "select" ? "" : shown, hint);
    say(row, control, control.default);
    return row;
  }

  move(i, stop) {
    this.state[i] = stop;
    say(this.rows[i], this.controls[i], stop);
    this.show(numberOf(this.controls, this.state));
  }

  show(number) {
    this.wanted = number;
    const picture = this.frame(number);
    const put = () => {
      if (this.wanted !== number) return;
      for (const image of this.images) image.src = picture.src;
      this.images[0].alt = this.caption.textContent = this.words[number];
      this.images[0].dataset.number = number;
    };
    picture.complete ? put() : picture.addEventListener("load", put, { once: true });
  }

  frame(number) {
    if (!this.kept.has(number)) {
      const picture = new Image();
      picture.src = `${this.base}${String(number).padStart(3, "0")}.webp`;
      this.kept.set(number, picture);
    }
    return this.kept.get(number);
  }

  /** Once a control is touched, all that it can show is fetched, from where it stands outwards. */
  fetchRay(i) {
    const stops = this.controls[i].stops.map((_, stop) => stop);
    stops.sort((a, b) => Math.abs(a - this.state[i]) - Math.abs(b - this.state[i]));
    for (const stop of stops) {
      this.frame(numberOf(this.controls, this.state.with(i, stop)));
    }
  }
}

function say(row, control, stop) {
  row.input.value = stop;
  row.shown.textContent = control.stops[stop];
  if (control.kind !== "select") row.input.setAttribute("aria-valuetext", control.stops[stop]);
}

function range(control) {
  return element("input", { type: "range", min: 0, max: control.stops.length - 1, step: 1 });
}

function select(control) {
  const list = element("select", {});
  list.append(...control.stops.map((text, value) => element("option", { value, textContent: text })));
  return list;
}

function element(kind, properties) {
  const made = document.createElement(kind);
  const { htmlFor, ...others } = properties;
  Object.assign(made, others);
  if (htmlFor) made.setAttribute("for", htmlFor);
  return made;
}

const figures = typeof document === "undefined" ? [] : document.querySelectorAll("figure.explorer");
figures.forEach((figure, count) => new Explorer(figure, count));
