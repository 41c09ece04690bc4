// What is drawn: the wall, the curve, the ribbon, and who is left. Colours are those of live.css.

/** @param {string} kind @param {Record<string, any>} [properties] @param {(Node | string)[]} children @returns {any} */
function element(kind, properties = {}, ...children) {
  const made = document.createElement(kind);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) /** @type {any} */ (made)[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** A colour of the page, by its name in live.css. @param {Element} near @param {string} name */
const colour = (near, name) => getComputedStyle(near).getPropertyValue(`--${name}`).trim();

/** @param {number} share */
function percent(share) {
  return `${Number((100 * share).toPrecision(2))} %`;
}

/** @param {number} count */
const thousands = (count) => count.toLocaleString("en-US");

/** The test images, class by class; those that are misread are red, and carry a mark. */
class Wall {
  /** @param {HTMLCanvasElement} canvas @param {{images: Uint8Array, labels: Uint8Array, shape: number[], classes: number}} sent */
  constructor(canvas, { images, labels, shape, classes }) {
    this.canvas = canvas;
    this.images = images;
    this.labels = labels;
    const [high, wide] = shape;
    this.high = high;
    this.wide = wide;
    this.tile = 0; // pixels of the canvas across
    this.gap = 0; // between two classes
    this.drawn = new Uint8Array(labels.length);
    /** @type {HTMLCanvasElement | undefined} all tiles as read, and as misread */ this.read = undefined;
    /** @type {HTMLCanvasElement | undefined} */ this.misread = undefined;
    const members = Array.from({ length: classes }, () => /** @type {number[]} */ ([]));
    labels.forEach((label, n) => members[label].push(n));
    this.rows = Math.max(1, Math.round(30 / classes)); // of each class
    this.columns = Math.ceil(Math.max(...members.map((all) => all.length)) / this.rows);
    /** Where each image stands: column, row, class. @type {number[][]} */
    this.places = [];
    members.forEach((all, label) => all.forEach((n, i) => {
      this.places[n] = [i % this.columns, Math.floor(i / this.columns), label];
    }));
    this.classes = classes;
    this.said = labels;
    this.chosen = -1;
  }

  /** Draw all tiles twice, as read and as misread: a move then only copies. */
  paint() {
    const sharp = devicePixelRatio || 1;
    this.tile = Math.max(4, Math.floor((this.canvas.clientWidth * sharp) / this.columns));
    this.gap = Math.round(this.tile / 3);
    this.canvas.width = this.tile * this.columns;
    this.canvas.height = (this.tile * this.rows + this.gap) * this.classes - this.gap;
    this.read = this.sheet("tile", "ink", false);
    this.misread = this.sheet("red", "on-red", true);
    this.drawn = new Uint8Array(this.labels.length).fill(2);
    this.show(this.said, this.chosen);
  }

  /** @param {string} paper @param {string} ink @param {boolean} marked */
  sheet(paper, ink, marked) {
    const sheet = element("canvas", { width: this.canvas.width, height: this.canvas.height });
    const pen = sheet.getContext("2d");
    const one = element("canvas", { width: this.wide, height: this.high });
    const [red, green, blue] = /** @type {RegExpMatchArray} */ (colour(this.canvas, ink).match(/[\da-f]{2}/gi)).map((two) => parseInt(two, 16));
    const dots = new ImageData(this.wide, this.high);
    pen.imageSmoothingQuality = "high";
    this.places.forEach((_, n) => {
      const [x, y] = this.corner(n);
      for (let i = 0; i < this.wide * this.high; i++) {
        dots.data.set([red, green, blue, this.images[n * this.wide * this.high + i]], 4 * i);
      }
      one.getContext("2d").putImageData(dots, 0, 0);
      pen.fillStyle = colour(this.canvas, paper);
      pen.fillRect(x, y, this.tile, this.tile);
      pen.drawImage(one, x, y, this.tile, this.tile);
      if (marked) {
        pen.fillStyle = colour(this.canvas, ink);
        pen.beginPath();
        for (const [dx, dy] of [[0.62, 0], [1, 0], [1, 0.38]]) pen.lineTo(x + dx * this.tile, y + dy * this.tile);
        pen.fill();
      }
    });
    return sheet;
  }

  /** @param {number} n */
  corner(n) {
    const [column, row, label] = this.places[n];
    return [column * this.tile, row * this.tile + label * (this.rows * this.tile + this.gap)];
  }

  /** @param {Uint8Array} said @param {number} chosen the image with a frame, or −1 */
  show(said, chosen) {
    const pen = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext("2d"));
    const old = this.chosen;
    const { read, misread } = this;
    this.said = said;
    this.chosen = chosen;
    if (!read || !misread) return;
    for (let n = 0; n < said.length; n++) {
      const wrong = Number(said[n] !== this.labels[n]);
      if (wrong === this.drawn[n] && n !== old) continue;
      const [x, y] = this.corner(n);
      pen.drawImage(wrong ? misread : read, x, y, this.tile, this.tile, x, y, this.tile, this.tile);
      this.drawn[n] = wrong;
    }
    if (chosen < 0) return;
    const [x, y] = this.corner(chosen);
    pen.strokeStyle = colour(this.canvas, "accent");
    pen.lineWidth = Math.max(2, this.tile / 7);
    pen.strokeRect(x + pen.lineWidth / 2, y + pen.lineWidth / 2, this.tile - pen.lineWidth, this.tile - pen.lineWidth);
  }

  /** The image under a pointer, or −1. @param {MouseEvent} event */
  under(event) {
    const scale = this.canvas.width / this.canvas.clientWidth;
    const [x, y] = [event.offsetX * scale, event.offsetY * scale];
    return this.places.findIndex((_, n) => {
      const [left, top] = this.corner(n);
      return x >= left && x < left + this.tile && y >= top && y < top + this.tile;
    });
  }
}

