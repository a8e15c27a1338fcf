import {
  isDrawn,
  noStanding,
  sameComparison,
  type ComparisonName,
  type Standing,
} from '../../../protocol/assignment/comparison.js';
import { toHex } from '../../../protocol/bytes.js';
import { prepareSign1 } from '../../../protocol/cose/sign1.js';
import type { EvidenceTerms, ShadowTerms } from '../../../protocol/documents/policy.js';
import { limits } from '../../../protocol/limits.js';
import { encodeDisagreements, type GivenAnswer } from '../../../protocol/messages/disagreements.js';
import { encodeEvidence, type Aside, type DriftMark } from '../../../protocol/messages/evidence.js';
import { refuse, type Rejection, type Result } from '../../../protocol/result.js';
import { turnOf, type Turn } from '../../../protocol/assignment/switchback.js';
import type { Device } from '../device.js';
import type { Decision } from '../inference/decision.js';
import { ask, Turnstile, type Process } from '../process.js';
import { readFile } from '../state/read-file.js';
import type { StoredRelease } from '../state/record.js';
import type { Role } from './tally/block-tally.js';
import { ComparisonTally } from './tally/comparison-tally.js';
import type { LedgerEntry, WindowName } from './tally/disagreement-ledger.js';
import { decodeTally, encodeTally, tallyFileBytes } from './tally/tally-file.js';

/** The comparison that a policy asks of this device. */
export interface WantedComparison {
  readonly name: ComparisonName;
  readonly terms: EvidenceTerms;
  /** The version of the policy. */
  readonly policy: number;
  readonly aside: Aside | undefined;
  /** Whether the two answer in turns here. */
  readonly takesTurns: boolean;
  /** How windows are compared; undefined where none is. */
  readonly shadow: ShadowTerms | undefined;
}

/** What a release said of a window, and which one it was. */
export interface PairedAnswer {
  readonly release: StoredRelease;
  /** Undefined where there was none. */
  readonly answer: Pick<Decision, 'label' | 'score'> | undefined;
}

/** What evidence is marked with, and who acts on it. */
export interface EvidenceListener {
  driftMark(): DriftMark;
  /** The device finds that it is worse off with the challenger. */
  worseOff(): void;
  /** A turn is over: another release is to answer. */
  turned(): void;
  /** More blocks are closed, of a device that had too few: the policy may want something else of it now. */
  caughtUp(): void;
}

/** Files of evidence, one a slot. */
function evidenceFileName(slot: string): string {
  return `evidence/${slot}`;
}

/**
 * Keeps what a device finds out in the comparison of one slot: counted in memory, written down and published with each
 * report, the revision on disk first. So a power cut costs what was found since the last report, and nobody sees a
 * revision twice with different content.
 */
export class EvidenceKeeper {
  readonly #device: Device;
  readonly #slot: string;
  readonly #periodMs: number;
  readonly #listener: EvidenceListener;
  readonly #writing = new Turnstile();
  #tally: ComparisonTally | undefined;
  #wanted: WantedComparison | undefined;
  /** Whether it is known what an earlier run has left. */
  #isOpen = false;
  /** Whether a policy has said in this run what is to be compared. */
  #isDirected = false;
  /** Whether something is on disk, and perhaps retained on the broker, that is to go with the comparison. */
  #mayBePublished = false;
  /** Closed blocks when it was last asked whether they are enough. */
  #askedBlocks = 0;
  /** The last window of this run that was missed: it is counted once, whoever answers it in the end. */
  #lastMissed = 0;

  /**
   * @param periodMs the time between two windows
   */
  constructor(device: Device, slot: string, periodMs: number, listener: EvidenceListener) {
    this.#device = device;
    this.#slot = slot;
    this.#periodMs = periodMs;
    this.#listener = listener;
  }

