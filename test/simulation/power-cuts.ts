import { createHash } from 'node:crypto';
import { decodeTally } from '../../agent/core/experiment/tally/tally-file.js';
import { createInProcessEngine } from '../../agent/adapters/engine/in-process-engine.js';
import { openFileStorage } from '../../agent/adapters/file-storage.js';
import type { RecordCopy } from '../../agent/core/state/record-codec.js';
import { slotOf, type DeviceRecord } from '../../agent/core/state/record.js';
import { toHex } from '../../protocol/bytes.js';
import { limits } from '../../protocol/limits.js';
import type { Engine } from '../../agent/ports/engine.js';
import type { Storage } from '../../agent/ports/storage.js';
import { expectOk } from '../../protocol/coded-error.js';
import { openSign1 } from '../../protocol/cose/sign1.js';
import { parseEvidence, type Evidence } from '../../protocol/messages/evidence.js';
import { environments } from '../../simulator/signals/environment.js';
import { VibrationSignal } from '../../simulator/signals/vibration-signal.js';
import { parseDisagreements } from '../../protocol/messages/disagreements.js';
import { PosixDisk } from '../../simulator/ports/posix-disk.js';
import type { DiskImage } from '../../simulator/ports/posix-tree.js';
import { Prng } from '../../simulator/prng.js';
import { drawSomeFates, everyFate } from './fates.js';
import { newestRecord } from '../../agent/core/state/newest-record.js';
import type { WorldDevice, WorldDeviceOptions } from './world-device.js';
import { slot } from './world-slot.js';
import type { World } from './world.js';

/** Where the device under test keeps its files, on a disk on which it must make the folders first. */
const stateDir = '/var/lib/tinylamp';

/**
 * What must be the same as without a cut when the device has come to rest. A partial file may be left beside the image
 * that it became, where of a rename the new name was durable and the old one's end was not: garbage.
 */
const durableFolders = ['images', 'manifests'] as const;

/** What is said of a release that was on trial in too many starts. */
const attemptsExceeded = /trial-attempts-exceeded|release-rejected-before/;

/** What a device is in the middle of when its power fails. */
export interface CutStory {
  readonly name: string;
  /** What is on its disk at the start. */
  readonly before: DiskImage;
  /** What the broker retains. */
  readonly retained: ReadonlyMap<string, Uint8Array>;
  /** What is current when all is over. */
  readonly current: number;
  /** What may be current until then. */
  readonly allowed: readonly number[];
  /** Whether it is found out meanwhile how another release does, with labels that come for where they differ. */
  readonly compares?: boolean;
  /** How often the power has failed already while the release on the disk was on trial. */
  readonly cutsBefore?: number;
}

/** How much of what is possible is tried. */
export interface CutEffort {
  /** Up to so many combinations of lost and kept changes are all tried; of more, a sample. */
  readonly exhaustive: number;
  /** States after one cut that are drawn besides, torn writes among them. */
  readonly samples: number;
  /** States after a cut from whose recovery the power is cut again, at each of its steps. */
  readonly recoveries: number;
  /** States that are drawn at each of those, and at one step of each recovery of the recovery. */
  readonly again: number;
}

/** What a campaign has found. */
export interface CutCounts {
  /** Pairs of a step at which the power failed and a state that the disk was left in. */
  points: number;
  /** Disks that were started on: the same one is tried once in a story. */
  disks: number;
  /** Points that broke a promise, in words. */
  readonly bad: string[];
}

/** What a run of a device on one disk comes to. */
interface Outcome {
  /** Names and contents of the files that must be the same as without a cut. */
  readonly files: string;
  readonly record: DeviceRecord | undefined;
  /** Whether a release was refused because the power failed too often while it proved itself. */
  readonly gaveUp: boolean;
  /** What is wrong with this run, whatever came before. */
  readonly faults: readonly string[];
  /** What it published of a comparison, in order. */
  readonly evidence: readonly Evidence[];
  /** Windows that it answered. */
  readonly windows: number;
}

/** One run of a device, from which the states can be made that a cut may leave. */
interface Run {
  readonly outcome: Outcome;
  readonly disk: PosixDisk;
  /** Steps of the disk when it was looked at last. */
  readonly steps: number;
  /** What the device was told to be durable, and after which step. */
  readonly answered: readonly { readonly steps: number; readonly copy: RecordCopy }[];
  /** What others were told of a comparison, and at which step at the latest. */
  readonly published: readonly { readonly steps: number; readonly evidence: Evidence }[];
}

