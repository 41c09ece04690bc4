// Sliders over pictures that were drawn beforehand: no kernel, no library, no request off the page.
// A plain deferred script: browsers refuse modules on pages that are opened from a file.

/** Number of the picture of a state, or null if it was not drawn: see frames.py. */
function numberOf(controls, all, state) {
  if (all) return state.reduce((number, stop, i) => number * controls[i].stops.length + stop, 0);
  const moved = state.findIndex((stop, i) => stop !== controls[i].default);
  if (moved < 0) return 0;
  if (state.some((stop, i) => i !== moved && stop !== controls[i].default)) return null;
  const before = controls.slice(0, moved).reduce((sum, c) => sum + c.stops.length - 1, 0);
  return 1 + before + state[moved] - (state[moved] > controls[moved].default ? 1 : 0);
}

class Explorer {
  constructor(figure, count) {
    const about = JSON.parse(figure.querySelector("script").textContent);
    Object.assign(this, about, { base: figure.dataset.frames, kept: new Map(), id: `e${count}` });
    this.state = about.controls.map((control) => control.default);
    this.image = figure.querySelector("img");
    this.image.removeAttribute("loading");
    this.note = element("div", { className: "note" });
    this.caption = element("figcaption", { textContent: this.image.alt });
    this.caption.setAttribute("aria-live", "polite");
    this.rows = about.controls.map((control, i) => this.row(control, i));
    figure.prepend(...this.rows.map((row) => row.whole), this.note);
    figure.append(this.caption);
    if (!this.all) this.note.textContent = "Here one control moves at a time.";
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
    const others = this.state.filter((value, j) => j !== i && value !== this.controls[j].default);
    if (!this.all && others.length) {
      this.state = this.controls.map((control) => control.default);
      this.note.textContent = `Only “${this.controls[i].label}” is moved; the others went back.`;
    } else if (!this.all) {
      this.note.textContent = `“${this.controls[i].label}” is moved.`;
    }
    this.state[i] = stop;
    this.rows.forEach((row, j) => say(row, this.controls[j], this.state[j]));
    this.show(numberOf(this.controls, this.all, this.state));
  }

  show(number) {
    this.wanted = number;
    const picture = this.frame(number);
    const put = () => {
      if (this.wanted !== number) return;
      this.image.src = picture.src;
      this.image.alt = this.words[number];
      this.caption.textContent = this.words[number];
      this.image.dataset.number = number;
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
      const state = this.all ? [...this.state] : this.controls.map((control) => control.default);
      state[i] = stop;
      this.frame(numberOf(this.controls, this.all, state));
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
