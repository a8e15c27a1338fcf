import { CodedError } from '../../../protocol/coded-error.js';
import { createTopics } from '../../../protocol/topics.js';
import type { ConfigurationFile } from './schema.js';

type Slots = ConfigurationFile['slots'];

/**
 * Refuses slots that would hear themselves: whose results come back to them as samples, also by way of other slots,
 * or as true labels; and slots that listen or speak on topics which tinylamp has for something else. Throws
 * `configuration-invalid`.
 */
export function checkTopics(deviceId: string, prefix: string, slots: Slots): void {
  const topics = createTopics(prefix);
  const sinks = new Map(
    Object.entries(slots).map(([name, { sink }]) => [
      name,
      sink.topic ?? topics.results(deviceId, name),
    ]),
  );
  for (const [name, { source, truth }] of Object.entries(slots)) {
    const given = {
      source: source.type === 'mqtt' ? source.topic : undefined,
      truth: truth?.topic,
      sink: sinks.get(name),
    };
    for (const [key, topic] of Object.entries(given)) {
      if (topic !== undefined && isReserved(topic, deviceId, prefix)) {
        throw invalid(`slots.${name}.${key}.topic must not be ${quote(topic)}: tinylamp uses it`);
      }
    }
    if (given.truth !== undefined && given.truth === given.sink) {
      throw invalid(
        `slots.${name}.truth.topic must not be the topic of the slot's own results, ${quote(given.truth)}`,
      );
    }
  }
  checkCircles(slots, sinks);
}

function checkCircles(slots: Slots, sinks: ReadonlyMap<string, string>): void {
  const readersOf = (topic: string | undefined): readonly string[] =>
    Object.keys(slots).filter((name) => {
      const source = slots[name]?.source;
      return source?.type === 'mqtt' && source.topic === topic;
    });
  for (const [first, topic] of sinks) {
    const reached = new Set(readersOf(topic));
    // What is added while it is gone through is gone through too.
    for (const name of reached) {
      for (const reader of readersOf(sinks.get(name))) reached.add(reader);
    }
    if (!reached.has(first)) continue;
    const others = [...reached].filter((name) => name !== first);
    const through = others.length === 0 ? '' : `, by way of ${others.join(', ')}`;
    throw invalid(`slots.${first}.source must not read the slot's own results${through}`);
  }
}

/** Signed documents and blocks, and what this device says and hears, except for results. */
function isReserved(topic: string, deviceId: string, prefix: string): boolean {
  if (!topic.startsWith(`${prefix}/`)) return false;
  const [kind = '', id, channel] = topic.slice(prefix.length + 1).split('/');
  if (kind !== 'devices') {
    return ['keyset', 'manifests', 'policies', 'beacon', 'blocks'].includes(kind);
  }
  return id === deviceId && channel !== 'results';
}

function invalid(detail: string): CodedError {
  return new CodedError('configuration-invalid', detail);
}

function quote(text: string): string {
  return JSON.stringify(text);
}
