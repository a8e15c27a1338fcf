import path from 'node:path';
import { v } from '../../agent/adapters/schema-library.js';
import { CodedError } from '../../protocol/coded-error.js';
import { deviceIdPattern } from '../../protocol/topics.js';
import type { Files } from '../ports/files.js';

/**
 * Which devices there are, as the operator knows them. It is the denominator of every rollout: a device
 * that is enrolled and silent counts, so that silence cannot be taken for success.
 */
export interface Roster {
  /** By id. */
  readonly devices: readonly EnrolledDevice[];
}

export interface EnrolledDevice {
  readonly deviceId: string;
  /** Strata, such as site and class. */
  readonly labels: Readonly<Record<string, string>>;
  /** ISO 8601, UTC. */
  readonly enrolledAt: string;
  /**
   * The public key by which it signs, in hexadecimal: given at its enrolment, or the first one that it named. Undefined where
   * none is known yet.
   */
  readonly key?: string | undefined;
}

const rosterFile = 'roster.json';

/** Names of labels. */
const labelNamePattern = /^[A-Za-z0-9_.-]{1,64}$/;

/** Values of labels are read in tables: printable, and short. */
const labelValuePattern = /^[^\p{C}]{1,64}$/u;

/** Reads the roster of a key folder; empty where none was enrolled yet. Throws `roster-unreadable`. */
export function readRoster(files: Files, folder: string): Roster {
  const file = path.join(folder, rosterFile);
  try {
    const bytes = files.read(file);
    if (bytes === undefined) {
      if (files.exists(folder)) return { devices: [] };
      throw new Error('there is no such folder');
    }
    const roster = parseRoster(new TextDecoder().decode(bytes));
    return { devices: [...roster.devices].sort(byId) };
  } catch (error) {
    throw unreadable(file, error);
  }
}

/**
 * Adds a device. Throws `device-enrolled` where it is there already, `topic-invalid` for an id that no
 * topic can hold, `label-malformed`, and `roster-unreadable`.
 */
export function enrol(
  files: Files,
  folder: string,
  { deviceId, labels, key }: Pick<EnrolledDevice, 'deviceId' | 'labels' | 'key'>,
  wallMs: number,
): EnrolledDevice {
  checkEntry(deviceId, labels);
  const { devices } = readRoster(files, folder);
  const known = devices.find((each) => each.deviceId === deviceId);
  if (known !== undefined) {
    throw new CodedError('device-enrolled', `${deviceId}, since ${known.enrolledAt}`);
  }
  const enrolledAt = new Date(wallMs).toISOString();
  const enrolled = { deviceId, labels, enrolledAt, ...(key !== undefined && { key }) };
  writeRoster(files, folder, [...devices, enrolled]);
  return enrolled;
}

/**
 * Adds many devices in one write. One that is there with the same key, or with none, stays as it is. Gives how many are new.
 * Throws `device-enrolled` where one is there with another key; then none is added; else as `enrol` does.
 */
export function enrolAll(
  files: Files,
  folder: string,
  devices: readonly Pick<EnrolledDevice, 'deviceId' | 'labels' | 'key'>[],
  wallMs: number,
): number {
  const roster = readRoster(files, folder);
  const known = new Map(roster.devices.map((each) => [each.deviceId, each]));
  const enrolledAt = new Date(wallMs).toISOString();
  const added: EnrolledDevice[] = [];
  for (const { deviceId, labels, key } of devices) {
    checkEntry(deviceId, labels);
    const there = known.get(deviceId);
    if (there?.key !== undefined && key !== undefined && there.key !== key) {
      throw new CodedError(
        'device-enrolled',
        `${deviceId} has another key since ${there.enrolledAt}`,
      );
    }
    if (there === undefined)
      added.push({ deviceId, labels, enrolledAt, ...(key !== undefined && { key }) });
  }
  if (added.length > 0) writeRoster(files, folder, [...roster.devices, ...added]);
  return added.length;
}

/** Throws `topic-invalid` for an id that no topic can hold, and `label-malformed`. */
function checkEntry(deviceId: string, labels: Readonly<Record<string, string>>): void {
  if (!deviceIdPattern.test(deviceId)) {
    throw new CodedError('topic-invalid', `the device id ${JSON.stringify(deviceId)}`);
  }
  for (const [name, value] of Object.entries(labels)) {
    if (!labelNamePattern.test(name) || !labelValuePattern.test(value)) {
      throw new CodedError('label-malformed', JSON.stringify(`${name}=${value}`));
    }
  }
}