/**
 * Cuts the power of a device that runs the real core on the real storage adapter on a disk that loses, tears and
 * reorders what was not synced (`simulator/ports/posix-disk.ts`). The device runs once to its end; the states that a
 * cut could have left are made from the journal of its disk; a device is started on each, first without its broker,
 * then with it; and the power of some of those is cut again.
 */
export class PowerCuts {
  readonly counts: CutCounts = { points: 0, disks: 0, bad: [] };
  readonly #world: World;
  readonly #prng: Prng;
  readonly #effort: CutEffort;
  readonly #models: ReadonlySet<string>;
  #story: CutStory | undefined;
  #recovered = new Map<string, Outcome>();

  /** @param models SHA-256 in hexadecimal of the models that may be loaded */
  constructor(world: World, prng: Prng, effort: CutEffort, models: ReadonlySet<string>) {
    this.#world = world;
    this.#prng = prng;
    this.#effort = effort;
    this.#models = models;
  }

  /** Runs a device to its end where nothing is cut; what its disk holds then. */
  async install(story: CutStory): Promise<DiskImage> {
    this.#begin(story);
    return (await this.#runWhole(story)).disk.image;
  }

  /** Cuts the power everywhere in one story. */
  async cutEverywhere(story: CutStory, progress: (text: string) => void): Promise<void> {
    this.#begin(story);
    const whole = await this.#runWhole(story);
    const settled = whole.outcome.files;
    const again: DiskImage[] = [];
    for (let steps = 0; steps <= whole.steps; steps++) {
      progress(`${story.name}: step ${steps} of ${whole.steps}, ${this.counts.points} points`);
      const pending = whole.disk.pendingAfter(steps);
      const states = this.#statesOf(whole, steps, [
        ...everyFate(pending, this.#effort.exhaustive),
        ...drawSomeFates(pending, this.#prng, this.#effort.samples),
      ]);
      for (const image of states) await this.#check(whole, steps, image, settled, 1);
      again.push(...states.slice(0, 1), ...this.#sample(states.slice(1), 1));
    }
    for (const image of this.#sample(again, this.#effort.recoveries)) {
      await this.#cutRecovery(image, settled, progress);
    }
  }

  /** Runs a device where nothing is cut. */
  async #runWhole(story: CutStory): Promise<Run> {
    const whole = await this.#run(story.before, 'at once');
    const { record, faults } = whole.outcome;
    const current = record && slotOf(record, slot).current?.sequence;
    if (faults.length > 0 || current !== story.current) {
      throw new Error(`${story.name}: ${current} is current; ${faults.join('; ')}`);
    }
    return whole;
  }

  #begin(story: CutStory): void {
    this.#story = story;
    this.#recovered = new Map();
  }

