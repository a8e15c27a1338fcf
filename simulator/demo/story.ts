import { codes } from '../../protocol/codes.js';
import type { PublishTools } from '../../operator/publish/publish-tools.js';
import { publishRelease } from '../../operator/publish/publish-release.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import type { Rollout } from '../../operator/rollout/rollout.js';
import type { Ledger } from './ledger.js';
import type { Narrator } from './narrator.js';
import { rollOut, type RolloutChapter } from './rollout-chapter.js';
import type { Workshop } from './workshop.js';

export interface StoryOptions {
  readonly workshop: Workshop;
  readonly ledger: Ledger;
  readonly narrator: Narrator;
  readonly devices: number;
  readonly publish: Omit<PublishTools, 'progress'>;
  /** What a rollout needs besides. */
  readonly rollout: Pick<
    RolloutChapter,
    'slot' | 'devices' | 'store' | 'requests' | 'scheduler' | 'feed'
  >;
  /** Windows that a device completes in a minute. */
  readonly windowsPerMinute: number;
  readonly now: () => number;
  /** Ends the story before its end. */
  readonly signal: AbortSignal;
}

/** Sequence numbers of the story. They leave room below, for a release that is too old. */
const sequences = { tooOld: 5, v1: 10, v2: 20, v3: 30, bad: 40 } as const;

/** How long the slowest device may take for one step. */
const stepTimeoutMs = 60_000;

/** Results that each device gives, on average, before the story goes on. */
const resultsBetween = 2;

/**
 * Tells the story: a release is installed and runs on live signals; a better one is compared with it on live
 * windows and rolled out; a third one, better in the laboratory and worse in the field, is caught by what
 * happens in the field; and five bad ones are refused while inference goes on. Gives whether all happened
 * as told; rejects when it is aborted.
 */
export async function tellStory(options: StoryOptions): Promise<boolean> {
  const { workshop, ledger, narrator, devices } = options;
  narrator.heading('A first release is signed, published as retained messages, and installed.');
  const v1 = await workshop.build('vibration-v1', sequences.v1);
  let asTold = await install(v1, options);

  narrator.heading(
    'A second model: first in the shadow of the first on live windows, then step by step.',
  );
  const v2 = await workshop.build('vibration-v2', sequences.v2);
  asTold = (await promote(v1, v2, options)) && asTold;

  narrator.heading(
    'A third model: 99.7 % in the laboratory, where the second has 99.2 %. And in the field?',
  );
  const v3 = await workshop.build('vibration-v3', sequences.v3);
  asTold = (await catchTrap(v2, v3, options)) && asTold;

  narrator.heading('Five bad releases follow. Each device refuses each by itself.');
  const bad = (sequence: number): Promise<ReleaseFile> => workshop.build('vibration-v1', sequence);
  const attempts: readonly [what: string, release: ReleaseFile, code: keyof typeof codes][] = [
    [
      'one byte of a block was flipped on its way',
      workshop.withDamagedBlock(await workshop.buildUnseen('vibration-v1', sequences.bad)),
      'block-invalid',
    ],
    [
      'one byte of the manifest was flipped after it was signed',
      workshop.withDamagedManifest(await bad(sequences.bad + 1)),
      'signature-invalid',
    ],
    [
      'signed by a stranger',
      workshop.signedByStranger(await bad(sequences.bad + 2)),
      'key-unknown',
    ],
    ['older than what was promoted', await bad(sequences.tooOld), 'sequence-below-floor'],
    [
      'its model does not do what its self-test promises',
      workshop.withWrongSelfTest(await bad(sequences.bad + 3)),
      'self-test-mismatch',
    ],
  ];
  for (const [what, release, code] of attempts) {
    asTold = (await refuse(what, release, code, options)) && asTold;
  }
  const served = ledger.servedBy(sequences.v2);
  narrator.line(`release ${sequences.v2} still serves ${served} of ${devices} devices`);
  return asTold && served === devices;
}

/** A better model passes the gate, and ends up everywhere. */
async function promote(
  champion: ReleaseFile,
  challenger: ReleaseFile,
  options: StoryOptions,
): Promise<boolean> {
  const rollout = await rollOut(champion, challenger, chapterOf(options));
  const { ledger, narrator, devices } = options;
  // Whoever is certainly worse off with it stays with what it had.
  const expected = devices - rollout.named.length;
  const served = (): number => ledger.servedBy(challenger.manifest.sequence);
  const everywhere = await waitFor(
    () => served() >= expected,
    options,
    () => `served by ${served()} of ${expected}`,
  );
  narrator.line(sentenceOf(rollout));
  narrator.line(
    `it serves ${served()} of ${devices} devices, and what came before is gone for good`,
  );
  return rollout.status === 'promoted' && everywhere;
}

