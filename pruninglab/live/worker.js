// What the page asks, answered in a worker: so the hand never waits.

const RIBBON = 60; // densities at which one digit is read
const LEAST = 0.002; // the smallest of them

/** @param {{onmessage: any, postMessage: (message: any) => void}} port */
function serve(port) {
  /** @type {Network} */ let network;
  /** @type {Uint8Array<ArrayBuffer>} */ let alive;
  /** @type {Living[]} */ let dense;
  let best = Infinity;
  /** @type {Record<string, (asked: any) => any>} */
  const answers = {
    load({ about, buffers }) {
      network = new Network(unpacked(about, buffers));
      alive = network.all;
      dense = network.compressed(alive);
      return { weights: network.weights, right: network.right(network.read(dense)) };
    },

    /** Cut all weights, or with `again` the living once more; read the wall, and one image more. */
    cut({ cut, again, pixels }) {
      alive = network.survivors(cut, again ? alive : network.all);
      const yours = network.compressed(alive);
      const said = network.read(yours);
      const living = network.count(alive);
      const image = network.inked(pixels);
      const sure = [dense, yours].map((weights) => softmax(network, weights, image));
      return { said, right: network.right(said), living, density: living / network.weights, sure, ...firstLayer(network, alive) };
    },

    /** Milliseconds for the wall, all weights and yours, by the same code: the best of all, and of two. */
    time() {
      const yours = network.compressed(alive);
      const times = [dense, yours, yours].map((weights) => {
        const start = performance.now();
        network.read(weights);
        return performance.now() - start;
      });
      best = Math.min(best, times[0]);
      return { milliseconds: [best, Math.min(times[1], times[2], network.count(alive) === network.weights ? best : Infinity)] };
    },

    /** What one image is read as at a few of the densities, from number `from` on. */
    ribbon({ cut, pixels, from, count }) {
      const image = network.inked(pixels);
      const said = [];
      for (let i = from; i < Math.min(from + count, RIBBON); i++) {
        const left = network.survivors({ ...cut, budget: "share", gone: goneAt(i / (RIBBON - 1)) });
        said.push(network.read(network.compressed(left), image)[0]);
      }
      return { said };
    },

    /** The largest density at which half is red, by bisection. */
    half({ cut }) {
      let [low, high] = [0, 1];
      for (let step = 0; step < 9; step++) {
        const middle = (low + high) / 2;
        const left = network.survivors({ ...cut, budget: "share", gone: goneAt(middle) });
        const right = network.right(network.read(network.compressed(left)));
        if (2 * right >= network.labels.length) low = middle;
        else high = middle;
      }
      return { density: 1 - Number(goneAt(high)) };
    },
  };
  /** Lottery tickets, seed by seed; the page stops it by ending the worker. */
  answers.tickets = ({ small, images, labels, shape, seeds, id }) => {
    const data = {
      train: inked(small.images, WIDTHS[0], 1), trainLabels: small.labels,
      test: inked(smaller(images, shape[0]), WIDTHS[0], 1), testLabels: labels,
    };
    for (let seed = 0; seed < seeds; seed++) lottery(data, seed, (told) => port.postMessage({ id, seed, part: told }));
    return {};
  };
  port.onmessage = (/** @type {any} */ { data }) => {
    let told;
    try {
      told = answers[data.ask](data);
    } catch (error) {
      told = { error: String(error) };
    }
    port.postMessage({ ...told, id: data.id });
  };
}

/** How much has gone, in decimal text, so far along from all weights to the smallest density. @param {number} along */
function goneAt(along) {
  return (1 - LEAST ** along).toFixed(5);
}

/** @param {Network} network @param {Living[]} weights @param {Images} image */
function softmax(network, weights, image) {
  /** @type {number[]} */ let shares = [];
  network.read(weights, image, (sums) => {
    const top = Math.max(...sums);
    const powers = Array.from(sums, (sum) => Math.exp(sum - top));
    const total = powers.reduce((a, b) => a + b, 0);
    shares = powers.map((power) => power / total);
  });
  return shares;
}

/** Of the first layer: living weights at each pixel, and those of some neurons, with their sign. @param {Network} network @param {Uint8Array} alive */
function firstLayer({ layers: [{ inputs, outputs, weight }] }, alive) {
  const looking = new Uint16Array(inputs);
  let neurons = 0;
  for (let j = 0, at = 0; j < outputs; j++) {
    let any = 0;
    for (let i = 0; i < inputs; i++, at++) {
      looking[i] += alive[at];
      any |= alive[at];
    }
    neurons += any;
  }
  const shown = Math.min(24, outputs) * inputs;
  const some = new Float32Array(shown);
  for (let at = 0; at < shown; at++) some[at] = alive[at] * weight[at];
  return { looking, some, neurons };
}
