import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { writeDurably } from '../../agent/adapters/durable-file.js';
import { CodedError } from '../../protocol/coded-error.js';
import { deviceIdPattern } from '../../protocol/topics.js';

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
}

const rosterFile = 'roster.json';

/** Names of labels. */
const labelNamePattern = /^[A-Za-z0-9_.-]{1,64}$/;

/** Values of labels are read in tables: printable, and short. */
const labelValuePattern = /^[^\p{C}]{1,64}$/u;

/** Reads the roster of a key folder; empty where none was enrolled yet. Throws `roster-unreadable`. */
export function readRoster(folder: string): Roster {
  const file = path.join(folder, rosterFile);
  try {
    const roster = parseRoster(readFileSync(file, 'utf8'));
    return { devices: [...roster.devices].sort(byId) };
  } catch (error) {
    if (existsSync(folder) && isAbsence(error)) return { devices: [] };
    throw unreadable(file, error);
  }
}

/**
 * Adds a device. Throws `device-enrolled` where it is there already, `topic-invalid` for an id that no
 * topic can hold, `label-malformed`, and `roster-unreadable`.
 */
export function enrol(
  folder: string,
  { deviceId, labels }: Pick<EnrolledDevice, 'deviceId' | 'labels'>,
  wallMs: number,
): EnrolledDevice {
  if (!deviceIdPattern.test(deviceId)) {
    throw new CodedError('topic-invalid', `the device id ${JSON.stringify(deviceId)}`);
  }
  for (const [name, value] of Object.entries(labels)) {
    if (!labelNamePattern.test(name) || !labelValuePattern.test(value)) {
      throw new CodedError('label-malformed', JSON.stringify(`${name}=${value}`));
    }
  }
  const { devices } = readRoster(folder);
  const known = devices.find((each) => each.deviceId === deviceId);
  if (known !== undefined) {
    throw new CodedError('device-enrolled', `${deviceId}, since ${known.enrolledAt}`);
  }
  const enrolled = { deviceId, labels, enrolledAt: new Date(wallMs).toISOString() };
  writeRoster(folder, [...devices, enrolled]);
  return enrolled;
}

/** The entry of a device. Throws `device-unknown` and `roster-unreadable`. */
export function findEnrolled(folder: string, deviceId: string): EnrolledDevice {
  const found = readRoster(folder).devices.find((each) => each.deviceId === deviceId);
  if (found === undefined) throw new CodedError('device-unknown', `${deviceId} in ${folder}`);
  return found;
}

/** Takes a device out. Throws `device-unknown` and `roster-unreadable`. */
export function dismiss(folder: string, deviceId: string): EnrolledDevice {
  const dismissed = findEnrolled(folder, deviceId);
  const { devices } = readRoster(folder);
  writeRoster(
    folder,
    devices.filter((each) => each.deviceId !== deviceId),
  );
  return dismissed;
}

function writeRoster(folder: string, devices: readonly EnrolledDevice[]): void {
  const file = path.join(folder, rosterFile);
  const text = `${JSON.stringify({ devices: [...devices].sort(byId) }, undefined, 2)}\n`;
  try {
    writeDurably(file, text, { mode: 0o600 });
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** Strict: a roster that was edited wrongly would change what a rollout concludes. */
function parseRoster(text: string): Roster {
  const { devices } = keysOf(JSON.parse(text), ['devices'], 'the roster');
  if (!Array.isArray(devices)) throw new Error('devices must be a list');
  const parsed = devices.map(parseDevice);
  if (new Set(parsed.map(({ deviceId }) => deviceId)).size < parsed.length) {
    throw new Error('a device is there twice');
  }
  return { devices: parsed };
}

function parseDevice(value: unknown, index: number): EnrolledDevice {
  const where = `devices[${index}]`;
  const keys = ['deviceId', 'labels', 'enrolledAt'] as const;
  const { deviceId, labels, enrolledAt } = keysOf(value, keys, where);
  if (typeof deviceId !== 'string' || !deviceIdPattern.test(deviceId)) {
    throw new Error(`${where}.deviceId is no device id`);
  }
  if (!isLabels(labels)) throw new Error(`${where}.labels must be texts by name`);
  if (typeof enrolledAt !== 'string' || !isIsoTime(enrolledAt)) {
    throw new Error(`${where}.enrolledAt is no time such as 2026-01-31T12:00:00.000Z`);
  }
  return { deviceId, labels, enrolledAt };
}

/** The values of an object that has these keys and no others. */
function keysOf<K extends string>(
  value: unknown,
  keys: readonly K[],
  where: string,
): Readonly<Record<K, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${where} is no object`);
  }
  const present = Object.keys(value);
  const wrong =
    present.find((key) => !(keys as readonly string[]).includes(key)) ??
    keys.find((key) => !present.includes(key));
  if (wrong !== undefined) throw new Error(`${where}.${wrong} is missing or unknown`);
  return value as Readonly<Record<K, unknown>>;
}

function isLabels(value: unknown): value is Readonly<Record<string, string>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(
    ([name, label]) =>
      labelNamePattern.test(name) && typeof label === 'string' && labelValuePattern.test(label),
  );
}

function isIsoTime(text: string): boolean {
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString() === text;
}

function byId(a: EnrolledDevice, b: EnrolledDevice): number {
  return a.deviceId < b.deviceId ? -1 : 1;
}

/** No roster in a folder that is there: nobody was enrolled yet. */
function isAbsence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function unreadable(file: string, error: unknown): CodedError {
  const detail = error instanceof Error ? error.message : String(error);
  return new CodedError('roster-unreadable', `${file}: ${detail}`);
}
