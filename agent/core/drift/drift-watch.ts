import type { WindowShape } from '../../../protocol/documents/pipeline.js';
import type { Device } from '../device.js';
import type { DriftSettings } from '../settings.js';
import { ask, type Process } from '../process.js';
import { readPatiently } from '../state/read-file.js';
import { ChangeDetector } from './change-detector.js';
import { Commissioning } from './commissioning.js';
import {
  decodeDriftState,
  driftFileBytes,
  driftFileName,
  encodeDriftState,
  sameTerms,
  type CommissionedTerms,
  type DriftState,
  type WatchState,
} from './drift-file.js';
import { WindowNumbers } from './window-numbers.js';

/** What evidence of a slot is marked with. `hold` where the owner wants nobody to be served anew meanwhile. */
export type DriftMark = 'none' | 'marked' | 'hold';

const monthMs = 30 * 86_400_000;

/** The file is written so often where nothing of note has happened, to spare the flash. */
const writePauseMs = 30 * 60_000;

/** The present course: what is learned, or what is watched. */
type Course =
  | { readonly kind: 'commissioning'; readonly commissioning: Commissioning }
  | ({ readonly kind: 'watching'; readonly detector: ChangeDetector } & Pick<
      WatchState,
      'windowsInMonth' | 'bounds' | 'changed'
    >);

/**
 * Watches whether the input of a slot is as it was in one whole cycle on this device. It says that the input has
 * changed, and not that the model is wrong: a machine that falls ill changes it too. An alarm is told once and stays
 * until the owner has the device commissioned anew.
 */
export class DriftWatch {
  readonly #device: Device;
  readonly #slot: string;
  readonly #settings: DriftSettings;
  /** Undefined before the file was read: windows of that time are not looked at. */
  #isOpen = false;
  /** What the file said, until the first window shows whether that holds. */
  #found: DriftState | undefined;
  #terms: CommissionedTerms | undefined;
  #numbers: WindowNumbers | undefined;
  #course: Course | undefined;
  #devices = 1;
  #isDirty = false;
  #isWriting = false;
  #isWaiting = false;

  constructor(device: Device, slot: string, settings: DriftSettings) {
    this.#device = device;
    this.#slot = slot;
    this.#settings = settings;
  }

