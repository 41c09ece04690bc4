// A network of Linear and ReLU layers: cut as the package cuts, bit by bit, and read.

/** @typedef {{score: string, scope: string, budget: string, seed?: number}} Cut  and what its budget asks for */
/** @typedef {{start: Uint32Array, row: Uint16Array, value: Float32Array, bias: Float32Array}} Living */
/** @typedef {{start: Uint32Array, at: Uint16Array, value: Float32Array}} Images  only what has ink */

class Network {
  /** @param {{layers: Layer[], images: Uint8Array, labels: Uint8Array, mean: number, std: number}} sent */
  constructor({ layers, images, labels, mean, std }) {
    /** @type {Layer[]} */ this.layers = layers;
    /** @type {Uint8Array} */ this.labels = labels;
    let start = 0;
    for (const layer of layers) {
      layer.start = start;
      start += layer.outputs * (layer.inputs + 1);
    }
    this.all = new Uint8Array(start).fill(1);
    this.weights = layers.reduce((sum, { weight }) => sum + weight.length, 0);
    this.mean = mean;
    this.std = std;
    this.images = this.inked(images);
    /** @type {Map<string, {scores: Float32Array, groups: Uint32Array[]}>} */
    this.ranks = new Map();
  }

  /** Only pixels with ink, x/255σ: the rest of (x/255 − μ)/σ goes into a bias. @param {Uint8Array} pixels */
  inked(pixels) {
    return inked(pixels, this.layers[0].inputs, this.std);
  }

  /** All scores, and the members of each group, who comes first. @param {Cut} cut */
  ranked({ score, scope, seed = 0 }) {
    const key = `${score} ${scope} ${seed}`;
    let found = this.ranks.get(key);
    if (!found) {
      const scores = new Float32Array(this.all.length);
      const twister = new Twister(seed);
      for (const layer of this.layers) SCORES[score](layer, scores, twister);
      if (scores.some(Number.isNaN)) throw new Error("a weight is no number: its score cannot be compared");
      const groups = competing(this.layers, judgesBiases(score), scope);
      found = { scores, groups: groups.map((places) => order(scores, places)) };
      this.ranks.set(key, found);
    }
    return found;
  }

  /** Who stays of those that live, 1 or 0 for each weight and bias. @param {Cut & Record<string, any>} cut @param {Uint8Array<ArrayBuffer>} living */
  survivors(cut, living = this.all) {
    const { scores, groups } = this.ranked(cut);
    const stay = judgesBiases(cut.score) ? new Uint8Array(living.length) : living.slice();
    for (const places of groups) {
      const group = living === this.all ? places : places.filter((place) => living[place]);
      const sorted = new Float32Array(group.length);
      for (let k = 0; k < group.length; k++) sorted[k] = scores[group[k]];
      const count = BUDGETS[cut.budget](sorted, cut);
      for (let k = 0; k < group.length; k++) stay[group[k]] = k < count ? 1 : 0;
    }
    return stay;
  }

  /** How many weights live. @param {Uint8Array} alive */
  count(alive) {
    let count = 0;
    for (const { start, weight } of this.layers) {
      for (let i = start; i < start + weight.length; i++) count += alive[i];
    }
    return count;
  }

  /** What lives, input by input: so an input of 0 is skipped, and so is all that is dead. @param {Uint8Array} alive @returns {Living[]} */
  compressed(alive) {
    return this.layers.map(({ inputs, outputs, weight, bias, start: first }, k) => {
      const start = new Uint32Array(inputs + 1);
      for (let j = 0, at = 0; j < outputs; j++) {
        for (let i = 1; i <= inputs; i++) start[i] += alive[first + at++];
      }
      for (let i = 0; i < inputs; i++) start[i + 1] += start[i];
      const next = start.slice();
      const row = new Uint16Array(start[inputs]);
      const value = new Float32Array(start[inputs]);
      const shifted = new Float32Array(outputs);
      for (let j = 0, at = 0; j < outputs; j++) {
        let sum = 0;
        for (let i = 0; i < inputs; i++, at++) {
          if (!alive[first + at]) continue;
          row[next[i]] = j;
          value[next[i]++] = weight[at];
          sum += weight[at];
        }
        const stays = alive[first + weight.length + j] ? bias[j] : 0;
        shifted[j] = k === 0 ? stays - (this.mean / this.std) * sum : stays;
      }
      return { start, row, value, bias: shifted };
    });
  }

