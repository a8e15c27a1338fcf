import type { WindowId } from '../../../protocol/messages/command.js';
import {
  encodeCapturedWindow,
  parseCapturedWindow,
  samplesOf,
} from '../../../protocol/messages/captured-window.js';
import type { Disagreement } from '../../../protocol/messages/disagreements.js';
import type { CapturedSize } from '../../../protocol/messages/response.js';
import { limits } from '../../../protocol/limits.js';
import type { Device } from '../device.js';
import { ask, Turnstile, type Process } from '../process.js';

const folder = 'capture';
const dayMs = 86_400_000;

/** So many days' budgets are kept at most; the oldest windows go first. */
const keptDays = 7;

/** Windows that wait for the disk; more are not captured. */
const waitingWindows = 4;

/** Free room that captured windows never take: two releases of every slot. */
const releasesReserved = 2;

/** A window of the samples that a model was given. */
export interface RawWindow {
  readonly frames: number;
  readonly channels: number;
  /** Frame by frame, before normalisation. */
  readonly values: Float32Array;
}

interface CapturedFile {
  readonly name: string;
  /** Days since the epoch, by the believed time at its capture. */
  readonly day: number;
  readonly boot: number;
  readonly window: number;
  bytes: number;
}

/**
 * Keeps the samples of windows on which champion and challenger differ, so that their owner can fetch them for training.
 * A file each; its name says slot, day, start and window, so that the budget of a day holds over restarts without a record.
 * Nothing leaves the device unless a signed command asks for it. What its owner turns off is removed at the next start.
 */
export class CaptureStore {
  readonly #device: Device;
  readonly #slot: string;
  readonly #bytesPerDay: number;
  readonly #turn = new Turnstile();
  /** The oldest first. */
  #files: CapturedFile[] = [];
  #isOpen = false;
  #waiting = 0;
  #failureTold = false;

  /** @param bytesPerDay 0 where nothing is to be kept */
  constructor(device: Device, slot: string, bytesPerDay: number) {
    this.#device = device;
    this.#slot = slot;
    this.#bytesPerDay = bytesPerDay;
  }

  get isOff(): boolean {
    return this.#bytesPerDay === 0;
  }

  /** The windows that are kept, the oldest first. */
  get windows(): readonly CapturedSize[] {
    return this.#files.map(({ boot, window, bytes }) => ({ boot, window, bytes }));
  }

