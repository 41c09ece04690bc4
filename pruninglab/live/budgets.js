// How many stay? A budget looks at the scores of the living of one group, largest first.

/** @type {Record<string, (sorted: Float32Array, settings: any) => number>} */
const BUDGETS = {
  /** `gone` is decimal text, counted in whole numbers: .29 of 100 is 29. */
  share(sorted, { gone }) {
    const [whole, digits = ""] = String(gone).split(".");
    const parts = 10 ** digits.length;
    const product = sorted.length * Number(whole + digits);
    return sorted.length - (product - (product % parts)) / parts;
  },

  /** SAP: the PQ Index of the living decides (Definition 1, Theorem 2, Algorithm 1). */
  pq(sorted, { p, q, eta, gamma, beta }) {
    const d = sorted.length;
    if (!d || sorted[0] === 0) return d;
    let sumP = 0;
    let sumQ = 0;
    for (let i = 0; i < d; i++) {
      sumP += (sorted[i] / sorted[0]) ** p;
      sumQ += (sorted[i] / sorted[0]) ** q;
    }
    const kept = (sumP / d) ** (1 / p) / (sumQ / d) ** (1 / q); // 1 − index
    const retained = (1 + eta) ** (-q / (q - p)) * Math.min(1, kept) ** ((p * q) / (q - p));
    const share = Math.min(gamma * (1 - retained), beta);
    return d - Math.min(d, Math.max(0, Math.floor(d * (share + 1e-12))));
  },

  /** NNrelief: the fewest that carry a share α of the signal. */
  signal(sorted, { alpha }) {
    let total = 0;
    for (let i = 0; i < sorted.length; i++) total += sorted[i];
    const wanted = alpha * total * (1 - 1e-12);
    let running = 0;
    let needed = 1;
    let positive = 0;
    for (let i = 0; i < sorted.length; i++) {
      running += sorted[i];
      if (running < wanted) needed++;
      if (sorted[i] > 0) positive++;
    }
    return Math.min(needed, positive);
  },
};