/** Numbers as pixels, side by side: `shade` says how strong and in which colour. @param {HTMLCanvasElement} canvas @param {ArrayLike<number>} values @param {number[]} shape @param {number} columns @param {(value: number) => [string, number]} shade */
function pixels(canvas, values, [high, wide], columns, shade) {
  const count = values.length / (high * wide);
  canvas.width = columns * (wide + 2) - 2;
  canvas.height = Math.ceil(count / columns) * (high + 2) - 2;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  for (let n = 0; n < count; n++) {
    const [left, top] = [(n % columns) * (wide + 2), Math.floor(n / columns) * (high + 2)];
    pen.globalAlpha = 1;
    pen.fillStyle = colour(canvas, "tile");
    pen.fillRect(left, top, wide, high);
    for (let i = 0; i < high * wide; i++) {
      const [name, strength] = shade(values[n * high * wide + i]);
      if (!strength) continue;
      pen.globalAlpha = strength;
      pen.fillStyle = name;
      pen.fillRect(left + (i % wide), top + Math.floor(i / wide), 1, 1);
    }
  }
}

/** How far to the right a density stands, from 0 to 1: 100 % at the left, decades alike. @param {number} density */
const along = (density) => Math.min(1, Math.log(density) / Math.log(0.002));

const TICKS = [1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002];

const X = (/** @type {number} */ density) => (34 + 350 * along(density)).toFixed(1);
const Y = (/** @type {number} */ share) => (160 - 145 * share).toFixed(1);

/** Accuracy over density, without a line. @param {string} words @param {string[]} marks */
function chart(words, marks) {
  const grid = [0, 0.5, 1].map((share) => `<line class="grid" x1="34" x2="384" y1="${Y(share)}" y2="${Y(share)}"/>
    <text x="28" y="${Number(Y(share)) + 4}" text-anchor="end">${100 * share}</text>`);
  const ticks = TICKS.map((density) => `<text x="${X(density)}" y="178" text-anchor="middle">${100 * density}</text>`);
  return `<svg viewBox="0 0 400 184" role="img" aria-label="${words}">${[...grid, ...ticks, ...marks].join("")}</svg>`;
}

/** Where one has been. @param {{name: string, points: {density: number, share: number, plain: boolean}[]}[]} lines @param {number} dense @param {{density: number, share: number, name: string} | null} now */
function curve(lines, dense, now) {
  const marks = [`<line class="dense" x1="34" x2="384" y1="${Y(dense)}" y2="${Y(dense)}"/>`];
  for (const { name, points } of lines) {
    const plain = points.filter((point) => point.plain).sort((a, b) => b.density - a.density);
    marks.push(`<path class="${name}" d="M${plain.map((p) => `${X(p.density)} ${Y(p.share)}`).join("L")}"/>`);
    for (const p of points) marks.push(`<circle class="${name} ${p.plain ? "" : "open"}" r="3" cx="${X(p.density)}" cy="${Y(p.share)}"/>`);
  }
  if (now) marks.push(`<circle class="${now.name} now" r="7" cx="${X(now.density)}" cy="${Y(now.share)}"/>`);
  return chart("images read right, %, over weights that stay, %", marks);
}

/** Tickets: a line for the mean of the seeds, a band from the worst to the best. @param {Map<string, Map<number, number[]>>} arms @param {Record<string, string>} names */
function tickets(arms, names) {
  const marks = [];
  for (const [arm, points] of arms) {
    const sorted = [...points].sort((a, b) => b[0] - a[0]);
    const line = (/** @type {(values: number[]) => number} */ of) => sorted.map(([density, values]) => `${X(density)} ${Y(of(values))}`);
    const mean = line((values) => values.reduce((a, b) => a + b, 0) / values.length);
    const band = [...line((values) => Math.max(...values)), ...line((values) => Math.min(...values)).reverse()];
    marks.push(`<path class="band ${arm}" d="M${band.join("L")}Z"/><path class="${arm}" d="M${mean.join("L")}"/>`);
  }
  // Names at the ends of the lines, the higher one above.
  const ends = [...arms].map(([arm, points]) => ({ arm, low: Math.min(...points.keys()), values: points.get(Math.min(...points.keys())) ?? [] }));
  let above = 0;
  for (const { arm, low, values } of ends.sort((a, b) => Math.max(...b.values) - Math.max(...a.values))) {
    const y = (above = Math.max(above + 13, Number(Y(values.reduce((a, b) => a + b, 0) / values.length)) + 4));
    if (low < 1) marks.push(`<text x="${Number(X(low)) + 5}" y="${y}">${names[arm]}</text>`);
  }
  return chart("digits read right after training, %, over weights that stay, %", marks);
}
