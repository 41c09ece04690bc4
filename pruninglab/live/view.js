// The page: controls ask, the worker answers, and what it says is shown.

/** @type {Record<string, string>} */
const SCORE_NAMES = { magnitude: "smallest", random: "random", nnrelief: "quietest" };
/** @type {Record<string, string>} */
const ARMS = { ticket: "same first weights", rescaled: "others, rescaled", redrawn: "others", elsewhere: "other places" };
const SEEDS = 3;
const REST = 350; // milliseconds without a move: then times are taken and the sentence is said
const BET = "pruninglab-guess-00_half_red"; // where the other guesses are kept, too

/** The stops of the slider, forty a decade, round numbers among them. */
const STOPS = Array.from({ length: 109 }, (_, i) => {
  const stop = 10 ** (-i / 40);
  return TICKS.find((tick) => Math.abs(tick / stop - 1) < 0.015) ?? Number(stop.toPrecision(3));
});

/** A worker that answers one question after the other. */
class Worked {
  constructor() {
    const text = `(${pruninglabEngine})().serve(self);`;
    this.worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
    /** @type {Map<number, (told: any) => void>} */
    this.waiting = new Map();
    this.count = 0;
    /** What is told before the answer. @type {(told: any) => void} */
    this.heard = () => {};
    this.worker.onmessage = ({ data }) => {
      if (data.part) return this.heard(data);
      this.waiting.get(data.id)?.(data);
      this.waiting.delete(data.id);
    };
  }

  /** @param {string} ask @param {any} [asked] @returns {Promise<any>} */
  async ask(ask, asked = {}) {
    const id = this.count++;
    const told = await new Promise((resolve, reject) => {
      this.worker.onerror = (event) => reject(new Error(event.message));
      this.waiting.set(id, resolve);
      this.worker.postMessage({ ...asked, ask, id });
    });
    if (told.error) throw new Error(told.error);
    return told;
  }
}

class Live {
  /** @param {HTMLElement} root @param {any} about @param {Uint8Array[]} buffers */
  constructor(root, about, buffers) {
    this.root = root;
    this.sent = pruninglabEngine().unpacked(about, buffers);
    this.sent.classes = this.sent.layers[this.sent.layers.length - 1].outputs;
    this.worker = new Worked();
    this.touched = false; // then nothing moves by itself
    this.noun = this.sent.noun ?? "digits";
    this.cut = { score: "magnitude", scope: "global", budget: "share", gone: "0", p: 1, q: 2, eta: 0, gamma: 1, beta: 0.9, alpha: 0.95, ...JSON.parse(root.dataset.cut ?? "{}") };
    /** @type {Record<string, Map<number, {density: number, share: number, plain: boolean}>>} */
    this.been = {};
    this.at = controls(this);
    this.wall = new Wall(this.at.wall, this.sent);
    this.pad = new Pad(this.at.pad, this.sent.shape, (image) => this.choose(-1, image));
    const first = this.sent.labels.indexOf(Math.min(4, this.sent.classes - 1));
    this.chosen = first;
    this.image = this.imageOf(first);
    this.start({ about, buffers });
  }

