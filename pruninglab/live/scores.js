// Which weights matter? A score is one number from 0 up for each; the smallest go first.

/**
 * A layer, and where its weights begin among all; its biases follow them. `means` and `totals` are
 * what NNrelief measured on training images: mean |x| an input, and the signal that a neuron gets.
 * @typedef {{outputs: number, inputs: number, start: number, weight: Float32Array, bias: Float32Array,
 *   means: Float32Array, totals: Float32Array}} Layer
 */

/** Each fills in the scores of one layer. @type {Record<string, (layer: Layer, scores: Float32Array, twister: Twister) => void>} */
const SCORES = {
  magnitude({ weight, start }, scores) {
    for (let i = 0; i < weight.length; i++) scores[start + i] = Math.abs(weight[i]);
  },

  random({ weight, start }, scores, twister) {
    for (let i = 0; i < weight.length; i++) scores[start + i] = twister.uniform();
  },

  /** NNrelief, Eq. (1): the share of a neuron's signal that comes through each connection. */
  nnrelief({ weight, bias, means, totals, inputs, outputs, start }, scores) {
    /** @param {number} signal @param {number} total */
    const share = (signal, total) => (total ? Math.fround(signal) / total : 0);
    for (let i = 0; i < weight.length; i++) {
      scores[start + i] = share(Math.abs(weight[i]) * means[i % inputs], totals[Math.floor(i / inputs)]);
    }
    for (let j = 0; j < outputs; j++) scores[start + weight.length + j] = share(Math.abs(bias[j]), totals[j]);
  },
};

/** NNrelief judges biases too. @param {string} score */
const judgesBiases = (score) => score === "nnrelief";
