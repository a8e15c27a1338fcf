import type { Prng } from '../prng.js';
import { sectorBytes, type Change, type Fate } from './posix-tree.js';

/** What becomes of changes that were not durable when the power failed: lost, kept, and of writes a part. One fate for each. */
export function drawFates(pending: readonly Change[], prng: Prng): readonly Fate[] {
  // Disks differ in how much they keep of what nobody asked them to keep.
  const keeps = prng.uniform(0, 1);
  return pending.map((change) => drawFate(change, prng, keeps));
}

function drawFate(change: Change, prng: Prng, keeps: number): Fate {
  if (prng.uniform(0, 1) >= keeps) return 'lost';
  if (change.kind === 'entry') return 'kept';
  switch (prng.below(4)) {
    case 0:
      return 'sized';
    case 1:
      return { prefix: prng.below(change.bytes.length + 1) };
    case 2: {
      const first = Math.floor(change.position / sectorBytes);
      const count = Math.ceil(change.bytes.length / sectorBytes) + 1;
      const kept = Array.from({ length: count }, () => prng.below(2) === 1);
      return { sectors: (sector) => kept[sector - first] ?? false };
    }
    default:
      return 'kept';
  }
}
