// The lottery ticket: train, prune, rewind the survivors to their first weights, train again.

/** @typedef {{inputs: number, outputs: number, weight: Float32Array, bias: Float32Array}} Dense */
/** @typedef {{start: Uint32Array, row: Uint16Array, place: Uint32Array, value: Float32Array, slope: Float64Array, bias: Float32Array, biasSlope: Float64Array}} Learning */

const WIDTHS = [196, 300, 100, 10];
const ROUNDS = 5;
const TAKEN = 0.6; // of what lives, in each round
const EPOCHS = 8;
const BATCH = 20;
const RATE = 0.1;

/** First weights, as torch draws them for Linear. @param {Twister} twister @returns {Dense[]} */
function firstWeights(twister) {
  return WIDTHS.slice(1).map((outputs, k) => {
    const inputs = WIDTHS[k];
    const bound = 1 / Math.sqrt(inputs);
    const draw = () => twister.uniform() * 2 * bound - bound;
    return { inputs, outputs, weight: Float32Array.from({ length: inputs * outputs }, draw), bias: Float32Array.from({ length: outputs }, draw) };
  });
}

/** torch.randperm. @param {number} count @param {Twister} twister */
function shuffled(count, twister) {
  const order = run(0, count);
  for (let i = 0; i < count - 1; i++) {
    const other = i + (twister.whole() % (count - i));
    [order[i], order[other]] = [order[other], order[i]];
  }
  return order;
}

/** e to the power of x: browsers differ in the last bits, and a training would carry that on. @param {number} x */
function exp(x) {
  const twos = Math.round(x * Math.LOG2E);
  const rest = x - twos * Math.LN2;
  let [sum, term] = [1, 1];
  for (let n = 1; n < 14; n++) sum += term *= rest / n;
  return sum * 2 ** twos;
}

/** A network that learns; what is dead does not even take time. */
class Learner {
  /** @param {Dense[]} layers @param {Uint8Array[]} masks */
  constructor(layers, masks) {
    /** @type {Learning[]} */
    this.layers = layers.map(({ inputs, outputs, weight, bias }, k) => {
      const start = new Uint32Array(inputs + 1);
      for (let at = 0; at < weight.length; at++) start[(at % inputs) + 1] += masks[k][at];
      for (let i = 0; i < inputs; i++) start[i + 1] += start[i];
      const next = start.slice();
      const [row, place] = [new Uint16Array(start[inputs]), new Uint32Array(start[inputs])];
      const value = new Float32Array(row.length);
      for (let at = 0; at < weight.length; at++) {
        if (!masks[k][at]) continue;
        const e = next[at % inputs]++;
        row[e] = Math.floor(at / inputs);
        place[e] = at;
        value[e] = weight[at];
      }
      return { start, row, place, value, slope: new Float64Array(row.length), bias: bias.slice(), biasSlope: new Float64Array(outputs) };
    });
    this.sums = WIDTHS.slice(1).map((width) => new Float64Array(width));
    this.deltas = WIDTHS.slice(1).map((width) => new Float64Array(width));
  }

  /** The last layer's sums for one image. @param {Images} images @param {number} n */
  forward(images, n) {
    this.layers.forEach((layer, k) => {
      const sums = this.sums[k];
      sums.set(layer.bias);
      if (k === 0) {
        for (let i = images.start[n]; i < images.start[n + 1]; i++) spread(layer, images.at[i], images.value[i], sums);
      } else {
        const before = this.sums[k - 1];
        for (let i = 0; i < before.length; i++) if (before[i] > 0) spread(layer, i, before[i], sums);
      }
    });
    return this.sums[this.sums.length - 1];
  }

  /** Add one image's slope of the cross-entropy to all slopes. @param {Images} images @param {number} n @param {number} label */
  backward(images, n, label) {
    const last = this.layers.length - 1;
    const sums = this.forward(images, n);
    const top = Math.max(...sums);
    let total = 0;
    for (let j = 0; j < sums.length; j++) total += this.deltas[last][j] = exp(sums[j] - top);
    for (let j = 0; j < sums.length; j++) this.deltas[last][j] = this.deltas[last][j] / total - Number(j === label);
    for (let k = last; k > 0; k--) {
      const [before, delta] = [this.sums[k - 1], this.deltas[k - 1]];
      for (let i = 0; i < before.length; i++) delta[i] = before[i] > 0 ? collect(this.layers[k], i, before[i], this.deltas[k]) : 0;
    }
    for (let i = images.start[n]; i < images.start[n + 1]; i++) collect(this.layers[0], images.at[i], images.value[i], this.deltas[0]);
    this.layers.forEach(({ biasSlope }, k) => this.deltas[k].forEach((delta, j) => (biasSlope[j] += delta)));
  }

  /** One step of gradient descent. @param {number} rate */
  step(rate) {
    for (const { value, slope, bias, biasSlope } of this.layers) {
      for (let e = 0; e < value.length; e++) value[e] -= rate * slope[e];
      for (let j = 0; j < bias.length; j++) bias[j] -= rate * biasSlope[j];
      slope.fill(0);
      biasSlope.fill(0);
    }
  }

