// Numbers as Python and torch know them: half precision, and torch's generator.

/** @typedef {{bytes: number, kind: string}} Place  where an array lies among what was sent */

/** @param {number} bits IEEE half precision, as the weights are shipped */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * What Python has packed: arrays lie in `buffers`, and their places stand in `about`.
 * @param {any} about @param {Uint8Array[]} buffers @returns {any}
 */
function unpacked(about, buffers) {
  if (about === null || typeof about !== "object") return about;
  if (Array.isArray(about)) return about.map((part) => unpacked(part, buffers));
  if (!("bytes" in about)) {
    return Object.fromEntries(Object.entries(about).map(([key, part]) => [key, unpacked(part, buffers)]));
  }
  const bytes = buffers[about.bytes];
  if (about.kind === "u1") return bytes;
  const whole = bytes.slice().buffer;
  return about.kind === "f4" ? new Float32Array(whole) : Float32Array.from(new Uint16Array(whole), half);
}

/** torch's generator, MT19937: `torch.rand` and `torch.randperm` after `torch.manual_seed(seed)`. */
class Twister {
  /** @param {number} seed */
  constructor(seed) {
    this.state = new Uint32Array(624);
    this.state[0] = seed;
    for (let i = 1; i < 624; i++) {
      const last = this.state[i - 1] ^ (this.state[i - 1] >>> 30);
      this.state[i] = Math.imul(1812433253, last) + i;
    }
    this.next = 624;
  }

  /** 32 random bits. */
  whole() {
    if (this.next === 624) this.refill();
    let y = this.state[this.next++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** A number from 0 to 1, 1 excluded. */
  uniform() {
    return (this.whole() & 0xffffff) / 0x1000000;
  }

  refill() {
    for (let i = 0; i < 624; i++) {
      const y = (this.state[i] & 0x80000000) | (this.state[(i + 1) % 624] & 0x7fffffff);
      this.state[i] = this.state[(i + 397) % 624] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.next = 0;
  }
}
