import type { Checker, DeviceEvent, Finding, RunEnd, WorldEvent } from './checker.js';

/** Something that must never happen, and did, or that must have happened and did not. */
export interface Violation {
  readonly checker: string;
  readonly kind: Checker['kind'];
  /** Empty where it is about the operator. */
  readonly device: string;
  readonly atMs: number;
  readonly text: string;
}

/** Of one checker and device, so many are kept: what follows from a violation says little. */
const mostOfOne = 3;

/** Hands what happens in a run to all checkers, and keeps what they find. */
export class Inspection {
  readonly violations: Violation[] = [];
  readonly #checkers: readonly Checker[];
  readonly #found: (violation: Violation) => void;
  readonly #counts = new Map<string, number>();

  /** @param found called with each violation that is kept, when it is found */
  constructor(
    checkers: readonly Checker[],
    found: (violation: Violation) => void = () => undefined,
  ) {
    this.#checkers = checkers;
    this.#found = found;
  }

  device(deviceId: string, event: DeviceEvent, atMs: number): void {
    for (const checker of this.#checkers) {
      const text = checker.device?.(deviceId, event, atMs);
      if (text !== undefined) this.#keep(checker, { device: deviceId, text }, atMs);
    }
  }

  world(event: WorldEvent, atMs: number): void {
    for (const checker of this.#checkers) {
      const text = checker.world?.(event, atMs);
      if (text !== undefined) this.#keep(checker, { text }, atMs);
    }
  }

  end(end: RunEnd): void {
    for (const checker of this.#checkers)
      for (const finding of checker.end?.(end) ?? []) this.#keep(checker, finding, end.atMs);
  }

  #keep({ name, kind }: Checker, { device = '', text }: Finding, atMs: number): void {
    const key = `${name} ${device}`;
    const count = (this.#counts.get(key) ?? 0) + 1;
    this.#counts.set(key, count);
    if (count > mostOfOne) return;
    const violation = { checker: name, kind, device, atMs, text };
    this.violations.push(violation);
    this.#found(violation);
  }
}