  /** Finds what earlier runs have kept. */
  *open(): Process<void> {
    const listed = yield* ask('list', { folder });
    if (!listed.ok) return;
    for (const { name, bytes } of listed.value) {
      const file = fileOf(name, bytes);
      if (file?.slot !== this.#slot) continue;
      if (this.isOff) yield* ask('remove', { name: file.name });
      else this.#files.push(file);
    }
    this.#files.sort((a, b) => a.day - b.day || a.boot - b.boot || a.window - b.window);
    this.#isOpen = !this.isOff;
  }

  /** Keeps a window on which the two differ, where the budget of the day allows it. The values are copied. */
  take(entry: Disagreement, { frames, channels, values }: RawWindow): void {
    if (!this.#isOpen || this.#waiting >= waitingWindows) return;
    const bytes = encodeCapturedWindow({
      entry,
      truth: undefined,
      frames,
      channels,
      samples: samplesOf(values),
    });
    const day = Math.floor(this.#device.believedMs() / dayMs);
    if (bytes.length > limits.captureFileBytes || !this.#isAffordable(day, bytes.length)) return;
    const { boot, window } = entry;
    const name = `${folder}/${this.#slot}.${day}.${boot}.${window}`;
    // Counted from now on: windows that wait for the disk are on the budget too.
    const file = { name, day, boot, window, bytes: bytes.length };
    this.#files.push(file);
    this.#waiting++;
    this.#device.tasks.run(this.#turn.pass(this.#write(file, bytes)));
  }

  /** The true label of a window has come: it is kept with its samples. */
  labelled(id: WindowId, truth: string): void {
    const file = this.#find(id);
    if (file !== undefined && truth.length > 0) {
      this.#device.tasks.run(this.#turn.pass(this.#label(file, truth)));
    }
  }

  /** The file of a window; undefined where it is gone, or cannot be read now. */
  *read(id: WindowId): Process<Uint8Array | undefined> {
    const file = this.#find(id);
    if (file === undefined) return undefined;
    const read = yield* ask('read', { name: file.name, limitBytes: limits.captureFileBytes });
    return read.ok ? read.value : undefined;
  }

  #find({ boot, window }: WindowId): CapturedFile | undefined {
    return this.#files.find((file) => file.boot === boot && file.window === window);
  }

  #isAffordable(day: number, bytes: number): boolean {
    let used = bytes;
    for (const file of this.#files) if (file.day === day) used += file.bytes;
    return used <= this.#bytesPerDay;
  }

  *#write(file: CapturedFile, bytes: Uint8Array): Process<void> {
    const hasRoom = yield* this.#makeRoom(file);
    const written = hasRoom && (yield* ask('write', { name: file.name, bytes }));
    this.#waiting--;
    if (written !== false && written.ok) return;
    this.#files = this.#files.filter((each) => each !== file);
    if (written === false || this.#failureTold) return;
    this.#failureTold = true;
    const { code, detail } = written.rejection;
    this.#device.report({ event: 'state-not-saved', slot: this.#slot, code, reason: detail });
  }

  /** The oldest windows go where all together are too large, or releases could want the room. */
  *#makeRoom(file: CapturedFile): Process<boolean> {
    const most = keptDays * this.#bytesPerDay;
    const reserved = this.#reservedBytes();
    for (;;) {
      const kept = this.#files.reduce((sum, { bytes }) => sum + bytes, 0);
      const free = yield* ask('freeBytes', {});
      if (!free.ok) return false;
      if (kept <= most && free.value >= reserved + file.bytes) return true;
      const [oldest] = this.#files;
      if (oldest === undefined || oldest === file) return false;
      this.#files.shift();
      yield* ask('remove', { name: oldest.name });
    }
  }

  #reservedBytes(): number {
    let bytes = 0;
    for (const { limits: own } of this.#device.settings.slots.values()) bytes += own.imageBytes;
    return releasesReserved * bytes;
  }

  *#label(file: CapturedFile, truth: string): Process<void> {
    const { name } = file;
    const read = yield* ask('read', { name, limitBytes: limits.captureFileBytes });
    if (!read.ok || read.value === undefined) return;
    const captured = parseCapturedWindow(read.value);
    if (!captured.ok || captured.value.truth !== undefined || !this.#files.includes(file)) return;
    const bytes = encodeCapturedWindow({ ...captured.value, truth });
    const written = yield* ask('write', { name, bytes });
    if (written.ok) file.bytes = bytes.length;
  }
}

/** Removes what was captured for slots that are no more: nobody could ask for it. */
export function* removeStrayCaptures(slots: ReadonlyMap<string, unknown>): Process<void> {
  const listed = yield* ask('list', { folder });
  if (!listed.ok) return;
  for (const { name, bytes } of listed.value) {
    const file = fileOf(name, bytes);
    if (file !== undefined && !slots.has(file.slot)) yield* ask('remove', { name });
  }
}

/** What the name of a file says; undefined for what is no captured window. */
function fileOf(
  name: string,
  bytes: number,
): (CapturedFile & { readonly slot: string }) | undefined {
  const parts = /^capture\/([a-z0-9_-]+)\.(\d{1,9})\.(\d{1,16})\.(\d{1,16})$/.exec(name);
  const [, slot, day, boot, window] = parts ?? [];
  if (slot === undefined) return undefined;
  return {
    slot,
    name,
    day: Number(day),
    boot: Number(boot),
    window: Number(window),
    bytes,
  };
}
