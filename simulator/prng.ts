import type { Entropy } from '../agent/ports/entropy.js';

/**
 * A seeded generator of 32-bit words: sfc32, Chris Doty-Humphrey's "small fast counting" generator as
 * published with PractRand. Four words of state, period at least 2^32, integer operations only, so that
 * every engine and `simulator/demo/training/prng.py` draw the same numbers.
 *
 * For simulation; not for keys.
 */
export class Prng implements Entropy {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  private constructor(a: number, b: number, c: number) {
    this.#a = a | 0;
    this.#b = b | 0;
    this.#c = c | 0;
    this.#counter = 1;
    for (let round = 0; round < mixingRounds; round++) this.uint32();
  }

  /** The generator of a seed, an integer in [0, 2^53). Different seeds give different streams. */
  static fromSeed(seed: number): Prng {
    if (!Number.isSafeInteger(seed) || seed < 0) throw new Error(`${seed} is no seed`);
    return new Prng(0, seed % 2 ** 32, Math.floor(seed / 2 ** 32));
  }

  /**
   * A generator of its own for the purpose `key`, a uint32. It depends on the present state and the key
   * only and takes nothing from this stream: who draws more elsewhere, or a new purpose beside it,
   * changes nothing here. The same key at the same state gives the same stream again.
   */
  fork(key: number): Prng {
    return new Prng(this.#a ^ forkConstant, this.#b ^ this.#counter, this.#c ^ key);
  }

  /** A uniformly distributed integer in [0, 2^32). */
  uint32(): number {
    return this.#word() >>> 0;
  }

  /** A uniformly distributed number in [low, high), one word of resolution. */
  uniform(low: number, high: number): number {
    return low + (high - low) * (this.uint32() / 2 ** 32);
  }

  /** An integer in [0, count), for counts up to 2^32; its bias is at most count / 2^32. */
  below(count: number): number {
    return Math.floor((this.uint32() / 2 ** 32) * count);
  }

  /**
   * A number of mean 0 and variance 1 that is nearly normal: the sum of the four bytes of one word
   * (Irwin-Hall, n = 4), so never beyond 3.46. One draw and no transcendental function, because sensor noise
   * takes three of them per frame on thousands of devices.
   */
  noise(): number {
    const word = this.#word();
    const sum = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24);
    return (sum - byteSumMean) * byteSumInverseDeviation;
  }

  /** Signed: an engine keeps such a number without an object of its own. */
  #word(): number {
    const c = this.#c;
    const b = this.#b;
    const word = (this.#a + b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = b ^ (b >>> 9);
    this.#b = (c + (c << 3)) | 0;
    this.#c = (((c << 21) | (c >>> 11)) + word) | 0;
    return word;
  }
}

/** Fifteen rounds spread every seed bit over the whole state, as PractRand's seeding does. */
const mixingRounds = 15;

/** 2^32 divided by the golden ratio: puts forks on another orbit than their parent. */
const forkConstant = 0x9e3779b9;

/** Four bytes, each of mean 127.5 and variance (256^2 - 1) / 12. */
const byteSumMean = 4 * 127.5;
const byteSumInverseDeviation = 1 / Math.sqrt((4 * (256 ** 2 - 1)) / 12);
