import { slotPattern, type Topics } from '../../protocol/topics.js';
import { CodedError } from '../../protocol/coded-error.js';

/** What a device may do at the broker; everything else it may not. Filters of MQTT. */
export interface AccessRules {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/**
 * The rules of one device: it reads what is published for all devices, commands for it and its own presence, and writes
 * what it says of itself. Documents and blocks are the operator's to write. Throws `topic-invalid`.
 *
 * @param slots the slots of the device; any where none is named
 */
export function accessRules(
  topics: Topics,
  deviceId: string,
  slots: readonly string[],
): AccessRules {
  const wrong = slots.find((slot) => !slotPattern.test(slot));
  if (wrong !== undefined) {
    throw new CodedError('topic-invalid', `the slot ${JSON.stringify(wrong)}`);
  }
  const presence = topics.presence(deviceId);
  const prefix = topics.beacon().replace(/\/beacon$/, '');
  const named = slots.length === 0 ? ['+'] : slots;
  return {
    read: [
      `${prefix}/keyset/+`,
      topics.beacon(),
      ...named.map((slot) => `${prefix}/policies/${slot}`),
      ...named.map((slot) => `${prefix}/manifests/${slot}/+`),
      `${prefix}/blocks/+/+`,
      presence,
      topics.commands(deviceId),
    ],
    write: [
      presence,
      topics.state(deviceId),
      topics.telemetry(deviceId),
      topics.report(deviceId),
      topics.events(deviceId),
      topics.responses(deviceId),
      topics.allWants(),
      ...['results', 'evidence', 'disagreements'].flatMap((channel) =>
        named.map((slot) => presence.replace(/presence$/, `${channel}/${slot}`)),
      ),
    ],
  };
}

/** The lines of a Mosquitto ACL file. */
export function mosquittoAclLines(username: string, { read, write }: AccessRules): string[] {
  return [
    `user ${username}`,
    ...read.map((filter) => `topic read ${filter}`),
    ...write.map((filter) => `topic write ${filter}`),
  ];
}