/** A model that is worse where it matters never gets to serve. */
async function catchTrap(
  champion: ReleaseFile,
  trap: ReleaseFile,
  options: StoryOptions,
): Promise<boolean> {
  const { ledger, narrator, devices, windowsPerMinute } = options;
  const rollout = await rollOut(champion, trap, chapterOf(options));
  narrator.line(sentenceOf(rollout));
  const exposed = ledger.everServed(trap.manifest.sequence);
  const more = lossOf(rollout) * devices * windowsPerMinute;
  narrator.line(
    `devices that it served: ${exposed}. A plain rollout would have given it to all ${devices}, and spoiled ${Math.round(more)} answers a minute`,
  );
  const going = await goOn(options);
  return rollout.status === 'aborted' && exposed === 0 && going;
}

function chapterOf(options: StoryOptions): RolloutChapter {
  const { rollout, publish, narrator, now, signal } = options;
  return { ...rollout, publish, narrator, now, signal };
}

function sentenceOf({ look, champion, challenger }: Rollout): string {
  if (look === undefined) return 'nobody has looked';
  const { windows, disagreements, onlyChampionRight, onlyChallengerRight } = look;
  return `on the same ${windows} windows they differed on ${disagreements}: release ${champion.sequence} alone was right on ${onlyChampionRight}, release ${challenger.sequence} on ${onlyChallengerRight}`;
}

/** The share of windows that are lost with the challenger. */
function lossOf({ look }: Rollout): number {
  if (look === undefined) return 0;
  return (look.onlyChampionRight - look.onlyChallengerRight) / Math.max(1, look.windows);
}

async function install(release: ReleaseFile, options: StoryOptions): Promise<boolean> {
  const { ledger, narrator, devices } = options;
  const { sequence, name, budget } = release.manifest;
  const since = ledger.events.length;
  const began = options.now();
  await publish(release, options);
  const committed = (): number => ledger.reported('committed', sequence, since).length;
  const all = await waitFor(
    () => committed() >= devices,
    options,
    () => {
      return `release ${sequence}: committed by ${committed()} of ${devices}`;
    },
  );
  const seconds = ((options.now() - began) / 1000).toFixed(1);
  narrator.line(
    `release ${sequence} (${name}, ${budget.macs} multiply-accumulates): committed by ${committed()} of ${devices} devices in ${seconds} s`,
  );
  const going = await goOn(options);
  const share = ((100 * ledger.right) / ledger.inferences).toFixed(1);
  narrator.line(`${ledger.inferences} inferences so far, ${share} % named the true condition`);
  return all && going;
}

async function refuse(
  what: string,
  release: ReleaseFile,
  code: keyof typeof codes,
  options: StoryOptions,
): Promise<boolean> {
  const { ledger, narrator, devices } = options;
  const { sequence } = release.manifest;
  const since = ledger.events.length;
  const before = ledger.inferences;
  await publish(release, options);
  const refusals = (): number =>
    ledger.reported('rejected', sequence, since).filter((event) => event.code === code).length;
  const all = await waitFor(
    () => refusals() >= devices,
    options,
    () => {
      return `release ${sequence}: refused by ${refusals()} of ${devices}`;
    },
  );
  const going = await goOn(options);
  narrator.line(`release ${sequence}: ${what}`);
  narrator.line(`   refused by ${refusals()} of ${devices} devices: ${code}. ${codes[code].cause}`);
  narrator.line(`   meanwhile ${ledger.inferences - before} inferences`);
  return all && going;
}

async function publish(release: ReleaseFile, options: StoryOptions): Promise<void> {
  options.signal.throwIfAborted();
  const progress = (message: string): void => {
    options.narrator.progress(`publishing ${message}`);
  };
  await publishRelease(release, { ...options.publish, wallMs: options.now(), progress });
}

/** Lets the fleet answer a while, so that what follows happens on live traffic. */
function goOn(options: StoryOptions): Promise<boolean> {
  const { ledger, devices } = options;
  const goal = ledger.inferences + resultsBetween * devices;
  return waitFor(
    () => ledger.inferences >= goal,
    options,
    () => `${ledger.inferences} inferences`,
  );
}

async function waitFor(
  holds: () => boolean,
  { ledger, narrator, signal }: StoryOptions,
  describe: () => string,
): Promise<boolean> {
  const ticker = setInterval(() => {
    narrator.progress(describe());
  }, 1000);
  try {
    return await ledger.until(holds, stepTimeoutMs, signal);
  } finally {
    clearInterval(ticker);
  }
}