  /**
   * Read images: the class of each, or NOTHING where a network answers with no number. `each` sees
   * the last layer's sums.
   * @param {Living[]} network @param {(sums: Float32Array) => void} [each]
   */
  read(network, images = this.images, each) {
    const sums = network.map(({ bias }) => new Float32Array(bias.length));
    const said = new Uint8Array(images.start.length - 1);
    for (let n = 0; n < said.length; n++) {
      sums[0].set(network[0].bias);
      for (let i = images.start[n]; i < images.start[n + 1]; i++) {
        add(network[0], images.at[i], images.value[i], sums[0]);
      }
      for (let k = 1; k < network.length; k++) {
        sums[k].set(network[k].bias);
        const before = sums[k - 1];
        for (let i = 0; i < before.length; i++) {
          if (before[i] > 0) add(network[k], i, before[i], sums[k]);
          else if (before[i] !== before[i]) sums[k].fill(NaN); // ReLU passes NaN on
        }
      }
      if (each) each(sums[sums.length - 1]);
      said[n] = largest(sums[sums.length - 1]);
    }
    return said;
  }

  /** @param {Uint8Array} said */
  right(said) {
    return said.reduce((sum, digit, n) => sum + Number(digit === this.labels[n]), 0);
  }
}

const NOTHING = 255;

/** @param {Uint8Array} pixels @param {number} width of an image @param {number} std @returns {Images} */
function inked(pixels, width, std) {
  const start = new Uint32Array(pixels.length / width + 1);
  for (let i = 0; i < pixels.length; i++) if (pixels[i]) start[Math.floor(i / width) + 1]++;
  for (let n = 1; n < start.length; n++) start[n] += start[n - 1];
  const at = new Uint16Array(start[start.length - 1]);
  const value = new Float32Array(at.length);
  for (let i = 0, k = 0; i < pixels.length; i++) {
    if (!pixels[i]) continue;
    at[k] = i % width;
    value[k++] = pixels[i] / 255 / std;
  }
  return { start, at, value };
}

/** Who competes with whom: the places of each group. @param {Layer[]} layers @param {boolean} biased @param {string} scope */
function competing(layers, biased, scope) {
  const found = [];
  for (const { inputs, outputs, start } of layers) {
    const weights = outputs * inputs;
    if (scope === "neuron") {
      for (let j = 0; j < outputs; j++) {
        const row = run(start + j * inputs, inputs + Number(biased));
        if (biased) row[inputs] = start + weights + j;
        found.push(row);
      }
    } else found.push(run(start, weights + (biased ? outputs : 0)));
  }
  if (scope !== "global") return found;
  const whole = new Uint32Array(found.reduce((sum, places) => sum + places.length, 0));
  found.reduce((start, places) => (whole.set(places, start), start + places.length), 0);
  return [whole];
}

/** @param {number} from @param {number} count */
function run(from, count) {
  const places = new Uint32Array(count);
  for (let i = 0; i < count; i++) places[i] = from + i;
  return places;
}

/** The places, largest score first; of equal scores the earlier one. @param {Float32Array} scores @param {Uint32Array} places */
function order(scores, places) {
  const bits = new Uint32Array(scores.buffer, scores.byteOffset, scores.length);
  const keys = new Float64Array(places.length);
  // A score is not negative, so its bits are in its order; with its place they fit into 53 bits.
  for (let k = 0; k < keys.length; k++) keys[k] = (0xffffffff - bits[places[k]]) * 0x200000 + k;
  keys.sort();
  const sorted = new Uint32Array(places.length);
  for (let k = 0; k < keys.length; k++) sorted[k] = places[keys[k] % 0x200000];
  return sorted;
}

/** One input of size x into all sums that it reaches. @param {Living} living @param {number} input @param {number} x @param {Float32Array} sums */
function add({ start, row, value }, input, x, sums) {
  const end = start[input + 1];
  for (let i = start[input]; i < end; i++) sums[row[i]] += value[i] * x;
}

/** @param {Float32Array | Float64Array} sums */
function largest(sums) {
  let best = 0;
  for (let j = 0; j < sums.length; j++) {
    if (sums[j] !== sums[j]) return NOTHING;
    if (sums[j] > sums[best]) best = j;
  }
  return best;
}
