import { CodedError } from './coded-error.js';

/** Device ids are parts of topics, file names and credentials: no separators, no wildcards. */
export const deviceIdPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** Names of slots. */
export const slotPattern = /^[a-z0-9_-]{1,32}$/;

/** SHA-256 in lower-case hexadecimal. */
const digestPattern = /^[0-9a-f]{64}$/;

/** Levels of a prefix: no empty level, no wildcard, nothing that brokers keep for themselves (`$`). */
const prefixPattern = /^[A-Za-z0-9_.-]{1,32}(\/[A-Za-z0-9_.-]{1,32}){0,3}$/;

/** Topics of one deployment. Nobody else knows their segments. */
export interface Topics {
  keyset(version: number): string;
  manifest(slot: string, sequence: number): string;
  policy(slot: string): string;
  beacon(): string;
  /** Block `n` of the transfer with this SHA-256 in lower-case hexadecimal. */
  block(digest: string, n: number): string;
  /** Where devices ask for blocks of this transfer, or for the manifest with this digest. */
  want(digest: string): string;
  /** A filter for what all devices ask for, and the digest that such a topic is about; undefined for others. */
  allWants(): string;
  parseWant(topic: string): string | undefined;
  presence(deviceId: string): string;
  state(deviceId: string): string;
  telemetry(deviceId: string): string;
  events(deviceId: string): string;
  report(deviceId: string): string;
  results(deviceId: string, slot: string): string;
  /** Retained: what the device has found out in a comparison. */
  evidence(deviceId: string, slot: string): string;
  /** Windows on which champion and challenger differ. */
  disagreements(deviceId: string, slot: string): string;
  /** What an operator asks of the device, and its answers. */
  commands(deviceId: string): string;
  responses(deviceId: string): string;
  /** A filter for what all devices say of themselves as a whole; not for brokers without wildcards. */
  allDevices(): string;
  /** A filter for the evidence of all devices; not for brokers without wildcards. */
  allEvidence(): string;
  /** What a topic of a device is about; undefined for other topics. */
  parseDevice(topic: string): DeviceTopic | undefined;
}

/** What is about a device as a whole, and what is about one of its slots. */
const wholeChannels = [
  'presence',
  'state',
  'telemetry',
  'report',
  'events',
  'commands',
  'responses',
] as const;
const slotChannels = ['results', 'evidence', 'disagreements'] as const;
type WholeChannel = (typeof wholeChannels)[number];
type SlotChannel = (typeof slotChannels)[number];

/** A topic below `<prefix>/devices/<id>/`. */
export interface DeviceTopic {
  readonly deviceId: string;
  readonly channel: WholeChannel | SlotChannel;
  /** The slot, for what is about one slot. */
  readonly slot?: string;
}

/** Topics below a prefix. Throws `topic-invalid` for a prefix that MQTT or brokers would misunderstand. */
export function createTopics(prefix: string): Topics {
  if (!prefixPattern.test(prefix)) {
    throw new CodedError(
      'topic-invalid',
      `the prefix ${JSON.stringify(prefix)} cannot begin a topic`,
    );
  }
  const device = (deviceId: string, rest: string): string =>
    `${prefix}/devices/${checked(deviceId, deviceIdPattern)}/${rest}`;
  return {
    keyset: (version) => `${prefix}/keyset/${version}`,
    manifest: (slot, sequence) => `${prefix}/manifests/${checked(slot, slotPattern)}/${sequence}`,
    policy: (slot) => `${prefix}/policies/${checked(slot, slotPattern)}`,
    beacon: () => `${prefix}/beacon`,
    block: (digest, n) => `${prefix}/blocks/${checked(digest, digestPattern)}/${n}`,
    want: (digest) => `${prefix}/blocks/${checked(digest, digestPattern)}/want`,
    allWants: () => `${prefix}/blocks/+/want`,
    parseWant: (topic) => parseWant(topic, prefix),
    presence: (deviceId) => device(deviceId, 'presence'),
    state: (deviceId) => device(deviceId, 'state'),
    telemetry: (deviceId) => device(deviceId, 'telemetry'),
    events: (deviceId) => device(deviceId, 'events'),
    report: (deviceId) => device(deviceId, 'report'),
    results: (deviceId, slot) => device(deviceId, `results/${checked(slot, slotPattern)}`),
    evidence: (deviceId, slot) => device(deviceId, `evidence/${checked(slot, slotPattern)}`),
    disagreements: (deviceId, slot) =>
      device(deviceId, `disagreements/${checked(slot, slotPattern)}`),
    commands: (deviceId) => device(deviceId, 'commands'),
    responses: (deviceId) => device(deviceId, 'responses'),
    allDevices: () => `${prefix}/devices/+/+`,
    allEvidence: () => `${prefix}/devices/+/evidence/+`,
    parseDevice: (topic) => parseDevice(topic, prefix),
  };
}

function checked(segment: string, pattern: RegExp): string {
  if (!pattern.test(segment)) {
    throw new CodedError('topic-invalid', `${JSON.stringify(segment)} cannot be part of a topic`);
  }
  return segment;
}

function parseWant(topic: string, prefix: string): string | undefined {
  const start = `${prefix}/blocks/`;
  const end = '/want';
  if (!topic.startsWith(start) || !topic.endsWith(end)) return undefined;
  const digest = topic.slice(start.length, -end.length);
  return digestPattern.test(digest) ? digest : undefined;
}

function parseDevice(topic: string, prefix: string): DeviceTopic | undefined {
  const start = `${prefix}/devices/`;
  if (!topic.startsWith(start)) return undefined;
  const [deviceId = '', channel = '', slot, ...more] = topic.slice(start.length).split('/');
  if (!deviceIdPattern.test(deviceId) || more.length > 0) return undefined;
  const whole = wholeChannels.find((each) => each === channel);
  if (whole !== undefined) return slot === undefined ? { deviceId, channel: whole } : undefined;
  const ofSlot = slotChannels.find((each) => each === channel);
  if (ofSlot === undefined || slot === undefined || !slotPattern.test(slot)) return undefined;
  return { deviceId, channel: ofSlot, slot };
}
