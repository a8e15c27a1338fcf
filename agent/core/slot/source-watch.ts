import type { Device } from '../device.js';
import type { SourceSettings } from '../settings.js';
import type { SlotLedger } from './ledger.js';

/**
 * Listens to how regularly the source of a slot speaks: what is so long apart that it belongs to no common
 * window, and whether it speaks at all. By the monotonic clock.
 */
export class SourceWatch {
  readonly #device: Device;
  readonly #ledger: SlotLedger;
  readonly #source: SourceSettings;
  /** The last samples; undefined where none came since the stream began or was interrupted. */
  #samplesMs: number | undefined;
  /** The last sign of life, or when there could have been one first. */
  #signMs = 0;
  #watching = false;
  #silent = false;

  constructor(device: Device, ledger: SlotLedger, source: SourceSettings) {
    this.#device = device;
    this.#ledger = ledger;
    this.#source = source;
  }

  /** Somebody wants the samples from now on. */
  begin(): void {
    this.#signMs = this.#device.now().monotonicMs;
    if (this.#watching || this.#source.silentAfterMs === undefined) return;
    this.#watching = true;
    this.#watch(this.#source.silentAfterMs);
  }

  /** Samples came. Whether what was gathered before is too old to be of the same window. */
  samples(): boolean {
    const { monotonicMs } = this.#device.now();
    const before = this.#samplesMs;
    this.#samplesMs = monotonicMs;
    this.sign();
    const { gapMs } = this.#source;
    return before !== undefined && gapMs !== undefined && monotonicMs - before > gapMs;
  }

  /** The source has said something, samples or not. */
  sign(): void {
    this.#signMs = this.#device.now().monotonicMs;
    if (!this.#silent) return;
    this.#silent = false;
    this.#ledger.report('source-resumed', undefined);
  }

  /** A session began: for as long as there was none, the source could not be heard. */
  interrupted(): void {
    this.#samplesMs = undefined;
    this.#signMs = this.#device.now().monotonicMs;
  }

  #watch(silentAfterMs: number): void {
    const { tasks, exchange } = this.#device;
    const dueMs = this.#signMs + silentAfterMs - this.#device.now().monotonicMs;
    // Silent already: the next sign of life is waited for in its own time.
    tasks.after(dueMs > 0 ? dueMs : silentAfterMs, () => {
      const { topic } = this.#source;
      const deaf = topic !== undefined && exchange.session === undefined;
      const silentMs = this.#device.now().monotonicMs - this.#signMs;
      if (!deaf && !this.#silent && silentMs >= silentAfterMs) {
        this.#silent = true;
        this.#ledger.report('source-silent', undefined, {
          code: 'source-silent',
          detail: `nothing from ${topic ?? 'the source'} for ${silentAfterMs} ms`,
        });
      }
      this.#watch(silentAfterMs);
    });
  }
}
