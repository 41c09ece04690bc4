// A guess before the answer: a curve that is drawn, a number, a choice, and how sure one is.
// One script for JupyterLab and for the site: no library, no request off the page. JupyterLab gets
// it as a module (the package adds the export); a page opened from a file needs a plain script.
const pruninglabGuess = (() => {
  "use strict";
  const KNOTS = 25; // what a drawn curve is kept as: heights at evenly spaced places
  const ANCHOR = 3; // the arrow keys go from every third of them to the next
  const NEAR = 0.1; // a tenth of the axis counts as right
  const SURE = 70; // from here on one is "sure"
  const LEVEL = 0.05; // a curve that changes by less of the axis stays level
  const DRAWING = "http://www.w3.org/2000/svg";
  const PREFIX = "pruninglab-guess-";
  let count = 0;

  // ---------------------------------------------------------------- numbers and words

  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  function shown(value, unit = "") {
    const text = String(Number(value.toPrecision(3))).replace("-", "−");
    return unit ? `${text} ${unit}` : text;
  }

  /** Round numbers from `low` to `high`, about `wanted` of them. */
  function ticks(low, high, wanted) {
    const rough = (high - low) / wanted;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999) * power;
    const made = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) made.push(i * step);
    return made;
  }

  /** 1, 2, 5, 10 … inside a logarithmic axis; only powers of ten where it is long. */
  function logTicks(low, high) {
    const long = Math.log10(high / low) > 2.5;
    const made = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
      for (const factor of long ? [1] : [1, 2, 5]) {
        const tick = factor * 10 ** power;
        if (tick >= low * 0.999 && tick <= high * 1.001) made.push(tick);
      }
    }
    return made;
  }

  /** Height of a broken line at `place`, where `at` are the places of its corners, ascending. */
  function heightAt(place, at, heights) {
    if (place <= at[0]) return heights[0];
    const next = at.findIndex((x) => x >= place);
    if (next < 0) return heights[heights.length - 1];
    const part = (place - at[next - 1]) / (at[next] - at[next - 1]);
    return heights[next - 1] + part * (heights[next] - heights[next - 1]);
  }

  /** Fill what was not drawn: straight between, level outside. */
  function filled(heights) {
    const at = heights.flatMap((height, i) => (height === null ? [] : [i]));
    return heights.map((_, i) => heightAt(i, at, at.map((k) => heights[k])));
  }

  function direction(change, span) {
    if (Math.abs(change) < LEVEL * span) return "stays level";
    return change > 0 ? "rises" : "falls";
  }

  // ---------------------------------------------------------------- judging

  function judgeCurve(about, guess) {
    const axis = new Axis(about);
    const places = Array.from({ length: KNOTS }, (_, i) => i / (KNOTS - 1));
    const heights = about.x.map((x) => heightAt(axis.share(x), places, guess));
    const gaps = heights.map((height, i) => Math.abs(height - about.y[i]));
    const off = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const worst = gaps.indexOf(Math.max(...gaps));
    const span = about.high - about.low;
    const last = about.y.length - 1;
    const mine = direction(heights[last] - heights[0], span);
    const truth = direction(about.y[last] - about.y[0], span);
    const ends = mine === truth
      ? `Right direction: from left to right it ${truth}.`
      : `Other direction: from left to right it ${truth}, yours ${mine}.`;
    const told = `On average your curve lies ${shown(off)} from the measured one `
      + `(the axis is ${shown(span)} high), farthest at ${about.xlabel} = ${shown(about.x[worst])}: `
      + `${shown(gaps[worst])}. ${ends}`;
    return { off, right: off <= NEAR * span, told };
  }

  function judgeNumber(about, guess) {
    const off = Math.abs(guess - about.truth);
    const side = guess > about.truth ? "too high" : "too low";
    const told = `You said ${shown(guess, about.unit)}, it is ${shown(about.truth, about.unit)}: `
      + (shown(guess) === shown(about.truth) ? "exactly." : `${shown(off, about.unit)} ${side}.`);
    return { off, right: off <= NEAR * (about.high - about.low), told };
  }

  function judgeChoice(about, guess) {
    const right = guess === about.answer;
    const told = `You said “${guess}”.${right ? "" : ` It is “${about.answer}”.`} ${about.why}`;
    return { off: null, right, told: told.trim() };
  }

  /** What all guesses of a notebook say of the one who made them: sentences. */
  function calibration(entries) {
    const right = entries.filter((entry) => entry.right).length;
    const times = (some) => {
      const hits = some.filter((entry) => entry.right).length;
      return `right in ${hits} of ${some.length}`;
    };
    const sure = entries.filter((entry) => entry.sure >= SURE);
    const unsure = entries.filter((entry) => entry.sure < SURE);
    const said = [`You were ${times(entries)}.`];
    if (sure.length) said.push(`Where you were sure (${SURE} % or more): ${times(sure)}.`);
    if (unsure.length) said.push(`Where you were less sure: ${times(unsure)}.`);
    const mean = entries.reduce((sum, entry) => sum + entry.sure, 0) / entries.length;
    const share = (100 * right) / entries.length;
    const both = `On average you were ${Math.round(mean)} % sure and ${Math.round(share)} % right`;
    if (mean - share > 15) said.push(`${both}: surer than right. Surprises are where one learns most.`);
    else if (share - mean > 15) said.push(`${both}: your intuition is better than you think.`);
    else said.push(`${both}: you know what you know.`);
    if (entries.length < 5) said.push("So few guesses say little; go on guessing.");
    return said;
  }

  // ---------------------------------------------------------------- pieces of a page

  function element(kind, properties = {}, ...inside) {
    const made = document.createElement(kind);
    for (const [name, value] of Object.entries(properties)) {
      if (name === "className" || name === "textContent" || name in { checked: 1, hidden: 1 }) made[name] = value;
      else made.setAttribute(name, value);
    }
    made.append(...inside);
    return made;
  }

  function drawing(kind, properties = {}, text = "") {
    const made = document.createElementNS(DRAWING, kind);
    for (const [name, value] of Object.entries(properties)) made.setAttribute(name, value);
    made.textContent = text;
    return made;
  }

  /** A row: label, range input, what it says; `say` turns the number of the stop into words. */
  function rangeRow(id, label, last, say, start, moved) {
    const input = element("input", { type: "range", id, min: 0, max: last, step: 1 });
    const output = element("output", { for: id });
    const tell = () => {
      output.textContent = say(Number(input.value));
      input.setAttribute("aria-valuetext", output.textContent);
    };
    const set = (stop) => {
      input.value = stop;
      tell();
    };
    input.addEventListener("input", () => {
      tell();
      moved(Number(input.value));
    });
    set(start);
    const row = element("div", { className: "row" },
      element("label", { for: id, textContent: label }), input, output);
    return { row, input, set };
  }

  // ---------------------------------------------------------------- questions

  class Question {
    constructor(root, about, shelf) {
      Object.assign(this, { root, about, shelf, id: `guess-${count++}` });
      root.classList.add("pruninglab-guess");
      root.setAttribute("role", "group");
      root.setAttribute("aria-labelledby", `${this.id}-question`);
      this.guess = null;
      this.show = element("button", { type: "button", className: "main", textContent: this.showWords });
      this.forget = element("button", { type: "button", textContent: "Forget it and guess again" });
      this.result = element("div", { className: "result", "aria-live": "polite" });
      this.note = element("p", { className: "note" });
      this.show.addEventListener("click", () => this.answer());
      this.forget.addEventListener("click", () => this.again());
      this.sure = rangeRow(`${this.id}-sure`, this.sureWords, 20, (stop) => `${5 * stop} %`, 10, () => {});
      this.hint = element("p", { className: "hint", id: `${this.id}-hint`, textContent: this.hintWords });
      root.replaceChildren(
        element("p", { className: "question", id: `${this.id}-question` },
          element("span", { className: "first", textContent: "Guess first" }), " ", about.question),
        this.hint, this.control(), this.sure.row,
        element("div", { className: "buttons" }, this.show, this.forget), this.result, this.note,
      );
      // JupyterLab would take the arrow keys for itself, and go to the next cell; it looks at the
      // element that has the focus.
      for (const part of root.querySelectorAll("input, button, svg")) {
        part.setAttribute("data-lm-suppress-shortcuts", "true");
      }
      shelf.changed(() => this.restore());
      this.restore();
    }

    get sureWords() {
      return "How sure are you?";
    }

    /** Take the guess that is kept, if there is one that fits the question. */
    restore() {
      const entry = this.shelf.entry();
      this.entry = entry && entry.kind === this.about.kind && this.fits(entry.guess) ? entry : null;
      if (this.entry) {
        this.guess = this.entry.guess;
        this.sure.set(Math.round(this.entry.sure / 5));
      }
      this.update();
    }

    answer() {
      this.guess = this.whole();
      const sure = 5 * Number(this.sure.input.value);
      const { off, right, told } = this.judge(this.about, this.guess);
      const { kind, question } = this.about;
      this.entry = { kind, question, guess: this.guess, sure, off, right, told };
      this.shelf.keep(this.entry);
      this.update();
      this.forget.focus({ preventScroll: true });
    }

    again() {
      this.entry = null;
      this.guess = null;
      this.shelf.keep(null);
      this.sure.set(10);
      this.clear();
      this.update();
      this.first().focus({ preventScroll: true });
    }

    whole() {
      return this.guess;
    }

    ready() {
      return this.guess !== null;
    }

    update() {
      const open = this.entry === null;
      this.root.classList.toggle("open", open);
      this.sure.input.disabled = !open;
      this.show.hidden = !open;
      this.show.disabled = !this.ready();
      this.forget.hidden = open;
      this.hint.hidden = !open;
      this.note.textContent = this.shelf.note();
      this.draw(open);
      this.result.replaceChildren();
      if (open) return;
      const { right, told } = this.judge(this.about, this.entry.guess);
      this.result.append(
        element("p", {},
          element("strong", { className: right ? "right" : "wrong", textContent: right ? "✓ Right." : "≠ Not quite." }),
          ` ${told}`),
      );
    }
  }

  class NumberQuestion extends Question {
    get showWords() {
      return "Show the answer";
    }

    get hintWords() {
      return "Move the slider to your guess; its arrow keys work too.";
    }

    get sureWords() {
      const { low, high, unit } = this.about;
      return `How sure are you to be within ${shown(NEAR * (high - low), unit)}?`;
    }

    get judge() {
      return judgeNumber;
    }

    fits(guess) {
      return typeof guess === "number" && guess >= this.about.low && guess <= this.about.high;
    }

    value(stop) {
      return this.about.low + (stop / 200) * (this.about.high - this.about.low);
    }

    control() {
      this.range = rangeRow(`${this.id}-number`, "Your guess",
        200, (stop) => shown(this.value(stop), this.about.unit), 100, (stop) => {
          this.guess = this.value(stop);
          this.update();
        });
      this.range.input.setAttribute("aria-describedby", `${this.id}-hint`);
      this.strip = element("div", { className: "strip", hidden: true });
      return element("div", {}, this.range.row, this.strip);
    }

    first() {
      return this.range.input;
    }

    clear() {
      this.range.set(100);
    }

    draw(open) {
      const { low, high, truth, unit } = this.about;
      const share = (value) => clamp((100 * (value - low)) / (high - low), 0, 100);
      this.range.input.disabled = !open;
      if (this.guess !== null) this.range.set(Math.round(2 * share(this.guess)));
      this.strip.hidden = open;
      this.strip.replaceChildren();
      if (open) return;
      const start = share(truth - NEAR * (high - low));
      const width = share(truth + NEAR * (high - low)) - start;
      const mark = (kind, value, word) => {
        const label = element("span", { className: "label", textContent: `${word} ${shown(value, unit)}` });
        const made = element("div", { className: `pin ${kind}` }, label);
        made.style.left = `${share(value)}%`;
        label.classList.toggle("from-left", share(value) < 25);
        label.classList.toggle("from-right", share(value) > 75);
        return made;
      };
      const band = element("div", { className: "band" });
      Object.assign(band.style, { left: `${start}%`, width: `${width}%` });
      this.strip.append(band, mark("mine", this.entry.guess, "you:"), mark("truth", truth, "measured:"));
    }
  }

  class ChoiceQuestion extends Question {
    get showWords() {
      return "Show the answer";
    }

    get hintWords() {
      return "Choose one.";
    }

    get judge() {
      return judgeChoice;
    }

    fits(guess) {
      return this.about.options.includes(guess);
    }

    control() {
      this.entries = this.about.options.map((option, i) => {
        const id = `${this.id}-${i}`;
        const input = element("input", { type: "radio", name: this.id, id });
        input.addEventListener("change", () => {
          this.guess = option;
          this.update();
        });
        const row = element("label", { className: "option", for: id }, input, element("span", { textContent: option }));
        return { option, input, row };
      });
      return element("div", { className: "options", role: "radiogroup", "aria-labelledby": `${this.id}-question` },
        ...this.entries.map((entry) => entry.row));
    }

    first() {
      return this.entries[0].input;
    }

    clear() {}

    draw(open) {
      for (const { option, input, row } of this.entries) {
        input.checked = option === this.guess;
        input.disabled = !open;
        row.classList.toggle("answer", !open && option === this.about.answer);
      }
    }
  }

  /** The horizontal axis: from a value to its share of the way, and back. */
  class Axis {
    constructor({ x, logx }) {
      this.scale = logx ? Math.log10 : (value) => value;
      this.back = logx ? (value) => 10 ** value : (value) => value;
      this.low = this.scale(x[0]);
      this.high = this.scale(x[x.length - 1]);
    }

    share(value) {
      return (this.scale(value) - this.low) / (this.high - this.low);
    }

    value(share) {
      return this.back(this.low + share * (this.high - this.low));
    }
  }

  class CurveQuestion extends Question {
    get showWords() {
      return "Show the measured curve";
    }

    get hintWords() {
      return "Draw with the mouse or a finger, from the left edge to the right edge. "
        + "By keys: ← → choose a place, ↑ ↓ move the curve there, Page Up and Page Down move it faster.";
    }

    get sureWords() {
      const { low, high } = this.about;
      return `How sure are you to be within ${shown(NEAR * (high - low))} on average?`;
    }

    get judge() {
      return judgeCurve;
    }

    fits(guess) {
      return Array.isArray(guess) && guess.length === KNOTS && guess.every(Number.isFinite);
    }

    control() {
      this.axis = new Axis(this.about);
      this.anchor = 0;
      this.chart = drawing("svg", {
        class: "chart", tabindex: 0, role: "slider",
        "aria-label": `Your curve: ${this.about.ylabel} against ${this.about.xlabel}`,
        "aria-describedby": `${this.id}-hint`, "aria-valuemin": this.about.low, "aria-valuemax": this.about.high,
      });
      this.chart.addEventListener("pointerdown", (event) => this.press(event));
      this.chart.addEventListener("pointermove", (event) => this.drag(event));
      for (const end of ["pointerup", "pointercancel"]) {
        this.chart.addEventListener(end, () => (this.last = null));
      }
      this.chart.addEventListener("keydown", (event) => this.key(event));
      this.size = { width: 560, height: 300, left: 58, right: 14, top: 24, bottom: 44 };
      new ResizeObserver(([box]) => {
        const width = Math.round(box.contentRect.width);
        if (!width || width === this.size.width) return;
        this.size.width = width;
        this.draw(this.entry === null);
      }).observe(this.chart);
      return this.chart;
    }

    first() {
      return this.chart;
    }

    clear() {
      this.anchor = 0;
    }

    whole() {
      return filled(this.guess);
    }

    ready() {
      return this.guess !== null && this.guess.filter((height) => height !== null).length > 1;
    }

    get heights() {
      return (this.guess ??= Array(KNOTS).fill(null));
    }

    // ------------------------------------------------------------ hand and keys

    /** Where the pointer is: the place in knots, the height in units of the axis. */
    point(event) {
      const { width, height, left, right, top, bottom } = this.size;
      const box = this.chart.getBoundingClientRect();
      const across = clamp((event.clientX - box.left - left) / (width - left - right), 0, 1);
      const up = clamp(1 - (event.clientY - box.top - top) / (height - top - bottom), 0, 1);
      return { knot: across * (KNOTS - 1), height: this.about.low + up * (this.about.high - this.about.low) };
    }

    press(event) {
      if (this.entry || event.button) return;
      this.chart.setPointerCapture(event.pointerId);
      this.last = this.point(event);
      this.heights[Math.round(this.last.knot)] = this.last.height;
      this.update();
    }

    drag(event) {
      if (!this.last || this.entry) return;
      const now = this.point(event);
      this.line(this.last, now);
      this.last = now;
      this.update();
    }

    /** Every knot between two points gets its height. */
    line(from, to) {
      const [first, second] = from.knot <= to.knot ? [from, to] : [to, from];
      for (let k = Math.ceil(first.knot); k <= second.knot; k++) {
        this.heights[k] = heightAt(k, [first.knot, second.knot], [first.height, second.height]);
      }
      this.anchor = Math.round(to.knot / ANCHOR) * ANCHOR;
    }

    key(event) {
      const { low, high } = this.about;
      const rise = { ArrowUp: 0.02, ArrowDown: -0.02, PageUp: 0.1, PageDown: -0.1 }[event.key];
      const go = { ArrowLeft: -ANCHOR, ArrowRight: ANCHOR, Home: -KNOTS, End: KNOTS }[event.key];
      if (this.entry || (rise === undefined && go === undefined)) return;
      event.preventDefault();
      event.stopPropagation();
      // The first key lays a level line: there is something to move.
      if (!this.ready()) this.guess = Array(KNOTS).fill((low + high) / 2);
      this.guess = this.whole();
      if (go) this.anchor = clamp(this.anchor + go, 0, KNOTS - 1);
      else this.lift(clamp(this.guess[this.anchor] + rise * (high - low), low, high));
      this.update();
    }

    /** Move the anchor, and with it the line to its neighbours. */
    lift(height) {
      const here = { knot: this.anchor, height };
      for (const side of [-ANCHOR, ANCHOR]) {
        const knot = this.anchor + side;
        if (knot >= 0 && knot < KNOTS) this.line({ knot, height: this.guess[knot] }, here);
      }
    }

    // ------------------------------------------------------------ picture

    draw(open) {
      const { width, height, left, right, top, bottom } = this.size;
      const { low, high } = this.about;
      this.across = (share) => left + share * (width - left - right);
      this.up = (value) => height - bottom - ((value - low) / (high - low)) * (height - top - bottom);
      this.chart.setAttribute("viewBox", `0 0 ${width} ${height}`);
      this.chart.setAttribute("height", height);
      this.chart.replaceChildren(...this.axes());
      if (!open) this.band();
      this.mine(open);
      if (!open) this.truth();
      this.say();
    }

    axes() {
      const { width, height, left, right, top, bottom } = this.size;
      const { x, logx, low, high, xlabel, ylabel } = this.about;
      const parts = [];
      for (const tick of ticks(low, high, 5)) {
        const y = this.up(tick);
        parts.push(drawing("line", { class: "grid", x1: left, x2: width - right, y1: y, y2: y }));
        parts.push(drawing("text", { x: left - 7, y: y + 4, "text-anchor": "end" }, shown(tick)));
      }
      const places = logx ? logTicks(x[0], x[x.length - 1]) : ticks(x[0], x[x.length - 1], width < 420 ? 4 : 6);
      for (const tick of places) {
        const at = this.across(this.axis.share(tick));
        parts.push(drawing("line", { class: "grid", x1: at, x2: at, y1: top, y2: height - bottom }));
        parts.push(drawing("text", { x: at, y: height - bottom + 17, "text-anchor": "middle" }, shown(tick)));
      }
      const middle = (top + height - bottom) / 2;
      parts.push(drawing("text", { class: "name", x: (left + width - right) / 2, y: height - 7, "text-anchor": "middle" }, xlabel));
      parts.push(drawing("text", { class: "name", "text-anchor": "middle", transform: `translate(14 ${middle}) rotate(-90)` }, ylabel));
      if (!this.guess) {
        parts.push(drawing("text", { class: "empty", x: (left + width - right) / 2, y: middle, "text-anchor": "middle" }, "draw your curve here"));
      }
      return parts;
    }

    path(points) {
      return points.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
    }

    mine(open) {
      const heights = this.guess ?? [];
      const points = heights.flatMap((height, i) =>
        (height === null ? [] : [[this.across(i / (KNOTS - 1)), this.up(height)]]));
      if (points.length) this.chart.append(drawing("path", { class: "mine", d: this.path(points) }));
      if (open && heights.length && heights[this.anchor] !== null) {
        const at = { cx: this.across(this.anchor / (KNOTS - 1)), cy: this.up(heights[this.anchor]) };
        this.chart.append(drawing("circle", { class: "anchor", r: 6, ...at }));
      }
    }

    /** What lies between the guess and the measured curve. */
    band() {
      const there = this.guess.map((height, i) => [this.across(i / (KNOTS - 1)), this.up(height)]);
      const back = this.points().reverse();
      this.chart.append(drawing("path", { class: "between", d: `${this.path([...there, ...back])}Z` }));
    }

    points() {
      return this.about.x.map((x, i) => [this.across(this.axis.share(x)), this.up(this.about.y[i])]);
    }

    truth() {
      const points = this.points();
      this.chart.append(drawing("path", { class: "truth", pathLength: 1, d: this.path(points) }));
      for (const [cx, cy] of points) this.chart.append(drawing("circle", { class: "truth", r: 3, cx, cy }));
      const { right, width, left } = this.size;
      const key = [["mine", "you"], ["truth", "measured"]];
      key.forEach(([kind, word], i) => {
        const x = left + 10 + i * Math.min(90, (width - left - right) / 3);
        this.chart.append(drawing("line", { class: kind, x1: x, x2: x + 22, y1: 9, y2: 9 }));
        this.chart.append(drawing("text", { x: x + 27, y: 13 }, word));
      });
    }

    say() {
      const height = this.guess?.[this.anchor] ?? null;
      const { low, high, xlabel, ylabel } = this.about;
      const x = shown(this.axis.value(this.anchor / (KNOTS - 1)));
      const words = height === null ? "nothing drawn yet" : `${ylabel} ${shown(height)} at ${xlabel} ${x}`;
      this.chart.setAttribute("aria-valuenow", height ?? (low + high) / 2);
      this.chart.setAttribute("aria-valuetext", words);
      this.chart.setAttribute("aria-disabled", String(this.entry !== null));
    }
  }

  // ---------------------------------------------------------------- all of a notebook

  function showAll(root, shelf) {
    root.classList.add("pruninglab-guess", "all");
    const update = () => {
      const entries = Object.values(shelf.entries());
      const said = entries.length ? calibration(entries) : ["No guess of yours yet. The questions above wait for you."];
      root.replaceChildren(element("p", { className: "question" },
        element("span", { className: "first", textContent: "Your guesses" })));
      const list = element("ul");
      for (const entry of entries) {
        const word = entry.right ? "✓ right" : "≠ not quite";
        list.append(element("li", {},
          element("strong", { className: entry.right ? "right" : "wrong", textContent: word }),
          ` · ${entry.sure} % sure · `, element("em", { textContent: entry.question }),
          element("br"), entry.told));
      }
      if (entries.length) root.append(list);
      root.append(element("p", { className: "result", "aria-live": "polite", textContent: said.join(" ") }),
        element("p", { className: "note", textContent: shelf.note() }));
    };
    shelf.changed(update);
    update();
  }

  const KINDS = { curve: CurveQuestion, number: NumberQuestion, choice: ChoiceQuestion };

  function mount(root, about, shelf) {
    if (about.kind === "summary") showAll(root, shelf);
    else new KINDS[about.kind](root, about, shelf);
  }

  // ---------------------------------------------------------------- where guesses are kept

  /** In JupyterLab the package keeps them, in a file beside the notebook. */
  function render({ model, el }) {
    const callbacks = [];
    const told = () => callbacks.forEach((callback) => callback());
    for (const name of ["entry", "entries", "note"]) model.on(`change:${name}`, told);
    mount(el, model.get("about"), {
      entry: () => model.get("entry"),
      entries: () => model.get("entries"),
      note: () => model.get("note"),
      changed: (callback) => callbacks.push(callback),
      keep: (entry) => {
        model.set("entry", entry);
        model.save_changes();
      },
    });
    return () => callbacks.splice(0);
  }

  /** On a page the browser keeps them; where it refuses, they last as long as the page. */
  class Shelf {
    constructor(names) {
      this.names = names;
      this.kept = new Map();
      this.callbacks = [];
    }

    of(name) {
      return {
        entry: () => this.read(name),
        entries: () => {
          const mine = this.names.filter((other) => other.slice(0, 2) === name.slice(0, 2) && this.read(other));
          return Object.fromEntries(mine.map((other) => [other, this.read(other)]));
        },
        note: () => this.refused ?? "",
        changed: (callback) => this.callbacks.push(callback),
        keep: (entry) => this.write(name, entry),
      };
    }

    read(name) {
      if (this.kept.has(name)) return this.kept.get(name);
      try {
        return sound(JSON.parse(localStorage.getItem(PREFIX + name)));
      } catch {
        return null;
      }
    }

    write(name, entry) {
      this.kept.set(name, entry);
      try {
        if (entry) localStorage.setItem(PREFIX + name, JSON.stringify(entry));
        else localStorage.removeItem(PREFIX + name);
      } catch {
        this.refused = "Your browser does not keep guesses: they are gone when you leave this page.";
      }
      this.callbacks.forEach((callback) => callback());
    }
  }

  /** What was kept, or null if it is none of ours. */
  function sound(entry) {
    const fits = entry && typeof entry.sure === "number" && typeof entry.told === "string"
      && typeof entry.right === "boolean" && typeof entry.question === "string";
    return fits ? entry : null;
  }

  /** Bring every guess of a page to life. */
  function mountAll() {
    const boxes = [...document.querySelectorAll("div.guess")];
    const abouts = boxes.map((box) => JSON.parse(box.querySelector("script").textContent));
    const shelf = new Shelf(abouts.filter((about) => about.kind !== "summary").map((about) => about.name));
    boxes.forEach((box, i) => {
      const root = element("div");
      box.replaceChildren(root);
      mount(root, abouts[i], shelf.of(abouts[i].name));
    });
  }

  if (typeof document !== "undefined") mountAll();
  return { render };
})();
