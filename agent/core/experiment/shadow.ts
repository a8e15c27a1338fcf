import type { ShadowTerms } from '../../../protocol/documents/policy.js';
import type { CaptureStore } from '../capture/capture-store.js';
import { sameResize, type WindowPlace } from '../inference/window.js';
import type { Device } from '../device.js';
import type { Answer, LoadedRelease } from '../inference/loaded-release.js';
import { Signal, wait, type Process } from '../process.js';
import type { Rejection } from '../../../protocol/result.js';
import type { BernoulliCounts } from '../../../protocol/statistics/beta-binomial.js';
import type { EvidenceBook } from './evidence-book.js';
import type { EvidenceKeeper } from './evidence-keeper.js';
import { judgeFailure, Punctuality } from './punctuality.js';

/** A window that the champion has answered. */
export interface ServedWindow {
  readonly number: number;
  readonly place: WindowPlace;
  readonly values: Float32Array;
  readonly release: LoadedRelease;
  readonly answer: Answer;
}

/** The champion's side of a comparison. */
export interface ComparedService {
  readonly book: EvidenceBook;
  readonly evidence: EvidenceKeeper;
  readonly capture: CaptureStore;
  /** The champion's own. */
  readonly punctuality: Punctuality;
  /** How long a model of a release may take for a window, in milliseconds. */
  deadlineMs(release: LoadedRelease): number;
}

export interface ShadowListener {
  /** It has answered so many windows as the policy wants. */
  finished(): void;
  /** It is given up: it could not answer, or not in time and that too often. Its instance is gone. */
  failed(rejection: Rejection): void;
  /** It did not answer in time, and its instance is gone: it sees no window until it is given another. */
  late(challenger: LoadedRelease): void;
}

/**
 * Runs a challenger on windows whose answers are out already, in an instance of its own. It answers
 * nobody: the champion neither waits for it nor hears of it. What it is too slow for, it skips.
 */
export class Shadow {
  #challenger: LoadedRelease;
  #terms: ShadowTerms;
  readonly #device: Device;
  readonly #service: ComparedService;
  readonly #listener: ShadowListener;
  readonly #startMs: number;
  readonly #punctuality = new Punctuality();
  readonly #championBefore: BernoulliCounts;
  #answered = 0;
  #computedMs = 0;
  #busy = false;
  #absent = false;
  #ended = false;
  #idle = new Signal<void>();

  constructor(
    challenger: LoadedRelease,
    terms: ShadowTerms,
    device: Device,
    service: ComparedService,
    listener: ShadowListener,
  ) {
    this.#challenger = challenger;
    this.#terms = terms;
    this.#device = device;
    this.#service = service;
    this.#listener = listener;
    this.#startMs = device.now().monotonicMs;
    this.#championBefore = service.punctuality.counts;
  }

  get answered(): number {
    return this.#answered;
  }

  /** Whether it sees no window any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** A later policy demands something else; a comparison that is made already stays as it is. */
  demand(terms: ShadowTerms): void {
    this.#terms = terms;
  }

  /** Goes on with instances that were made anew. */
  resume(challenger: LoadedRelease): void {
    this.#challenger = challenger;
    this.#absent = false;
  }

  /** Takes a window that was served. The values are the shadow's from now on. */
  take(window: ServedWindow): void {
    if (this.#ended || !this.#service.evidence.isDrawn(window.number, this.#terms)) return;
    const { frames, channels, resize } = this.#challenger.manifest.pipeline.window;
    // Resized in another way the picture would be another one, and its answer no answer to this.
    const served = window.release.manifest.pipeline.window;
    const fits = window.values.length === frames * channels && sameResize(resize, served.resize);
    if (this.#absent || this.#busy || this.#isOverBudget() || !fits) {
      this.#service.book.skipped(this.#challenger.stored.sequence);
      return;
    }
    this.#busy = true;
    this.#idle = new Signal();
    // The champion's scores are lent; what is compared later is copied now.
    const { index, label, score, latencyUs, scores } = window.answer;
    const champion = { index, label, score, latencyUs, classes: scores.length };
    this.#device.tasks.run(this.#answer(window, champion));
  }

  /** It sees no window any more, and whoever listens hears nothing more of it. */
  end(): void {
    this.#ended = true;
  }

  /** Waits until its instance is at rest, so that it can be unloaded. */
  *settled(): Process<void> {
    if (this.#busy) yield* wait(this.#idle);
  }

  *#answer(
    window: ServedWindow,
    champion: Omit<Answer, 'scores'> & { readonly classes: number },
  ): Process<void> {
    const { sequence } = this.#challenger.stored;
    const began = this.#device.now().monotonicMs;
    const answer = yield* this.#challenger.answer(
      window.values,
      window.place,
      this.#service.deadlineMs(this.#challenger),
    );
    this.#computedMs += this.#device.now().monotonicMs - began;
    this.#busy = false;
    this.#idle.give();
    if (this.#ended) return;
    const { book, evidence, capture } = this.#service;
    const served = { release: window.release.stored, answer: champion };
    const compare = (given: Answer | undefined): void => {
      const shadow = { release: this.#challenger.stored, answer: given };
      const truth = book.truthOf(window.number);
      const entry = evidence.compared(window.number, served, shadow, truth);
      if (entry === undefined) return;
      const { frames, channels } = window.release.manifest.pipeline.window;
      capture.take(entry, { frames, channels, values: window.values });
      if (truth !== undefined) capture.labelled(entry, truth);
    };
    if (!answer.ok) {
      book.failed(sequence, 'shadow', answer.rejection.code);
      // A window that is too hard for one of them is a window all the same.
      compare(undefined);
      if (answer.rejection.code === 'engine-deadline') evidence.late(this.#challenger.stored);
      this.#failed(answer.rejection);
      return;
    }
    this.#punctuality.answered();
    if (answer.value === undefined) {
      // It waits for more windows: there is nothing to compare, as if it had not seen this one.
      book.skipped(sequence);
      return;
    }
    this.#answered++;
    const pair = {
      champion: window.release.stored.sequence,
      challenger: sequence,
      // A challenger may know classes that the champion does not, and the other way round.
      classes: Math.max(champion.classes, answer.value.scores.length),
    };
    book.shadowed(pair, window.number, champion, answer.value);
    compare(answer.value);
    if (!this.#isMade(window)) return;
    this.#ended = true;
    this.#listener.finished();
  }

  /** Where blocks are counted it goes on until they are full, else for so many windows as the policy says. */
  #isMade({ release }: ServedWindow): boolean {
    const isFull = this.#service.evidence.isFull(release.stored);
    return isFull ?? this.#answered >= this.#terms.windows;
  }

  #failed(rejection: Rejection): void {
    const champion = this.#service.punctuality.since(this.#championBefore);
    const verdict = judgeFailure(rejection, this.#punctuality, champion);
    if (verdict === undefined) {
      this.#absent = true;
      this.#listener.late(this.#challenger);
    } else {
      this.#ended = true;
      this.#listener.failed(verdict);
    }
  }

  #isOverBudget(): boolean {
    const elapsedMs = this.#device.now().monotonicMs - this.#startMs;
    return this.#computedMs > (elapsedMs * this.#terms.budgetPermille) / 1000;
  }
}
