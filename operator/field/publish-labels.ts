import { CodedError } from '../../protocol/coded-error.js';
import type { KnownLabel } from './label-file.js';
import type { FieldTools } from './ask-device.js';
import type { DeviceFacts } from './device-facts.js';

/**
 * The topic on which a slot of a device hears true labels, as its state names it. The state is not signed, so that whoever
 * writes it could have labels published anywhere: never where tinylamp itself listens. Throws `truth-unknown`.
 */
export function truthTopicOf(
  { topics }: Pick<FieldTools, 'topics'>,
  facts: DeviceFacts,
  { deviceId, slot }: { readonly deviceId: string; readonly slot: string },
): string {
  const topic = facts.truthOf(slot);
  const prefix = topics.beacon().replace(/beacon$/, '');
  if (topic === undefined) {
    throw new CodedError('truth-unknown', `slot ${slot} of ${deviceId} hears no true labels`);
  }
  if (topic.startsWith(prefix) || /^\$|[+#\0]/.test(topic) || topic === '' || topic.length > 1024) {
    throw new CodedError(
      'truth-unknown',
      `${deviceId} names ${JSON.stringify(topic.slice(0, 80))}`,
    );
  }
  return topic;
}

/** Publishes labels of one device, in order, each acknowledged by the broker. */
export async function publishLabels(
  { client }: Pick<FieldTools, 'client'>,
  topic: string,
  slot: string,
  labels: readonly KnownLabel[],
): Promise<void> {
  for (const { boot, window, label } of labels) {
    const message = JSON.stringify({ boot, window, label, slot });
    await client.send(topic, new TextEncoder().encode(message));
  }
}
