import { CodedError } from '../../protocol/coded-error.js';
import { limits } from '../../protocol/limits.js';
import { decodeJson, type JsonMap } from '../../protocol/json/decode.js';
import type { FieldTools } from './ask-device.js';

/** What the retained state message of a device says that is needed to ask it. Not signed. */
export interface DeviceFacts {
  /** The public key that it names, in hexadecimal. */
  readonly key: string | undefined;
  /** The topic on which a slot hears true labels. */
  readonly truthOf: (slot: string) => string | undefined;
}

/** Reads the retained state of a device. Throws `device-silent` where there is none. */
export async function readDeviceFacts(
  { client, topics }: Pick<FieldTools, 'client' | 'topics'>,
  deviceId: string,
): Promise<DeviceFacts> {
  const payload = await client.readRetained(topics.state(deviceId));
  const state = mapOf(payload && decodeJson(payload, limits.deviceMessageBytes));
  if (state === undefined) {
    throw new CodedError('device-silent', `${deviceId} has no state on the broker`);
  }
  const key = state.get('key');
  const slots = mapOf(state.get('slots'));
  return {
    key: typeof key === 'string' && /^[0-9a-f]{64}$/.test(key) ? key : undefined,
    truthOf: (slot) => {
      const truth = mapOf(slots?.get(slot))?.get('truth');
      return typeof truth === 'string' ? truth : undefined;
    },
  };
}

function mapOf(value: unknown): JsonMap | undefined {
  return value instanceof Map ? (value as JsonMap) : undefined;
}