  /** Cuts the power at each step of the recovery from a cut, and at one of the recovery from that. */
  async #cutRecovery(
    image: DiskImage,
    settled: string,
    progress: (text: string) => void,
  ): Promise<void> {
    const first = await this.#run(image, 'later');
    for (let steps = 0; steps <= first.steps; steps++) {
      progress(`again at step ${steps} of ${first.steps}, ${this.counts.points} points`);
      const pending = first.disk.pendingAfter(steps);
      const states = this.#statesOf(
        first,
        steps,
        drawSomeFates(pending, this.#prng, this.#effort.again),
      );
      for (const left of states) await this.#check(first, steps, left, settled, 2);
      const [once] = this.#sample(states, 1);
      if (once === undefined) continue;
      const second = await this.#run(once, 'later');
      const third = this.#prng.below(second.steps + 1);
      const last = second.disk.pendingAfter(third);
      for (const left of this.#statesOf(
        second,
        third,
        drawSomeFates(last, this.#prng, this.#effort.again),
      )) {
        await this.#check(second, third, left, settled, 3);
      }
    }
  }

  /** The different disks that these fates leave. */
  #statesOf(run: Run, steps: number, fates: Iterable<Parameters<PosixDisk['cutAfter']>[1]>) {
    const states = new Map<string, DiskImage>();
    for (const each of fates) {
      const image = run.disk.cutAfter(steps, each);
      const name = digestOf(image);
      if (!states.has(name)) states.set(name, image);
    }
    return [...states.values()];
  }

  #sample<T>(all: readonly T[], count: number): readonly T[] {
    const rest = [...all];
    const drawn: T[] = [];
    while (drawn.length < count && rest.length > 0) {
      drawn.push(...rest.splice(this.#prng.below(rest.length), 1));
    }
    return drawn;
  }

  /** One point: what a cut has left, against what was promised before it, and what a start makes of it. */
  async #check(
    run: Run,
    steps: number,
    image: DiskImage,
    settled: string,
    cuts: number,
  ): Promise<void> {
    this.counts.points++;
    const story = this.#expectStory();
    const faults: string[] = [];
    const promised = run.answered.findLast((each) => each.steps <= steps)?.copy;
    const left = copyOn(image);
    if (promised !== undefined) {
      if (left === undefined) faults.push('the record is lost');
      else {
        if (left.generation < promised.generation)
          faults.push('a record that was answered is lost');
        faults.push(...fallsBelow(promised.record, left.record));
      }
    }
    const current = left && slotOf(left.record, slot).current?.sequence;
    if (current !== undefined && !story.allowed.includes(current)) {
      faults.push(`${current} is current`);
    }
    const recovered = await this.#recover(image);
    faults.push(...recovered.faults);
    // A model that ends the process looks the same as a power cut, and has so many attempts.
    const mayGiveUp = cuts + (story.cutsBefore ?? 0) >= limits.trialAttempts;
    const goesOn = !recovered.gaveUp || !mayGiveUp;
    if (story.compares === true && goesOn) {
      const told = run.published.findLast((each) => each.steps <= steps)?.evidence;
      faults.push(...unbelievable(told, evidenceOn(image), recovered));
    }
    if (goesOn) {
      const settledOn = recovered.record && slotOf(recovered.record, slot).current?.sequence;
      if (settledOn !== story.current) faults.push(`${settledOn} is current in the end`);
      if (recovered.files !== settled) {
        faults.push('other files than without a cut');
      }
    }
    if (left !== undefined && recovered.record !== undefined) {
      faults.push(...fallsBelow(left.record, recovered.record));
      if (recovered.record.boot <= left.record.boot) faults.push('the start is not counted');
    }
    if (faults.length === 0) return;
    this.counts.bad.push(
      `${story.name}, cut ${cuts} after step ${steps} (${run.disk.describe(steps)}): ${faults.join('; ')}`,
    );
  }

  async #recover(image: DiskImage): Promise<Outcome> {
    const name = digestOf(image);
    const known = this.#recovered.get(name);
    if (known !== undefined) return known;
    this.counts.disks++;
    const { outcome } = await this.#run(image, 'later');
    this.#recovered.set(name, outcome);
    return outcome;
  }

  /** Starts a device on a disk, and lets it come to rest. */
  async #run(image: DiskImage, broker: 'at once' | 'later'): Promise<Run> {
    const story = this.#expectStory();
    const world = this.#world;
    world.broker.retained.clear();
    for (const [topic, payload] of story.retained) world.broker.retained.set(topic, payload);
    const beganMs = world.time.monotonicMs();
    const disk = new PosixDisk(image);
    const answered: { steps: number; copy: RecordCopy }[] = [];
    const strangers: string[] = [];
    const storage = await openFileStorage(
      { folder: stateDir, storageBytes: 4_194_304 },
      disk.fileSystem,
    );
    const device = world.createDevice({
      storage: noteAnswers(storage, disk, answered),
      engine: this.#watchLoads(strangers),
      ...(story.compares === true && comparing),
    });
    const published: { steps: number; evidence: Evidence }[] = [];
    let heard = world.messages.length;
    const pass = async (ms: number): Promise<void> => {
      if (story.compares !== true) {
        await world.time.advance(ms);
        return;
      }
      for (let passedMs = 0; passedMs < ms; passedMs += 100) {
        await world.time.advance(100);
        const said = world.messages.slice(heard);
        heard = world.messages.length;
        for (const evidence of evidenceIn(world, said)) {
          published.push({ steps: disk.steps, evidence });
        }
        tellTruth(world, said);
      }
    };
    const left = copyOn(image);
    const serves = left !== undefined && slotOf(left.record, slot).current !== undefined;
    const faults: string[] = [];
    if (broker === 'later') world.broker.stop();
    device.start();
    if (broker === 'later') {
      await pass(500);
      if (serves && device.engine.loaded.size === 0) faults.push('what is current is not served');
      world.broker.start();
    }
    await pass(story.compares === true ? comparedMs : 3_000);
    let record = copyOn(disk.image)?.record;
    // What has gone wrong may be tried again later.
    if (record === undefined || slotOf(record, slot).current?.sequence !== story.current) {
      await pass(30_000);
      record = copyOn(disk.image)?.record;
    }
    const gaveUp = device.story.some((line) => attemptsExceeded.test(line));
    faults.push(...strangers, ...this.#wrongAnswers(device, serves || !gaveUp));
    const files = filesWithin(disk.image, durableFolders);
    const run = {
      outcome: {
        ...{ files, record, gaveUp, faults },
        evidence: published.map(({ evidence }) => evidence),
        windows: device.results.length,
      },
      disk,
      steps: disk.steps,
      answered,
      published,
    };
    world.scrap(device);
    world.broker.start();
    world.messages.length = 0;
    world.time.jumpWall(beganMs - world.time.monotonicMs());
    return run;
  }

  #wrongAnswers({ results, story }: WorldDevice, mustAnswer: boolean): readonly string[] {
    const faults = story.filter(
      (line) => /lost|refused|rejected|damaged/.test(line) && !attemptsExceeded.test(line),
    );
    if (results.length === 0 && mustAnswer) faults.push('no answers');
    if (results.some(({ window }, i) => window !== i + 1)) faults.push('windows are missing');
    const { allowed } = this.#expectStory();
    if (results.some(({ sequence }) => !allowed.includes(sequence))) faults.push('a wrong answer');
    return faults;
  }

  /** The inference core, noting models that nobody has published. */
  #watchLoads(strangers: string[]): Engine {
    const engine = createInProcessEngine(this.#world.core);
    return {
      ...engine,
      load: (handle, model, limits) => {
        if (!this.#models.has(sha256(model)))
          strangers.push('bytes that nobody has signed are run');
        return engine.load(handle, model, limits);
      },
    };
  }

  #expectStory(): CutStory {
    if (this.#story === undefined) throw new Error('there is no story yet');
    return this.#story;
  }
}

