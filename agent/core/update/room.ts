import { refuse, type Rejection } from '../../../protocol/result.js';
import type { Device } from '../device.js';
import { wait, type Process } from '../process.js';
import { withoutReleases } from '../state/record.js';
import { heldByOthers } from '../store/holdings.js';

/**
 * Where there is no room for a release: names the slots in the refusal that keep some although they left the
 * configuration, and drops the releases of the one that keeps most. What is configured comes before what is not; one
 * at a time, since that may be enough by the next try. Floors stay, and so nobody gains by it.
 */
export function* makeRoom(device: Device, rejection: Rejection): Process<Rejection> {
  if (rejection.code !== 'storage-full') return rejection;
  const { keeper, settings } = device;
  const others = yield* heldByOthers(keeper.record.slots, (slot) => settings.slots.has(slot));
  const [most] = [...others].sort(([, a], [, b]) => b - a);
  if (most === undefined) return rejection;
  const named = [...others].map(([slot, bytes]) => `${slot} ${bytes}`).join(', ');
  const [slot] = most;
  const dropped = yield* wait(keeper.commit((record) => withoutReleases(record, slot)));
  const what = dropped.ok ? `what ${slot} holds is removed now` : 'that cannot be written down now';
  const detail = `${rejection.detail}; bytes held by slots that left the configuration: ${named}; ${what}`;
  return refuse(rejection.code, detail).rejection;
}
