import {
  phases,
  type Incident,
  type Phase,
  type Report,
} from '../../../protocol/messages/event.js';
import type { Tasks } from '../process.js';
import { periodMs, Repeats } from './repeats.js';

/** What is told each time: there is no end of causes that could make it come again and again. */
const alwaysTold: ReadonlySet<Phase | Incident> = new Set<Phase | Incident>([
  ...phases,
  'promoted',
  'shadow-finished',
]);

/**
 * Decides what of all that happens is told: phases of a release each time, any other cause at once and then at
 * most once a minute with its count. So a flood of bad documents or samples costs a line a minute, and
 * silences nothing else: a cause is an event with its slot, release, code and topic.
 */
export class Reporter {
  readonly #tasks: Tasks;
  readonly #nowMs: () => number;
  readonly #tell: (report: Report) => void;
  readonly #repeats = new Repeats();
  /** The newest report of each cause that came again since it was told. */
  readonly #untold = new Map<string, Report>();
  #isWaiting = false;

  /** @param nowMs monotonic */
  constructor(tasks: Tasks, nowMs: () => number, tell: (report: Report) => void) {
    this.#tasks = tasks;
    this.#nowMs = nowMs;
    this.#tell = tell;
  }

  report(report: Report): void {
    const { event, slot = '', release = '', code = '', topic = '' } = report;
    if (alwaysTold.has(event)) {
      this.#tell(report);
      return;
    }
    const cause = [event, slot, release, code, topic].join(' ');
    const count = this.#repeats.count(cause, this.#nowMs());
    if (count !== undefined) {
      this.#untold.delete(cause);
      this.#tellCounted(report, count);
      return;
    }
    this.#untold.set(cause, report);
    this.#wait();
  }

  /** Tells what came again and was not told yet, before the end. */
  flush(): void {
    this.#tellDue(Infinity);
  }

  #wait(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#tasks.after(periodMs, () => {
      this.#isWaiting = false;
      this.#tellDue(this.#nowMs());
      if (this.#untold.size > 0) this.#wait();
    });
  }

  #tellDue(nowMs: number): void {
    for (const [cause, report] of this.#untold) {
      const count = this.#repeats.take(cause, nowMs);
      if (count === undefined) continue;
      this.#untold.delete(cause);
      this.#tellCounted(report, count);
    }
  }

  #tellCounted(report: Report, count: number): void {
    this.#tell(count === 1 ? report : { ...report, count });
  }
}
