import { parsePresence, type PresenceMessage } from '../../protocol/messages/presence.js';
import type { Checker, DeviceEnd, RunEnd } from './checker.js';
import { longestPauseMs } from './longest-pause.js';

/** What the broker retains as presence of a device is right, once the world has been well for long enough. */
export function createPresenceChecker(): Checker {
  /** What each device said last of itself being there. */
  const said = new Map<string, PresenceMessage>();
  return {
    name: 'presence',
    kind: 'liveness',
    device(deviceId, event) {
      if (event.kind !== 'published' || event.message.channel !== 'presence') return undefined;
      const presence = parsePresence(event.message.payload);
      if (presence !== undefined) said.set(deviceId, presence);
      return undefined;
    },
    *end({ atMs, quietMs, devices }: RunEnd) {
      if (atMs - quietMs < longestPauseMs) return;
      for (const device of devices) {
        const text = complaintAbout(device, said.get(device.deviceId));
        if (text !== undefined) yield { device: device.deviceId, text };
      }
    },
  };
}

function complaintAbout(
  { isOn, presence }: DeviceEnd,
  said: PresenceMessage | undefined,
): string | undefined {
  const retained = presence && parsePresence(presence);
  const isOnline = retained?.online === true;
  if (!isOn) return isOnline ? 'is off, and said to be online' : undefined;
  if (!isOnline) return 'is on, and not said to be online';
  const isLast = retained.boot === said?.boot && retained.connection === said.connection;
  return isLast
    ? undefined
    : `is said to be online in session ${retained.boot}/${retained.connection}, which is not its last`;
}
