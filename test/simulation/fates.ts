import { drawFates } from '../../simulator/ports/drawn-fates.js';
import type { Change, Fate } from '../../simulator/ports/posix-tree.js';
import type { Prng } from '../../simulator/prng.js';

/** What may become of changes that were not durable when the power failed, one fate for each. */
type Fates = readonly Fate[];

/**
 * Every combination of lost and kept, and for writes of a file that has only grown, where those are at most so
 * many; otherwise all lost, all kept, and each change alone lost and alone kept, where those are not more either.
 */
export function* everyFate(pending: readonly Change[], most: number): Generator<Fates> {
  const choices = pending.map(({ kind }): Fates =>
    kind === 'write' ? ['lost', 'kept', 'sized'] : ['lost', 'kept'],
  );
  const count = choices.reduce((product, { length }) => product * length, 1);
  if (count <= most) {
    for (let number = 0; number < count; number++) {
      let rest = number;
      yield choices.map((each) => {
        const fate = each[rest % each.length] ?? 'lost';
        rest = Math.floor(rest / each.length);
        return fate;
      });
    }
    return;
  }
  yield pending.map(() => 'lost');
  yield pending.map(() => 'kept');
  if (2 * pending.length + 2 > most) return;
  for (const [i] of pending.entries()) {
    yield pending.map((_, j) => (i === j ? 'kept' : 'lost'));
    yield pending.map((_, j) => (i === j ? 'lost' : 'kept'));
  }
}

/** So many combinations at random: lost, kept, and writes that are torn. */
export function* drawSomeFates(
  pending: readonly Change[],
  prng: Prng,
  count: number,
): Generator<Fates> {
  for (let i = 0; i < count; i++) yield drawFates(pending, prng);
}
