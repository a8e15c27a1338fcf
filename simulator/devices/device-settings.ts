import type { AgentSettings } from '../../agent/core/settings.js';
import type { DeviceKey } from '../../agent/ports/device-key.js';

/** What an agent on a simulated device is told: one slot, results as JSON on their usual topic, telemetry as CBOR. */
export interface DeviceTerms extends Pick<
  AgentSettings,
  'deviceId' | 'labels' | 'agentVersion' | 'prefix' | 'keyset'
> {
  readonly slot: string;
  readonly limits: { readonly arenaBytes: number; readonly imageBytes: number };
  readonly periodMs: number;
  /** Where it hears true labels; nowhere where it is undefined. */
  readonly truthTopic: string | undefined;
}

export function deviceSettings(terms: DeviceTerms, key: DeviceKey): AgentSettings {
  const { deviceId, labels, agentVersion, prefix, keyset, slot, periodMs, truthTopic } = terms;
  const { arenaBytes, imageBytes } = terms.limits;
  return {
    deviceId,
    labels,
    agentVersion,
    key: { kid: key.kid, publicKey: key.publicKey },
    prefix,
    keyset,
    telemetry: { encode: 'cbor' },
    slots: new Map([
      [
        slot,
        {
          limits: { arenaBytes, imageBytes, periodMs },
          labelsTopic: truthTopic,
          sink: { topic: undefined, encode: 'json' },
        },
      ],
    ]),
  };
}
