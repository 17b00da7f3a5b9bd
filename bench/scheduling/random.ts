/** Draws that are the same for the same seed. */
export interface Random {
  /** From 0 up to, but never, 1. */
  next(): number;
  exponential(mean: number): number;
  /** Of mean 0 and deviation 1. */
  normal(): number;
}

/** Mulberry32: small, quick, and far better than a simulation of this size needs. */
export function createRandom(seed: number): Random {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;

  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  return {
    next,
    exponential: (mean) => -mean * Math.log(1 - next()),
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
  };
}