  /** Reads what an earlier run has left, for as long as it takes; nothing is looked at before. */
  *open(): Process<void> {
    const file = yield* readPatiently(driftFileName(this.#slot), driftFileBytes);
    const found = file.ok && file.value !== undefined ? decodeDriftState(file.value) : undefined;
    this.#isOpen = true;
    if (found === undefined) return;
    if (this.#devices === 1) this.#devices = found.devices;
    if (sameTerms(found.terms, this.#termsOf(found.terms.shape))) this.#found = found;
  }

  /** Whether an alarm was given, and what it asks for. */
  get mark(): DriftMark {
    const course = this.#course ?? this.#found?.course;
    if (course === undefined || !('changed' in course) || course.changed === undefined)
      return 'none';
    return this.#settings.action === 'hold' ? 'hold' : 'marked';
  }

  /** The devices of the fleet, by the signed policy: so many may give a false alarm. */
  set fleetSize(devices: number) {
    if (devices === this.#devices) return;
    this.#devices = devices;
    if (this.#course !== undefined) this.#writeLater();
  }

  /**
   * Takes a window, which stays the caller's.
   *
   * @param isChampion whether it was made for what serves for good: only then another shape begins a commissioning
   */
  take(window: Float32Array, shape: WindowShape, isChampion: boolean): void {
    if (!this.#isOpen || !this.#fits(shape, isChampion)) return;
    const [numbers, course] = [this.#numbers, this.#course];
    if (numbers === undefined || course === undefined) return;
    if (course.kind === 'watching') {
      if (course.changed !== undefined) return;
      numbers.compute(window);
      course.detector.add(numbers.values);
      if (course.detector.won >= this.#runLength(course)) this.#alarm(course, numbers);
    } else {
      numbers.compute(window);
      course.commissioning.add(numbers.values, this.#device.now().monotonicMs);
      if (course.commissioning.isOver) this.#watch(course.commissioning, numbers);
    }
    this.#writeLater();
  }

  /** Writes down what is not yet, before the end. */
  *leave(): Process<void> {
    if (!this.#isDirty || this.#isWriting) return;
    const bytes = this.#encode();
    if (bytes !== undefined) yield* ask('write', { name: driftFileName(this.#slot), bytes });
  }

  /** Whether the numbers are those of windows of this shape; begins anew where they may. */
  #fits(shape: WindowShape, isChampion: boolean): boolean {
    const known = this.#terms;
    if (
      known?.shape.frames === shape.frames &&
      known.shape.stride === shape.stride &&
      known.shape.channels === shape.channels
    ) {
      return true;
    }
    if (!isChampion) return false;
    const { cycleMs, scale } = this.#settings;
    const terms = this.#termsOf(shape);
    this.#terms = terms;
    const numbers = new WindowNumbers({ channels: shape.channels, scale });
    this.#numbers = numbers;
    const found = this.#found;
    this.#found = undefined;
    this.#course =
      found !== undefined && sameTerms(found.terms, terms)
        ? courseOf(found.course, cycleMs, numbers.count)
        : begin(cycleMs, numbers.count);
    return true;
  }

  #termsOf({ frames, stride, channels }: WindowShape): CommissionedTerms {
    const { cycleMs, scale, commission } = this.#settings;
    return { cycleMs, scale, commission, shape: { frames, stride, channels } };
  }

  #runLength({ windowsInMonth }: Pick<WatchState, 'windowsInMonth'>): number {
    return (windowsInMonth * this.#devices) / this.#settings.toleratedAlarms;
  }

  #watch(commissioning: Commissioning, numbers: WindowNumbers): void {
    const bounds = commissioning.bounds((number) => numbers.leastWidth(number));
    this.#course = {
      kind: 'watching',
      detector: new ChangeDetector(bounds),
      windowsInMonth: Math.max(1, commissioning.windowsIn(monthMs)),
      bounds,
      changed: undefined,
    };
    this.#device.report({
      event: 'drift-commissioned',
      slot: this.#slot,
      reason: `what is normal was learned from ${commissioning.state.windows} windows`,
    });
    this.#writeNow();
  }

  #alarm(course: Course & { readonly kind: 'watching' }, numbers: WindowNumbers): void {
    const changed = course.detector.mostChanged;
    this.#course = { ...course, changed };
    this.#device.report({
      event: 'drift',
      slot: this.#slot,
      code: 'input-changed',
      reason: `the input of this device has changed (${numbers.nameOf(changed)})`,
    });
    this.#writeNow();
  }

  #encode(): Uint8Array | undefined {
    const [terms, course] = [this.#terms, this.#course];
    if (terms === undefined || course === undefined) return undefined;
    return encodeDriftState({
      terms,
      devices: this.#devices,
      course:
        course.kind === 'commissioning'
          ? course.commissioning.state
          : { ...course, accounts: course.detector.accounts },
    });
  }

  #writeLater(): void {
    this.#isDirty = true;
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#device.tasks.after(writePauseMs, () => {
      this.#isWaiting = false;
      if (this.#isDirty) this.#writeNow();
    });
  }

  /** One write at a time; what came meanwhile goes with the next. */
  #writeNow(): void {
    this.#isDirty = true;
    const bytes = this.#encode();
    if (this.#isWriting || bytes === undefined) return;
    this.#isWriting = true;
    this.#isDirty = false;
    this.#device.tasks.ask('write', { name: driftFileName(this.#slot), bytes }, (written) => {
      this.#isWriting = false;
      if (written.ok) return;
      const { code, detail } = written.rejection;
      this.#device.report({ event: 'state-not-saved', slot: this.#slot, code, reason: detail });
    });
  }
}

function begin(cycleMs: number, numbers: number): Course {
  return { kind: 'commissioning', commissioning: new Commissioning(cycleMs, numbers) };
}

/** Goes on with what was found, where it is of so many numbers. */
function courseOf(found: DriftState['course'], cycleMs: number, numbers: number): Course {
  if (!('accounts' in found)) {
    if (found.tails.length !== numbers) return begin(cycleMs, numbers);
    return { kind: 'commissioning', commissioning: new Commissioning(cycleMs, numbers, found) };
  }
  if (found.bounds.length !== numbers) return begin(cycleMs, numbers);
  return {
    kind: 'watching',
    detector: new ChangeDetector(found.bounds, found.accounts),
    windowsInMonth: found.windowsInMonth,
    bounds: found.bounds,
    changed: found.changed,
  };
}