  /** @param {{about: any, buffers: Uint8Array[]}} sent */
  async start(sent) {
    try {
      const { weights, right } = await this.worker.ask("load", sent);
      this.weights = weights;
      this.dense = right;
    } catch (error) {
      return this.fail(error);
    }
    this.root.querySelector(".stage > img")?.remove();
    this.root.classList.add("ready");
    this.root.removeAttribute("aria-busy");
    this.wall.chosen = this.chosen;
    this.pad.show(this.image);
    const paint = () => {
      this.wall.paint();
      this.draw();
    };
    new ResizeObserver(paint).observe(this.at.wall);
    new MutationObserver(paint).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);
    if (this.cut.budget === "share") this.glide();
    this.set({});
  }

  /** The first movement: down to a fifth by itself, once, unless the reader is sooner. */
  glide() {
    const last = STOPS.indexOf(0.2);
    const begun = performance.now();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return this.move(last);
    /** @param {number} now */
    const step = (now) => {
      if (this.touched) return;
      const share = Math.min(1, Math.max(0, now - begun) / 2000);
      this.move(Math.round(last * share));
      if (share < 1) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  // ------------------------------------------------------------------ asking

  /** @param {number} stop */
  move(stop) {
    this.at.slider.value = stop;
    this.at.slider.setAttribute("aria-valuetext", percent(STOPS[stop]));
    this.cut.gone = (1 - STOPS[stop]).toFixed(6);
    this.refresh();
  }

  /** Ask for the present cut; while an answer is on its way only the newest question waits. */
  async refresh(again = false) {
    clearTimeout(this.resting);
    if (this.busy) {
      this.late = true;
      return;
    }
    this.busy = true;
    try {
      do {
        this.late = false;
        this.told = await this.worker.ask("cut", { cut: { ...this.cut }, again, pixels: this.image });
        this.note();
        this.draw();
      } while (this.late);
    } catch (error) {
      this.fail(error);
    }
    this.busy = false;
    this.resting = setTimeout(() => this.rest(), REST);
  }

  /** Keep where one has been. */
  note() {
    const { density, right } = this.told;
    const plain = this.cut.scope === "global" && this.cut.budget === "share";
    const line = (this.been[this.cut.score] ??= new Map());
    const key = Number((density + (plain ? 0 : 2)).toPrecision(4));
    line.set(key, { density, share: right / this.sent.labels.length, plain });
  }

  async rest() {
    const { milliseconds } = await this.worker.ask("time");
    if (this.busy) return;
    this.showTimes(milliseconds[0], milliseconds[1]);
    const { right, density } = this.told;
    const fewer = this.dense - right;
    const against = fewer === 0 ? "as many as with all weights"
      : `${Math.abs(fewer)} ${fewer > 0 ? "fewer" : "more"} than with all weights`;
    this.at.sentence.textContent = `${percent(density)} of the weights read ${right} of ${thousands(this.sent.labels.length)} right, ${against}.`;
  }

  /** Read the chosen image at all densities, a few at a time, so that moves come first. */
  async drawRibbon() {
    const token = (this.ribbonToken = {});
    /** @type {number[]} */ const said = [];
    while (true) {
      if (this.ribbonToken !== token) return;
      if (!this.busy) {
        const cut = { ...this.cut };
        const some = await this.worker.ask("ribbon", { cut, pixels: this.image, from: said.length, count: 4 });
        if (!some.said.length) break;
        said.push(...some.said);
      } else await new Promise((resolve) => setTimeout(resolve, 30));
    }
    if (this.ribbonToken === token) this.showRibbon(said);
  }

  /** Change choices. @param {Record<string, string | number>} choices */
  set(choices) {
    Object.assign(this.cut, choices);
    this.at.slider.disabled = this.cut.budget !== "share";
    this.at.pqSettings.hidden = this.cut.budget !== "pq";
    this.at.signalSettings.hidden = this.cut.budget !== "signal";
    this.refresh();
    this.drawRibbon();
  }

  /** Look at an image of the wall. @param {number} n */
  look(n) {
    this.choose(n, this.imageOf(n));
    this.pad.show(this.image);
  }

  /** The next one that is red. */
  nextMisread() {
    const { said } = this.told;
    const count = said.length;
    for (let step = 1; step <= count; step++) {
      const n = (Math.max(0, this.chosen) + step) % count;
      if (said[n] !== this.sent.labels[n]) return this.look(n);
    }
  }

  /** @param {number} n the image of the wall, or −1 for your own @param {Uint8Array} image */
  choose(n, image) {
    this.chosen = n;
    this.image = image;
    this.refresh();
    this.drawRibbon();
  }

  /** @param {number} n */
  imageOf(n) {
    const size = this.sent.shape[0] * this.sent.shape[1];
    return this.sent.images.slice(n * size, (n + 1) * size);
  }

  async bet() {
    const guess = STOPS[this.at.bet.value];
    const cut = { ...this.cut };
    const { density } = await this.worker.ask("half", { cut });
    const off = guess / density;
    const times = Math.max(off, 1 / off);
    const verdict = times < 1.25 ? "well seen" : `${Number(times.toPrecision(2))} times too ${off > 1 ? "careful" : "bold"}`;
    const told = `Half is red at ${percent(density)}. You said ${percent(guess)}: ${verdict}.`;
    this.at.answer.textContent = told;
    this.at.mark.style.left = `${100 * along(density)}%`;
    this.at.mark.hidden = false;
    const question = `Where will half of the wall be red (${SCORE_NAMES[cut.score]})?`;
    try {
      localStorage.setItem(BET, JSON.stringify({ kind: "number", question, guess, sure: 50, off: times, right: times < 1.5, told }));
      window.dispatchEvent(new Event("pruninglab-guess"));
    } catch {
      this.at.answer.textContent += " (Your browser keeps no guesses.)";
    }
  }

  /** Train in a worker of its own, which Stop ends at once. @param {number} seeds */
  async train(seeds) {
    this.at.train.disabled = true;
    this.at.stop.disabled = false;
    const worker = (this.trainer = new Worked());
    /** @type {Map<string, Map<number, number[]>>} */ const arms = new Map();
    let count = 0;
    worker.heard = ({ seed, part }) => {
      // All begin with the whole network.
      for (const arm of part.density === 1 ? Object.keys(ARMS) : [part.arm]) {
        const points = arms.get(arm) ?? new Map();
        points.set(part.density, [...(points.get(part.density) ?? []), part.right]);
        arms.set(arm, points);
      }
      count++;
      this.at.tickets.innerHTML = tickets(arms, ARMS);
      this.at.progress.textContent = `${count} networks trained, seed ${seed + 1} of ${seeds}.`;
    };
    const { small, images, labels, shape } = this.sent;
    try {
      await worker.ask("tickets", { small, images, labels, shape, seeds });
    } catch (error) {
      this.fail(error);
    }
    this.stop();
  }

  stop() {
    this.trainer?.worker.terminate();
    this.at.train.disabled = false;
    this.at.stop.disabled = true;
  }

  // ------------------------------------------------------------------ showing

  draw() {
    if (!this.told || !this.wall.read) return;
    const { said, right, density, living, looking, some, neurons, sure } = this.told;
    const total = this.sent.labels.length;
    this.wall.show(said, this.chosen);
    this.at.wall.setAttribute("aria-label", `${thousands(total)} ${this.noun}, ${total - right} of them red: misread`);
    this.at.right.textContent = String(right);
    this.at.density.textContent = percent(density);
    this.at.living.textContent = `${thousands(living)} weights`;
    this.root.dataset.score = this.cut.score;
    this.showSure(sure);
    const now = { density, share: right / total, name: this.cut.score };
    const lines = Object.entries(this.been).map(([name, points]) => ({ name, points: [...points.values()] }));
    this.at.curve.innerHTML = curve(lines, this.dense / total, now);
    const [most, ink] = [Math.max(1, ...looking), colour(this.root, "ink")];
    pixels(this.at.blot, looking, this.sent.shape, 1, (count) => [ink, count / most]);
    const strongest = Math.max(...some.map(Math.abs)) || 1;
    const [wants, silences] = [colour(this.root, "teal"), colour(this.root, "brown")];
    pixels(this.at.neurons, some, this.sent.shape, 8, (w) => [w > 0 ? wants : silences, w ? 0.35 + 0.65 * Math.min(1, (2 * Math.abs(w)) / strongest) : 0]);
    this.at.who.textContent = `${neurons} of ${this.sent.layers[0].outputs} neurons of the first layer still look at something.`;
  }

  /** @param {number} all @param {number} yours */
  showTimes(all, yours) {
    const times = all / yours;
    this.at.times.textContent = times < 1.15 ? "1×" : `${times < 3 ? times.toFixed(1) : Math.round(times)}×`;
    for (const [name, milliseconds] of Object.entries({ all, yours })) {
      this.at[`${name}Bar`].style.width = `${Math.min(100, (100 * milliseconds) / all)}%`;
      this.at[`${name}Time`].textContent = `${Number(milliseconds.toPrecision(2))} ms`;
    }
  }

  /** @param {number[][]} sure */
  showSure(sure) {
    const [all, yours] = sure.map((shares) => shares.indexOf(Math.max(...shares)));
    const truth = this.chosen < 0 ? all : this.sent.labels[this.chosen];
    this.at.sure.querySelectorAll("tr").forEach((/** @type {HTMLElement} */ row, /** @type {number} */ digit) => {
      row.querySelectorAll("i").forEach((bar, i) => {
        bar.style.width = `${100 * sure[i][digit]}%`;
        bar.className = digit === [all, yours][i] && digit !== truth ? "wrong" : "";
      });
    });
    const both = all === yours ? `Both read ${all}.` : `All weights read ${all}, yours ${yours}.`;
    this.at.both.textContent = Number.isNaN(sure[1][0]) ? "Yours answers with no number." : both;
  }

  /** @param {number[]} said */
  showRibbon(said) {
    const truth = this.chosen < 0 ? said[0] : this.sent.labels[this.chosen];
    const parts = [];
    for (let i = 0; i < said.length; ) {
      let end = i;
      while (end < said.length && said[end] === said[i]) end++;
      const part = element("span", { className: said[i] === truth ? "" : "wrong" }, end - i > 2 ? String(said[i]) : "");
      part.style.flexGrow = String(end - i);
      parts.push(part);
      i = end;
    }
    this.at.ribbon.replaceChildren(...parts);
    const fall = said.findIndex((digit) => digit !== truth);
    const down = percent(0.002 ** ((fall < 0 ? said.length - 1 : Math.max(0, fall - 1)) / (said.length - 1)));
    const words = fall === 0 ? `Even all weights misread this ${truth}.` : `It is ${truth} down to ${down} of the weights.`;
    this.at.down.textContent = words;
    this.at.ribbon.setAttribute("aria-label", `read as ${parts.map((p) => p.textContent || "·").join(" ")}, from all weights to a five-hundredth`);
  }

  /** @param {unknown} error */
  fail(error) {
    this.at.error.textContent = `The wall has stopped: ${error instanceof Error ? error.message : error}.`;
    this.at.error.hidden = false;
  }
}