/** The storage, noting after which step of the disk which record was answered to be durable. */
function noteAnswers(
  storage: Storage,
  disk: PosixDisk,
  answered: { steps: number; copy: RecordCopy }[],
): Storage {
  return {
    ...storage,
    async write(name, bytes) {
      const written = await storage.write(name, bytes);
      const copy = newestRecord((each) => (each === name ? bytes : undefined));
      if (written.ok && copy !== undefined) answered.push({ steps: disk.steps, copy });
      return written;
    },
  };
}

/** What a device finds out on a machine on which the two differ, with reports often enough for a short run. */
const truth = 'bearing-fault';
const truthTopic = 'factory/press-7/truth';
const comparedMs = 6_000;
const comparing = {
  labelsTopic: truthTopic,
  telemetrySchedule: '* * * * * *',
  burst: { windows: 4, everyMs: 1_000 },
  get signal() {
    return new VibrationSignal(environments.field, truth, Prng.fromSeed(3));
  },
} satisfies WorldDeviceOptions;

type Said = World['messages'];

function evidenceIn(world: World, said: Said): readonly Evidence[] {
  return said
    .filter(({ topic }) => world.topics.parseDevice(topic)?.channel === 'evidence')
    .filter(({ payload }) => payload.length > 0)
    .map(({ payload }) =>
      expectOk(parseEvidence(expectOk(openSign1(payload, 'evidence')).payload)),
    );
}

/** Somebody looks at the machine, and says what it is for each window on which the two differ. */
function tellTruth(world: World, said: Said): void {
  for (const { topic, payload } of said) {
    if (world.topics.parseDevice(topic)?.channel !== 'disagreements') continue;
    const message = expectOk(openSign1(payload, 'disagreements'));
    for (const { boot, window } of expectOk(parseDisagreements(message.payload)).entries) {
      const label = new TextEncoder().encode(JSON.stringify({ boot, window, label: truth }));
      world.broker.publish({ topic: truthTopic, payload: label, retained: false });
    }
  }
}

/** The evidence on a disk; undefined where there is none that can be read. */
function evidenceOn(image: DiskImage): Evidence | undefined {
  const file = image.files.get(`${stateDir}/evidence/${slot}`);
  const tally = file && decodeTally(file);
  const said = { deviceId: 'self', slot, aside: undefined, drift: 'none' } as const;
  return tally?.ok === true ? tally.value.evidence(said) : undefined;
}

/**
 * Why a controller could not believe what a device says after a cut.
 *
 * @param told what it had said before
 * @param left what the cut has left of it
 */