/** The entry of a device. Throws `device-unknown` and `roster-unreadable`. */
export function findEnrolled(files: Files, folder: string, deviceId: string): EnrolledDevice {
  const found = readRoster(files, folder).devices.find((each) => each.deviceId === deviceId);
  if (found === undefined) throw new CodedError('device-unknown', `${deviceId} in ${folder}`);
  return found;
}

/**
 * Believes another key of a device: the one that is given, or the next one that it names. Throws `device-unknown` and
 * `roster-unreadable`.
 */
export function believeAgain(
  files: Files,
  folder: string,
  deviceId: string,
  key: string | undefined,
): EnrolledDevice {
  const { labels, enrolledAt } = findEnrolled(files, folder, deviceId);
  const device = { deviceId, labels, enrolledAt, ...(key !== undefined && { key }) };
  const { devices } = readRoster(files, folder);
  writeRoster(files, folder, [...devices.filter((each) => each.deviceId !== deviceId), device]);
  return device;
}

/** Takes the keys that devices have named for theirs, where none is known. Throws `roster-unreadable`. */
export function pinKeys(files: Files, folder: string, keys: ReadonlyMap<string, string>): void {
  const { devices } = readRoster(files, folder);
  writeRoster(
    files,
    folder,
    devices.map((device) => {
      const key = device.key ?? keys.get(device.deviceId);
      return key === undefined ? device : { ...device, key };
    }),
  );
}

/** Takes a device out. Throws `device-unknown` and `roster-unreadable`. */
export function dismiss(files: Files, folder: string, deviceId: string): EnrolledDevice {
  const dismissed = findEnrolled(files, folder, deviceId);
  const { devices } = readRoster(files, folder);
  writeRoster(
    files,
    folder,
    devices.filter((each) => each.deviceId !== deviceId),
  );
  return dismissed;
}

function writeRoster(files: Files, folder: string, devices: readonly EnrolledDevice[]): void {
  const file = path.join(folder, rosterFile);
  const text = `${JSON.stringify({ devices: [...devices].sort(byId) }, undefined, 2)}\n`;
  try {
    files.writeDurably(file, text, { mode: 0o600 });
  } catch (error) {
    throw unreadable(file, error);
  }
}

const keyPattern = /^[0-9a-f]{64}$/;

/** Strict: a roster that was edited wrongly would change what a rollout concludes. */
const rosterSchema = v.strictObject({
  devices: v.pipe(
    v.array(
      v.strictObject({
        deviceId: v.pipe(v.string(), v.regex(deviceIdPattern, 'is no device id')),
        labels: labelsSchema(),
        enrolledAt: v.pipe(
          v.string(),
          v.check(isIsoTime, 'is no time such as 2026-01-31T12:00:00.000Z'),
        ),
        key: v.optional(v.pipe(v.string(), v.regex(keyPattern, 'is no public key in hexadecimal'))),
      }),
    ),
    v.check(
      (devices) => new Set(devices.map(({ deviceId }) => deviceId)).size === devices.length,
      'a device is there twice',
    ),
  ),
});

/** As entries: a record of the library leaves out `constructor`, which is a name as well. */
function labelsSchema() {
  return v.pipe(
    v.custom<object>(
      (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
      'must be texts by name',
    ),
    v.transform((value) => Object.entries(value) as [string, unknown][]),
    v.array(
      v.tuple([
        v.pipe(v.string(), v.regex(labelNamePattern, 'is no name')),
        v.pipe(v.string(), v.regex(labelValuePattern, 'is no short printable text')),
      ]),
    ),
    v.transform((entries): Readonly<Record<string, string>> => Object.fromEntries(entries)),
  );
}

function parseRoster(text: string): Roster {
  const parsed = v.safeParse(rosterSchema, JSON.parse(text), { abortEarly: true });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw new Error(`${v.getDotPath(issue) ?? 'the roster'}: ${issue.message}`);
}

function isIsoTime(text: string): boolean {
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString() === text;
}

function byId(a: EnrolledDevice, b: EnrolledDevice): number {
  return a.deviceId < b.deviceId ? -1 : 1;
}

function unreadable(file: string, error: unknown): CodedError {
  const detail = error instanceof Error ? error.message : String(error);
  return new CodedError('roster-unreadable', `${file}: ${detail}`);
}
