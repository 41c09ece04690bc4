// Your own digit: drawn by mouse, finger or keys, then put as MNIST's were.

const PAD = 224; // pixels across
const BOX = 20; // MNIST: a digit fills a box of 20, its centre of mass in the middle of 28

class Pad {
  /** @param {HTMLCanvasElement} canvas @param {number[]} shape @param {(pixels: Uint8Array) => void} written */
  constructor(canvas, [high, wide], written) {
    Object.assign(canvas, { width: PAD, height: PAD, tabIndex: 0 });
    this.canvas = canvas;
    this.size = [high, wide];
    this.written = written;
    this.pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { willReadFrequently: true }));
    Object.assign(this.pen, { lineWidth: PAD / 11, lineCap: "round", lineJoin: "round", strokeStyle: "#fff", fillStyle: "#fff" });
    this.drawing = false;
    this.fresh = true; // the next stroke begins a new digit
    this.at = [PAD / 2, PAD / 4]; // where the keys' pen stands
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.begin(this.place(event));
    });
    canvas.addEventListener("pointermove", (event) => this.drawing && this.line(this.place(event)));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => this.end());
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  /** @param {PointerEvent} event */
  place(event) {
    const scale = PAD / this.canvas.clientWidth;
    return [event.offsetX * scale, event.offsetY * scale];
  }

  /** Space puts the pen down and lifts it, arrows move it. @param {KeyboardEvent} event */
  key(event) {
    const step = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -8], ArrowDown: [0, 8] }[event.key];
    if (event.key === " ") this.drawing ? this.end() : this.begin(this.at);
    else if (step && this.drawing) this.line(this.at.map((x, i) => Math.min(PAD, Math.max(0, x + step[i]))));
    else if (step) this.at = this.at.map((x, i) => Math.min(PAD, Math.max(0, x + step[i])));
    else return;
    event.preventDefault();
  }

  /** @param {number[]} to */
  begin(to) {
    if (this.fresh) this.clear();
    this.fresh = false;
    this.drawing = true;
    this.at = to;
    this.line(to);
  }

  /** @param {number[]} to */
  line(to) {
    this.pen.beginPath();
    this.pen.moveTo(this.at[0], this.at[1]);
    this.pen.lineTo(to[0], to[1]);
    this.pen.stroke();
    this.at = to;
  }

  end() {
    if (!this.drawing) return;
    this.drawing = false;
    this.written(this.centred());
  }

  clear() {
    this.pen.clearRect(0, 0, PAD, PAD);
    this.fresh = true;
  }

  /** Show an image of the wall. @param {Uint8Array} image */
  show(image) {
    const [high, wide] = this.size;
    this.clear();
    image.forEach((ink, i) => {
      this.pen.globalAlpha = ink / 255;
      this.pen.fillRect(((i % wide) * PAD) / wide, (Math.floor(i / wide) * PAD) / high, PAD / wide + 0.5, PAD / high + 0.5);
    });
    this.pen.globalAlpha = 1;
  }

  centred() {
    const [high, wide] = this.size;
    const ink = this.pen.getImageData(0, 0, PAD, PAD).data;
    let [left, right, top, bottom, sum, sumX, sumY] = [PAD, 0, PAD, 0, 0, 0, 0];
    for (let i = 0; i < PAD * PAD; i++) {
      const strength = ink[4 * i + 3];
      if (!strength) continue;
      const [x, y] = [i % PAD, Math.floor(i / PAD)];
      [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
      sum += strength;
      sumX += strength * x;
      sumY += strength * y;
    }
    const small = element("canvas", { width: wide, height: high });
    const pen = small.getContext("2d");
    const scale = BOX / (Math.max(right - left, bottom - top) + 1);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.canvas, wide / 2 - (scale * sumX) / sum, high / 2 - (scale * sumY) / sum, PAD * scale, PAD * scale);
    const shrunk = pen.getImageData(0, 0, wide, high).data;
    return Uint8Array.from({ length: wide * high }, (_, i) => shrunk[4 * i + 3]);
  }
}