function unbelievable(
  told: Evidence | undefined,
  left: Evidence | undefined,
  { evidence, windows }: Pick<Outcome, 'evidence' | 'windows'>,
): readonly string[] {
  const faults: string[] = [];
  const last = evidence.at(-1);
  if (last === undefined) return ['it finds out nothing any more'];
  if (new Set(evidence.map(lifeOf)).size > 1) faults.push('two lives in one start');
  if (told !== undefined) {
    if (left === undefined) faults.push('evidence that was published is lost');
    else if (lifeOf(left) !== lifeOf(told)) faults.push('another life is on the disk');
    else faults.push(...goesBack(told, left, 0));
  }
  if (left === undefined) {
    if (told !== undefined && lifeOf(told) === lifeOf(last)) faults.push('a lost life goes on');
  } else if (lifeOf(left) !== lifeOf(last)) faults.push('a life ended though it was kept');
  let before = left;
  for (const each of evidence) {
    if (before !== undefined && lifeOf(before) === lifeOf(each)) {
      faults.push(...goesBack(before, each, 1));
    }
    before = each;
  }
  const { totals } = last;
  const counted = totals.windows - (left?.totals.windows ?? 0);
  if (counted > windows) faults.push(`${counted} windows are counted of ${windows}`);
  const { onlyChampionRight: b, onlyChallengerRight: c, unlabelled, labelled } = totals;
  if (b + c + unlabelled > totals.disagreements) faults.push('labels are counted twice');
  if (labelled > totals.windows) faults.push('more labels than windows');
  if (last.shadow.blocks.length > totals.windows) faults.push('blocks of windows that never were');
  return faults;
}

/** What of evidence is less than it was within its life. @param leastRise of its revision */
function goesBack(before: Evidence, after: Evidence, leastRise: number): readonly string[] {
  const faults: string[] = [];
  if (after.revision < before.revision + leastRise) {
    faults.push(`revision ${after.revision} after ${before.revision}`);
  }
  for (const name of ['windows', 'disagreements', 'labelled'] as const) {
    if (after.totals[name] < before.totals[name]) faults.push(`${name} of the evidence fell`);
  }
  const blocksLeft = before.shadow.blocks.every(({ windows, policy, unlabelled }, i) => {
    const block = after.shadow.blocks[i];
    return block?.windows === windows && block.policy === policy && block.unlabelled <= unlabelled;
  });
  if (!blocksLeft) faults.push('blocks are not what they were');
  return faults;
}

function lifeOf({ life }: Evidence): string {
  return toHex(life);
}

function copyOn(image: DiskImage): RecordCopy | undefined {
  return newestRecord((name) => image.files.get(`${stateDir}/${name}`));
}

/** What must never fall, and does from one record to a later one. */
function fallsBelow(before: DeviceRecord, after: DeviceRecord): readonly string[] {
  const faults: string[] = [];
  for (const name of ['boot', 'keysetVersion', 'timeFloorMs'] as const) {
    if (after[name] < before[name]) faults.push(`${name} fell`);
  }
  if ((after.beacon?.counter ?? 0) < (before.beacon?.counter ?? 0)) faults.push('beacon fell');
  for (const [name, was] of before.slots) {
    const is = slotOf(after, name);
    for (const floor of ['sequenceFloor', 'epochFloor', 'policyVersion'] as const) {
      if (is[floor] < was[floor]) faults.push(`${floor} fell`);
    }
    if (was.current !== undefined && is.current === undefined) faults.push('nothing is current');
  }
  return faults;
}

/** Names and contents of the files in some folders. */
function filesWithin({ files }: DiskImage, folders: readonly string[]): string {
  return [...files]
    .filter(([file]) => folders.some((folder) => file.startsWith(`${stateDir}/${folder}/`)))
    .map(([file, bytes]) => `${file} ${digestOfFile(bytes)}`)
    .sort()
    .join('\n');
}

function digestOf({ files, folders }: DiskImage): string {
  const lines = [...files].map(([file, bytes]) => `${file} ${digestOfFile(bytes)}`);
  return sha256(new TextEncoder().encode([...lines, ...folders].sort().join('\n')));
}

/** Of bytes that never change, as those of a disk image: many images share them. */
function digestOfFile(bytes: Uint8Array): string {
  const known = digests.get(bytes);
  if (known !== undefined) return known;
  const digest = sha256(bytes);
  digests.set(bytes, digest);
  return digest;
}

const digests = new WeakMap<Uint8Array, string>();

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
