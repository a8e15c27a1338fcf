import { shadowStep, type Rollout } from '../../operator/rollout/rollout.js';
import type { VerdictRecord } from '../../operator/rollout/verdict-record.js';
import type { LedgerEvent } from './ledger.js';

/** What the demo prints with. */
export interface Printer {
  print(line: string): void;
  printJson(value: unknown): void;
  progress(text: string): void;
}

/** Tells the story: as text for people, or one JSON object a line for machines. */
export class Narrator {
  readonly #printer: Printer;
  readonly #json: boolean;
  #progress = '';
  #looked = '';

  constructor(printer: Printer, json: boolean) {
    this.#printer = printer;
    this.#json = json;
  }

  /** A new part of the story. */
  heading(text: string): void {
    if (!this.#json) this.#printer.print(`\n${text}`);
  }

  line(text: string): void {
    if (!this.#json) this.#printer.print(`  ${text}`);
  }

  /** How far a step has come; the same is not said twice. */
  progress(text: string): void {
    if (text === this.#progress) return;
    this.#progress = text;
    this.#printer.progress(`  ${text}`);
  }

  event(event: LedgerEvent): void {
    if (this.#json) this.#printer.printJson(event);
  }

  /** What is certain of the mean loss by now, for machines: each round of the shadow once. */
  look({ slot, challenger, step, look, plan }: Rollout): void {
    if (!this.#json || look === undefined || step !== shadowStep) return;
    const name = `${challenger.sequence}/${look.rounds}`;
    if (name === this.#looked) return;
    this.#looked = name;
    const { lower, upper, rounds } = look;
    const windows = rounds * plan.terms.blockWindows;
    this.#printer.printJson({
      at: Date.now(),
      event: 'look',
      ...{ slot, release: challenger.sequence, windows, lower, upper },
    });
  }

  /** A verdict of a rollout, and what was certain of the mean loss then, for machines. */
  verdict(
    { slot, challenger, plan }: Rollout,
    { action, inputs, judgement }: Pick<VerdictRecord, 'action' | 'inputs' | 'judgement'>,
  ): void {
    if (!this.#json) return;
    const { verdict, reason, lower, upper, rounds } = judgement;
    const windows = rounds * plan.terms.blockWindows;
    this.#printer.printJson({
      at: Date.now(),
      event: 'verdict',
      ...{ slot, release: challenger.sequence, step: inputs.step, verdict, action, reason },
      ...{ windows, lower, upper },
    });
  }

  summary(summary: Readonly<Record<string, unknown>>): void {
    if (this.#json) this.#printer.printJson({ event: 'summary', ...summary });
  }
}