  /** Reads what an earlier run has left. What cannot be read is begun anew, under another life. */
  *open(): Process<void> {
    const file = yield* readFile(evidenceFileName(this.#slot), tallyFileBytes);
    const found = file.ok && file.value !== undefined ? decodeTally(file.value) : undefined;
    this.#mayBePublished = found !== undefined;
    if (found?.ok === true) this.#tally = found.value;
    // Nobody knows whether what was said before the end was heard.
    this.#tally?.ledger.tellAgain();
    const rejection = file.ok
      ? found?.ok === false
        ? found.rejection
        : undefined
      : file.rejection;
    if (rejection !== undefined) {
      this.#report('evidence-lost', { code: 'evidence-unreadable', detail: rejection.detail });
    }
    this.#isOpen = true;
    if (this.#isDirected) this.#begin();
    // The power may have failed between the finding and what follows from it.
    else if (this.#tally?.standing.named === true) this.#listener.worseOff();
    // Whose turn it is, nobody knew before.
    if (this.#turn() !== undefined) this.#listener.turned();
  }

  /** What the device knows of itself in this comparison. */
  standingIn(name: ComparisonName | undefined): Standing {
    const tally = this.#tally;
    return tally !== undefined && name !== undefined && sameComparison(tally.name, name)
      ? tally.standing
      : noStanding;
  }

  /** The comparison that is under way, or was left by an earlier run. */
  get comparison(): ComparisonName | undefined {
    return this.#tally?.name;
  }

  /** A policy asks for a comparison, or for none. */
  want(wanted: WantedComparison | undefined): void {
    const before = this.#wanted;
    this.#wanted = wanted;
    this.#isDirected = true;
    if (before?.aside !== wanted?.aside) this.#tally?.touch();
    if (this.#isOpen) this.#begin();
  }

  /** Whether a window is to be compared at all: a share of them is drawn by lot over a declared time. */
  isDrawn(window: number, { windows, overMs }: ShadowTerms): boolean {
    const salt = this.#wanted?.name.salt;
    if (overMs === undefined || salt === undefined) return true;
    const { keeper, settings } = this.#device;
    const name = `${settings.deviceId}/${keeper.record.boot}/${window}`;
    return isDrawn(salt, name, (windows * this.#periodMs) / overMs);
  }

  /** Whether blocks are counted, and no more of them are wanted; undefined where none are counted. */
  isFull(serving: StoredRelease): boolean | undefined {
    const role = this.#roleOf(serving);
    return role && this.#tally?.isFull(role);
  }

  /** The windows on which the two differ that are kept, the oldest first. */
  get disagreements(): readonly LedgerEntry[] {
    return this.#tally?.ledger.entries ?? [];
  }

  /**
   * A window was compared. The true label may be known already. Gives what is kept of the window where the two differ.
   *
   * @param truth the label, where it was faster than the challenger
   */
  compared(
    window: number,
    served: PairedAnswer,
    shadow: PairedAnswer,
    truth: string | undefined,
  ): LedgerEntry | undefined {
    const [tally, role] = [this.#tally, this.#roleOf(served.release)];
    // Answered in the end, and too late for whoever waited: it is counted.
    if (window === this.#lastMissed || this.#wanted?.takesTurns === true) return undefined;
    if (tally === undefined || role === undefined || !this.#isPair(served, shadow)) {
      return undefined;
    }
    const { boot } = this.#device.keeper.record;
    const [champion, challenger] = role.served === 1 ? [shadow, served] : [served, shadow];
    const entry = tally.compared(role, {
      boot,
      window,
      t: this.#device.now().wallMs,
      champion: givenOf(champion),
      challenger: givenOf(challenger),
    });
    if (truth !== undefined) {
      if (entry === undefined) tally.labelledAgreeing();
      else tally.labelled(entry, truth);
    }
    this.#judge(tally);
    return entry;
  }

  /** A window was answered. Where the two answer in turns, it counts for the one whose turn it is. */
  served(window: number, { release, answer }: PairedAnswer): void {
    const [tally, turn] = [this.#tally, this.#turn()];
    if (tally === undefined || turn === undefined || window === this.#lastMissed) return;
    if (!isRelease(release, tally.name[turn])) return;
    const { boot } = this.#device.keeper.record;
    const given = givenOf({ release, answer });
    tally.compared(this.#turnRole(), {
      boot,
      window,
      t: this.#device.now().wallMs,
      champion: turn === 'champion' ? given : undefined,
      challenger: turn === 'challenger' ? given : undefined,
    });
    this.#turnOver(turn);
  }

  /**
   * What serves gave a window no answer, and nobody was compared on it: hard windows do not vanish. It stays a difference that
   * no label decides, at its worst for either side.
   */
  missed(window: number, serving: StoredRelease): void {
    if (window <= this.#lastMissed) return;
    const turn = this.#turn();
    if (turn !== undefined) {
      if (this.#tally === undefined || !isRelease(serving, this.#tally.name[turn])) return;
      this.#lastMissed = window;
      this.#tally.missed(this.#turnRole());
      this.#turnOver(turn);
      return;
    }
    const [tally, role, terms] = [this.#tally, this.#roleOf(serving), this.#wanted?.shadow];
    if (tally === undefined || role === undefined || terms === undefined) return;
    if (!this.isDrawn(window, terms)) return;
    this.#lastMissed = window;
    tally.missed(role);
  }

  /** A release did not answer in time. */
  late(release: StoredRelease): void {
    const tally = this.#tally;
    if (tally === undefined || this.#wanted === undefined) return;
    if (isRelease(release, tally.name.challenger)) tally.late('challenger');
    else if (isRelease(release, tally.name.champion)) tally.late('champion');
  }

  /** The true label of a window of this run. @param wasAnswered whether both releases have answered it */
  labelled(window: number, truth: string, wasAnswered: boolean): void {
    const tally = this.#tally;
    if (tally === undefined) return;
    const name = { boot: this.#device.keeper.record.boot, window };
    if (tally.ledger.find(name) !== undefined) this.labelledLater(name, truth);
    else if (wasAnswered) tally.labelledAgreeing();
  }

  /**
   * The true label of a window of any run, where the two differ on it. Refuses with `label-window-unknown`, `label-repeated`
   * and `label-contradictory`.
   */
  labelledLater(name: WindowName, truth: string): Result<void> {
    const tally = this.#tally;
    if (tally === undefined) {
      return refuse('label-window-unknown', `window ${name.window} of start ${name.boot}`);
    }
    const taken = tally.labelled(name, truth);
    if (taken.ok) this.#judge(tally);
    return taken;
  }

  /** A report goes out: what has changed is written down, and then published. */
  publish(serving: StoredRelease | undefined): void {
    const tally = this.#tally;
    if (tally === undefined) return;
    tally.reported(serving !== undefined && isRelease(serving, tally.name.challenger));
    this.#device.tasks.run(this.#writing.pass(this.#write(tally)));
    const { blocks } = tally.standing;
    if (this.#wanted?.aside !== 'too-few-blocks' || blocks === this.#askedBlocks) return;
    this.#askedBlocks = blocks;
    this.#listener.caughtUp();
  }

  /** The same before the end of the device. */
  *leave(): Process<void> {
    const tally = this.#tally;
    if (tally !== undefined) yield* this.#writing.pass(this.#write(tally));
  }

  #begin(): void {
    const [tally, wanted] = [this.#tally, this.#wanted];
    if (wanted !== undefined && tally !== undefined && sameComparison(tally.name, wanted.name)) {
      return;
    }
    this.#tally = undefined;
    this.#device.tasks.run(this.#writing.pass(this.#replace(wanted)));
  }

  /** Ends what was compared before, and begins what is wanted now. */
  *#replace(wanted: WantedComparison | undefined): Process<void> {
    if (this.#mayBePublished) {
      this.#mayBePublished = false;
      this.#device.tasks.run(this.#clear());
    }
    if (wanted === undefined || wanted !== this.#wanted) return;
    const life = yield* drawLife();
    if (wanted === this.#wanted) {
      this.#tally = ComparisonTally.begin(wanted.name, life, wanted.terms);
    }
  }

  /** Takes the evidence from the broker, and then from the disk: a power cut in between begins this again. */
  *#clear(): Process<void> {
    const { topics, settings } = this.#device;
    const topic = topics.evidence(settings.deviceId, this.#slot);
    const payload = { bytes: new Uint8Array() };
    const cleared = yield* ask('publish', { channel: 'evidence', topic, payload, retained: true });
    // Another comparison may have begun, and written its own.
    if (!cleared.ok || this.#mayBePublished) return;
    yield* ask('remove', { name: evidenceFileName(this.#slot) });
  }

  *#write(tally: ComparisonTally): Process<void> {
    if (tally !== this.#tally || !tally.revise()) return;
    const untold = tally.ledger.entries.filter(({ told }) => !told);
    for (const entry of untold) entry.told = true;
    const { deviceId, key } = this.#device.settings;
    const aside = this.#wanted?.aside ?? (tally.standing.named ? 'named' : undefined);
    const said = { deviceId, slot: this.#slot, aside, drift: this.#listener.driftMark() };
    const payload = encodeEvidence(tally.evidence(said));
    const name = evidenceFileName(this.#slot);
    const written = yield* ask('write', { name, bytes: encodeTally(tally) });
    if (!written.ok) {
      // What is not on disk is not said: after a power cut the same revision could say something else.
      this.#report('state-not-saved', written.rejection);
      for (const entry of untold) entry.told = false;
      tally.touch();
      return;
    }
    this.#mayBePublished = true;
    const message = prepareSign1('evidence', key.kid, payload);
    const signature = yield* ask('sign', { message: message.toBeSigned });
    if (tally !== this.#tally) return;
    this.#publish('evidence', message.seal(signature), true);
    yield* this.#tell(tally, untold);
  }

  /** Says on which windows the two differ, so that somebody can be asked. */
  *#tell(tally: ComparisonTally, entries: readonly LedgerEntry[]): Process<void> {
    const { deviceId, key } = this.#device.settings;
    const { name, life } = tally.state;
    for (let from = 0; from < entries.length; from += limits.disagreements) {
      const some = entries.slice(from, from + limits.disagreements);
      const said = { deviceId, slot: this.#slot, ...name, life, entries: some };
      const message = prepareSign1('disagreements', key.kid, encodeDisagreements(said));
      const signature = yield* ask('sign', { message: message.toBeSigned });
      this.#publish('disagreements', message.seal(signature), false);
    }
  }

  #publish(channel: 'evidence' | 'disagreements', bytes: Uint8Array, retained: boolean): void {
    const { topics, settings } = this.#device;
    const topic = topics[channel](settings.deviceId, this.#slot);
    this.#device.publish(channel, topic, { bytes }, retained);
  }

  /** Whose turn it is; undefined where the two do not answer in turns, or no pair is wanted any more. */
  #turn(): Turn | undefined {
    const [tally, wanted] = [this.#tally, this.#wanted];
    const turnWindows = wanted?.terms.turnWindows;
    if (tally === undefined || wanted?.takesTurns !== true || turnWindows === undefined) {
      return undefined;
    }
    if (tally.isFull(this.#turnRole())) return undefined;
    const { deviceId } = this.#device.settings;
    return turnOf(wanted.name.salt, deviceId, turnWindows, tally.standing.turns);
  }

  /** A pair of turns is one block, whoever answers. */
  #turnRole(): Role {
    return { policy: this.#wanted?.policy ?? 0, served: 1 };
  }

  #turnOver(before: Turn): void {
    if (this.#turn() !== before) this.#listener.turned();
  }

  /** The role of the device, where the release that serves is one of the two. */
  #roleOf(serving: StoredRelease): Role | undefined {
    const [tally, wanted] = [this.#tally, this.#wanted];
    if (tally === undefined || wanted === undefined) return undefined;
    const { champion, challenger } = tally.name;
    if (isRelease(serving, challenger)) return { policy: wanted.policy, served: 1 };
    return isRelease(serving, champion) ? { policy: wanted.policy, served: 0 } : undefined;
  }

  #isPair(served: PairedAnswer, shadow: PairedAnswer): boolean {
    return (
      served.release.manifest !== shadow.release.manifest &&
      this.#roleOf(shadow.release) !== undefined
    );
  }

  #judge(tally: ComparisonTally): void {
    if (tally.standing.named || !tally.isNamed()) return;
    // At once: after a power cut the labels that showed it do not come again.
    this.#device.tasks.run(this.#writing.pass(this.#write(tally)));
    this.#listener.worseOff();
  }

  #report(event: 'evidence-lost' | 'state-not-saved', { code, detail }: Rejection): void {
    this.#device.report({ event, slot: this.#slot, code, reason: detail });
  }
}

function* drawLife(): Process<Uint8Array> {
  const life = new Uint8Array(8);
  const view = new DataView(life.buffer);
  for (const at of [0, 4]) view.setUint32(at, yield* ask('random', {}));
  return life;
}

function isRelease({ manifest }: StoredRelease, ref: ComparisonName['champion']): boolean {
  return manifest === toHex(ref.manifest);
}

/** What a message can carry of an answer. */
function givenOf({ answer }: PairedAnswer): GivenAnswer | undefined {
  if (answer === undefined) return undefined;
  const { label, score } = answer;
  const permille = score === undefined ? undefined : Math.round(1000 * score);
  return {
    label: label?.slice(0, limits.textBytes).toWellFormed(),
    scorePermille: Number.isSafeInteger(permille) ? permille : undefined,
  };
}
