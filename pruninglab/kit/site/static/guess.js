// A guess before the answer: a curve that is drawn, a number, a choice, and how sure one is.
// One script for JupyterLab and for the site: no library, no request off the page. JupyterLab gets
// it as a module (the package adds the export); a page opened from a file needs a plain script.
const pruninglabGuess = (() => {
  "use strict";
  const KNOTS = 25; // what a drawn curve is kept as: heights at evenly spaced places
  const ANCHOR = 3; // the arrow keys go from every third of them to the next
  const PLACES = Array.from({ length: KNOTS }, (_, i) => i / (KNOTS - 1));
  const SURE = 70; // from here on one is "sure"
  // How a curve is scored. The numbers come from a simulation: tests/kit/test_guess.py.
  const FLAT = 0.08; // a curve that covers less of its axis is a level one
  const TURN = 0.25; // a rise or fall counts from this part of the curve's own range on,
  const TREMOR = 0.06; // and from this part of the axis: less is the hand's
  const FINEST = 0.2; // who can draw well what covers less of the axis?
  const REACH = 0.4; // of the range: who lies so far off on average has nothing of the level
  const RIGHT = 0.55; // the score that counts as right; a wrong course reaches 0.5 at most
  const DRAWING = "http://www.w3.org/2000/svg";
  const PREFIX = "pruninglab-guess-";
  let count = 0;

  // ---------------------------------------------------------------- numbers and words

  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

  function shown(value, unit = "") {
    const text = String(Number(value.toPrecision(3))).replace("-", "−");
    if (unit === "points" && text === "1") return "1 point";
    return unit ? `${text} ${unit}` : text;
  }

  /** How far apart two values are. Of percents it is points: percent of what would be a riddle. */
  const apart = (value, unit) => shown(Math.abs(value), unit === "%" ? "points" : unit);

  const onAxis = (value, percent) => (percent ? shown(100 * value, "%") : shown(value));

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

  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  function correlation(one, other) {
    const about = (values) => values.map((value) => value - mean(values));
    const [a, b] = [about(one), about(other)];
    const product = (c, d) => mean(c.map((value, i) => value * d[i]));
    const size = Math.sqrt(product(a, a) * product(b, b));
    return size ? product(a, b) / size : 0;
  }

  // ---------------------------------------------------------------- judging

  /** The rises (1) and falls (-1) of a curve, in order, each at least `least` high. */
  function turns(heights, least) {
    const found = [];
    let [low, high] = [heights[0], heights[0]];
    for (const height of heights) {
      [low, high] = [Math.min(low, height), Math.max(high, height)];
      const way = height - low >= least ? 1 : high - height >= least ? -1 : 0;
      if (way && way !== found.at(-1)) found.push(way);
      if (way) [low, high] = [height, height];
    }
    return found;
  }

  function courseWords(way) {
    const words = way.map((turn) => (turn > 0 ? "rises" : "falls"));
    const last = words.pop() ?? "stays level";
    return words.length ? `${words.join(", ")}, then ${last}` : last;
  }

  /** Score a curve: its level, in the measured one's own range, times its shape. */
  function judgeCurve(about, guess) {
    const axis = new Axis(about);
    const at = about.x.map((x) => axis.share(x));
    const truth = PLACES.map((place) => heightAt(place, at, about.y));
    const span = about.high - about.low;
    const range = Math.max(...about.y) - Math.min(...about.y);
    const least = range < FLAT * span ? FLAT * span : Math.max(TURN * range, TREMOR * span);
    const [way, mine] = [truth, guess].map((heights) => turns(heights, least));
    const same = String(way) === String(mine);
    const off = mean(guess.map((height, i) => Math.abs(height - truth[i])));
    const level = clamp(1 - off / (REACH * Math.max(range, FINEST * span)), 0, 1);
    // A level line has no course to go along with: there it is the turns alone.
    const along = way.length ? clamp(correlation(truth, guess), 0, 1) : Number(same);
    const score = level * (along + Number(same)) / 2;

    const gaps = at.map((place, i) => heightAt(place, PLACES, guess) - about.y[i]);
    const worst = gaps.reduce((most, gap, i) => (Math.abs(gap) > Math.abs(gaps[most]) ? i : most), 0);
    // Two digits: a hand draws no third.
    const [times, unit] = about.y_percent ? [100, "%"] : [1, ""];
    const far = (gap) => apart(Number((times * gap).toPrecision(2)), unit);
    const only = mine.length && mine.length < way.length ? "only " : "";
    const course = same
      ? `The right course: it ${courseWords(way)}.`
      : `It ${courseWords(way)}; yours ${only}${courseWords(mine)}.`;
    const told = `${course} On average yours lies ${far(off)} off, farthest at ${about.xlabel} = `
      + `${onAxis(about.x[worst], about.x_percent)}: ${far(gaps[worst])} too ${gaps[worst] > 0 ? "high" : "low"}. `
      + `Score: ${Math.round(100 * score)} of 100; right from ${Math.round(100 * RIGHT)}.`;
    return { off, score, right: score >= RIGHT, told };
  }

  function judgeNumber(about, guess) {
    const off = Math.abs(guess - about.truth);
    const side = guess > about.truth ? "too high" : "too low";
    const told = `You said ${shown(guess, about.unit)}, it is ${shown(about.truth, about.unit)}: `
      + (shown(guess) === shown(about.truth) ? "exactly." : `${apart(off, about.unit)} ${side}.`);
    return { off, right: off <= about.within * (1 + 1e-9), told };
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
    const sureness = mean(entries.map((entry) => entry.sure));
    const share = (100 * right) / entries.length;
    const both = `On average you were ${Math.round(sureness)} % sure and ${Math.round(share)} % right`;
    if (sureness - share > 15) said.push(`${both}: surer than right. Surprises are where one learns most.`);
    else if (share - sureness > 15) said.push(`${both}: your intuition is better than you think.`);
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
      this.showMe = element("button", { type: "button", textContent: "Show me" });
      this.forget = element("button", { type: "button", textContent: "Forget it and guess again" });
      this.result = element("div", { className: "result", "aria-live": "polite" });
      this.note = element("p", { className: "note" });
      this.show.addEventListener("click", () => this.answer());
      this.showMe.addEventListener("click", () => this.giveAway());
      this.forget.addEventListener("click", () => this.again());
      this.sure = rangeRow(`${this.id}-sure`, this.sureWords, 20, (stop) => `${5 * stop} %`, 10, () => {});
      this.hint = element("p", { className: "hint", id: `${this.id}-hint`, textContent: this.hintWords });
      root.replaceChildren(
        element("p", { className: "question", id: `${this.id}-question` },
          element("span", { className: "first", textContent: "Guess first" }), " ", about.question),
        this.hint, this.control(), this.sure.row,
        element("div", { className: "buttons" }, this.show, this.showMe, this.forget), this.result, this.note,
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
        this.shelf.reveal(true);
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
      this.shelf.reveal(true);
      this.update();
      this.forget.focus({ preventScroll: true });
    }

    /** Show what gives the answer away, without a guess. */
    giveAway() {
      this.shelf.reveal(true);
      this.update();
      this.first().focus({ preventScroll: true });
    }

    again() {
      this.entry = null;
      this.guess = null;
      this.shelf.keep(null);
      this.shelf.reveal(false);
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
      this.showMe.hidden = !open || !this.about.then || this.shelf.revealed();
      this.forget.hidden = open;
      this.hint.hidden = !open;
      this.note.textContent = this.shelf.note();
      this.draw(open);
      this.result.replaceChildren();
      if (open && this.about.then && this.shelf.revealed()) this.result.append("It is shown below.");
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
      return `How sure are you to be within ${apart(this.about.within, this.about.unit)}?`;
    }

    get judge() {
      return judgeNumber;
    }

    fits(guess) {
      return typeof guess === "number" && guess >= this.about.low && guess <= this.about.high;
    }

    /** The slider's last stop: near enough to each other that one is right. */
    get last() {
      return Math.max(200, Math.ceil((2 * (this.about.high - this.about.low)) / this.about.within));
    }

    value(stop) {
      return this.about.low + (stop / this.last) * (this.about.high - this.about.low);
    }

    control() {
      this.range = rangeRow(`${this.id}-number`, "Your guess",
        this.last, (stop) => shown(this.value(stop), this.about.unit), 0, (stop) => {
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
      this.range.set(0);
    }

    draw(open) {
      const { low, high, truth, unit, within } = this.about;
      const share = (value) => clamp((100 * (value - low)) / (high - low), 0, 100);
      this.range.input.disabled = !open;
      if (this.guess !== null) this.range.set(Math.round((this.last * share(this.guess)) / 100));
      this.strip.hidden = open;
      this.strip.replaceChildren();
      if (open) return;
      const start = share(truth - within);
      const width = share(truth + within) - start;
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

  /** The horizontal axis, in the direction of the curve: from a value to its share of the way, and back. */
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
      return "How sure are you of its course and level?";
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
      const { x, logx, low, high, xlabel, ylabel, x_percent: inX, y_percent: inY } = this.about;
      const parts = [];
      for (const tick of ticks(low, high, 5)) {
        const y = this.up(tick);
        parts.push(drawing("line", { class: "grid", x1: left, x2: width - right, y1: y, y2: y }));
        parts.push(drawing("text", { x: left - 7, y: y + 4, "text-anchor": "end" }, onAxis(tick, inY)));
      }
      const ends = [Math.min(...x), Math.max(...x)];
      const places = logx ? logTicks(...ends) : ticks(...ends, width < 420 ? 4 : 6);
      let end = 0; // of the last number: what would lie upon it is left out
      for (const tick of x[0] > x[x.length - 1] ? places.reverse() : places) {
        const [at, words] = [this.across(this.axis.share(tick)), onAxis(tick, inX)];
        const half = 3.4 * words.length;
        parts.push(drawing("line", { class: "grid", x1: at, x2: at, y1: top, y2: height - bottom }));
        if (at - half < end) continue;
        parts.push(drawing("text", { x: at, y: height - bottom + 17, "text-anchor": "middle" }, words));
        end = at + half + 5;
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
      const { low, high, xlabel, ylabel, x_percent: inX, y_percent: inY } = this.about;
      const x = onAxis(this.axis.value(this.anchor / (KNOTS - 1)), inX);
      const words = height === null ? "nothing drawn yet" : `${ylabel} ${onAxis(height, inY)} at ${xlabel} ${x}`;
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
    for (const name of ["entry", "entries", "note", "revealed"]) model.on(`change:${name}`, told);
    mount(el, model.get("about"), {
      entry: () => model.get("entry"),
      entries: () => model.get("entries"),
      note: () => model.get("note"),
      changed: (callback) => callbacks.push(callback),
      keep: (entry) => {
        model.set("entry", entry);
        model.save_changes();
      },
      revealed: () => model.get("revealed"),
      // The kernel shows it below; what it has shown stays.
      reveal: (shown) => {
        if (!shown || model.get("revealed")) return;
        model.set("revealed", true);
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
      window.addEventListener("pruninglab-guess", () => this.callbacks.forEach((callback) => callback()));
    }

    /** The shelf as one question sees it; `then` is what gives its answer away, or null. */
    of(name, then) {
      return {
        entry: () => this.read(name),
        entries: () => {
          const mine = this.known(name.slice(0, 2)).filter((other) => this.read(other));
          return Object.fromEntries(mine.map((other) => [other, this.read(other)]));
        },
        note: () => this.refused ?? "",
        changed: (callback) => this.callbacks.push(callback),
        keep: (entry) => this.write(name, entry),
        revealed: () => then !== null && !then.hidden,
        reveal: (shown) => then?.toggleAttribute("hidden", !shown),
      };
    }

    /** Those of a lesson: the page's own, and what another script keeps beside them. */
    known(number) {
      let others = [];
      try {
        others = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length));
      } catch { /* The browser keeps none. */ }
      return [...new Set([...this.names, ...others])].filter((name) => name.slice(0, 2) === number);
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
      const [root, then] = [element("div"), box.querySelector(".then")];
      box.replaceChildren(root, ...(then ? [then] : []));
      mount(root, abouts[i], shelf.of(abouts[i].name, then));
    });
  }

  if (typeof document !== "undefined") mountAll();
  return { render, judgeCurve };
})();