  /** @param {Images} images @param {Uint8Array} labels @param {Twister} twister */
  epoch(images, labels, twister) {
    const order = shuffled(labels.length, twister);
    for (let from = 0; from < order.length; from += BATCH) {
      const batch = order.subarray(from, from + BATCH);
      for (const n of batch) this.backward(images, n, labels[n]);
      this.step(RATE / batch.length);
    }
  }

  /** How many are read right. @param {Images} images @param {Uint8Array} labels */
  right(images, labels) {
    let right = 0;
    for (let n = 0; n < labels.length; n++) right += Number(largest(this.forward(images, n)) === labels[n]);
    return right;
  }
}

/** @param {Learning} layer @param {number} input @param {number} x @param {Float64Array} sums */
function spread({ start, row, value }, input, x, sums) {
  for (let e = start[input]; e < start[input + 1]; e++) sums[row[e]] += value[e] * x;
}

/** The slopes of one input's weights, and the input's own. @param {Learning} layer @param {number} input @param {number} x @param {Float64Array} deltas */
function collect({ start, row, value, slope }, input, x, deltas) {
  let own = 0;
  for (let e = start[input]; e < start[input + 1]; e++) {
    slope[e] += x * deltas[row[e]];
    own += value[e] * deltas[row[e]];
  }
  return own;
}

/** Who stays: the largest of the living, all layers together. @param {Learner} learner @param {Uint8Array[]} masks */
function survivorsOf(learner, masks) {
  const values = learner.layers.flatMap(({ value }) => Array.from(value, Math.abs));
  const stay = Math.round((1 - TAKEN) * values.length);
  const first = order(Float32Array.from(values), run(0, values.length)).slice(0, stay);
  const kept = new Uint8Array(values.length);
  for (const i of first) kept[i] = 1;
  let from = 0;
  return learner.layers.map(({ place }, k) => {
    const mask = new Uint8Array(masks[k].length);
    place.forEach((at, e) => (mask[at] = kept[from + e]));
    from += place.length;
    return mask;
  });
}

/** The same number of places in each layer, but others. @param {Uint8Array[]} masks @param {Twister} twister */
const elsewhere = (masks, twister) => masks.map((mask) => {
  const order = shuffled(mask.length, twister);
  return mask.map((_, i) => mask[order[i]]);
});

/**
 * One seed: five rounds of four networks each; tells each as soon as it has learned.
 * @param {{train: Images, trainLabels: Uint8Array, test: Images, testLabels: Uint8Array}} data
 * @param {number} seed @param {(told: {arm: string, density: number, right: number}) => void} tell
 */
function lottery({ train, trainLabels, test, testLabels }, seed, tell) {
  const drawn = firstWeights(new Twister(seed));
  const twister = new Twister(seed + 1000);
  let masks = drawn.map(({ weight }) => new Uint8Array(weight.length).fill(1));
  const all = masks.reduce((sum, mask) => sum + mask.length, 0);
  const living = (/** @type {Uint8Array} */ mask) => mask.reduce((sum, one) => sum + one, 0);
  /** @param {string} arm @param {Dense[]} layers @param {Uint8Array[]} places */
  const trained = (arm, layers, places) => {
    const learner = new Learner(layers, places);
    for (let epoch = 0; epoch < EPOCHS; epoch++) learner.epoch(train, trainLabels, twister);
    const density = places.reduce((sum, mask) => sum + living(mask), 0) / all;
    tell({ arm, density, right: learner.right(test, testLabels) / testLabels.length });
    return learner;
  };
  let winner = trained("ticket", drawn, masks);
  for (let round = 0; round < ROUNDS; round++) {
    masks = survivorsOf(winner, masks);
    winner = trained("ticket", drawn, masks);
    const redrawn = firstWeights(twister);
    trained("redrawn", redrawn, masks);
    // Fewer weights make smaller sums: as large as before, they learn better.
    const rescaled = redrawn.map((layer, k) => {
      const scale = Math.sqrt(masks[k].length / Math.max(1, living(masks[k])));
      return { ...layer, weight: layer.weight.map((w) => w * scale) };
    });
    trained("rescaled", rescaled, masks);
    trained("elsewhere", drawn, elsewhere(masks, twister));
  }
}

/** Images of half the size: each pixel is the mean of four. @param {Uint8Array} images @param {number} side */
function smaller(images, side) {
  const half = side / 2;
  const small = new Uint8Array(images.length / 4);
  for (let i = 0; i < small.length; i++) {
    const [n, y, x] = [Math.floor(i / (half * half)), Math.floor(i / half) % half, i % half];
    const at = n * side * side + 2 * y * side + 2 * x;
    small[i] = (images[at] + images[at + 1] + images[at + side] + images[at + side + 1] + 2) >> 2;
  }
  return small;
}
