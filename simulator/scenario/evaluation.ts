import type { Clause, Expectation, Term, TermValue } from './expectation.js';

/** What became of an expectation. */
export interface Finding {
  readonly held: boolean;
  /** What the run told when it was decided; undefined where it had nothing to tell. */
  readonly value: TermValue | undefined;
  readonly atMs: number;
}

/** Tells what a term is now; undefined where there is nothing to tell yet. */
export type ReadTerm = (term: Term) => TermValue | undefined;

export interface EvaluationTerms {
  readonly durationMs: number;
  /** When a rollout begins by the timeline. */
  readonly beginsMs: (rollout: string) => number;
  /** Between two looks of what must hold, or become true, over a time. */
  readonly lookMs: number;
}

/** Follows one expectation through a run. */
export class Evaluation {
  readonly expectation: Expectation;
  readonly #clauses: readonly ClauseEvaluation[];

  constructor(expectation: Expectation, terms: EvaluationTerms) {
    this.expectation = expectation;
    this.#clauses = expectation.anyOf.map((clause) => new ClauseEvaluation(clause, terms));
  }

  /**
   * When it wants to be asked next; undefined where all is decided, or only the end is left. Asking it more often makes it
   * more exact, and never wrong.
   */
  get dueMs(): number | undefined {
    if (this.#clauses.some(({ finding }) => finding?.held === true)) return undefined;
    const due = this.#clauses.flatMap(({ dueMs }) => dueMs ?? []);
    return due.length === 0 ? undefined : Math.min(...due);
  }

  /** Looks at the run. Instants never fall. */
  observe(atMs: number, read: ReadTerm): void {
    for (const clause of this.#clauses) clause.observe(atMs, read);
  }

  /** The run is over; it was observed at its end before. */
  conclude(): Finding {
    const findings = this.#clauses.map((clause) => clause.conclude());
    const held = findings.find((finding) => finding.held);
    const [first = { held: false, value: undefined, atMs: 0 }] = findings;
    return held ?? first;
  }
}

class ClauseEvaluation {
  readonly #clause: Clause;
  readonly #terms: EvaluationTerms;
  /** From when on it is looked at, and until when. */
  readonly #fromMs: number;
  readonly #toMs: number;
  #last: Finding = { held: false, value: undefined, atMs: 0 };
  /** The last look, also where there was nothing to tell. */
  #lookedMs: number | undefined;
  #finding: Finding | undefined;

  constructor(clause: Clause, terms: EvaluationTerms) {
    this.#clause = clause;
    this.#terms = terms;
    [this.#fromMs, this.#toMs] = spanOf(clause, terms);
  }

  get finding(): Finding | undefined {
    return this.#finding;
  }

  get dueMs(): number | undefined {
    if (this.#finding !== undefined) return undefined;
    const { durationMs, lookMs } = this.#terms;
    const lookedMs = this.#lookedMs;
    const nextMs =
      lookedMs === undefined || lookedMs < this.#fromMs
        ? this.#fromMs
        : Math.min(lookedMs + lookMs, this.#toMs);
    // The end is looked at anyway.
    return nextMs < durationMs ? nextMs : undefined;
  }

  observe(atMs: number, read: ReadTerm): void {
    if (this.#finding !== undefined) return;
    this.#lookedMs = atMs;
    const { kind } = this.#clause.when;
    if (atMs < this.#fromMs) return;
    const isLate = kind === 'within' && atMs > this.#toMs;
    const value = read(this.#clause.term);
    // What has nothing to tell yet breaks nothing that must hold all the time.
    if (value === undefined && (kind === 'always' || kind === 'after')) return;
    const held = value !== undefined && !isLate && compare(this.#clause, value);
    this.#last = { held, value, atMs };
    switch (kind) {
      case 'at':
        this.#finding = this.#last;
        break;
      case 'within':
        if (held || atMs >= this.#toMs) this.#finding = this.#last;
        break;
      case 'always':
      case 'after':
        if (!held) this.#finding = this.#last;
        break;
      case 'at the end':
    }
  }

  /** What was decided, or how the last look was: nothing that was told is nothing that held. */
  conclude(): Finding {
    return this.#finding ?? this.#last;
  }
}

function spanOf(
  { term, when }: Clause,
  { durationMs, beginsMs }: EvaluationTerms,
): [number, number] {
  switch (when.kind) {
    case 'at the end':
      return [durationMs, durationMs];
    case 'always':
      return [0, durationMs];
    case 'at':
    case 'after':
      return [when.ms, durationMs];
    case 'within': {
      const fromMs = term.kind === 'rollout' ? beginsMs(term.rollout) : 0;
      return [fromMs, fromMs + when.ms];
    }
  }
}

function compare({ operator, value: wanted }: Clause, value: TermValue): boolean {
  if (operator === '=') return value === wanted;
  if (operator === '!=') return value !== wanted;
  if (typeof value !== 'number' || typeof wanted !== 'number') return false;
  switch (operator) {
    case '<':
      return value < wanted;
    case '<=':
      return value <= wanted;
    case '>':
      return value > wanted;
    case '>=':
      return value >= wanted;
  }
}
