import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { writeDurably } from '../../agent/adapters/durable-file.js';
import { CodedError } from '../../protocol/coded-error.js';
import { sealSign } from '../../protocol/cose/sign.js';
import { encodeKeyset, roles, type Keyset } from '../../protocol/documents/keyset.js';
import { PublishedFolder } from './published-folder.js';
import {
  generateSigningKey,
  importSigningKey,
  type SigningKey,
} from '../../agent/adapters/signing-key.js';

/**
 * A folder of an operator: the signing key, the keysets, and the highest numbers that were used. Sequence
 * numbers, policy versions and beacon counters must never be used twice, so they are written down before
 * they are used.
 */
export interface KeyFolder {
  readonly key: SigningKey;
  /** The signed keyset in force, as it is published and as devices trust it. */
  readonly keyset: Uint8Array;
  readonly keysetVersion: number;
  /** Takes the next number of a row; `atLeast` is the least it may be. */
  nextNumber(row: NumberRow, name: string, atLeast?: number): number;
  /** The last number that was taken of a row; 0 where that is none. */
  lastNumber(row: NumberRow, name: string): number;
  /** What was published last. */
  readonly published: PublishedFolder;
}

/** Rows of numbers that only rise: releases and policies by slot, beacons by deployment. */
export type NumberRow = 'sequence' | 'policy' | 'beacon';

const keyFile = 'operator.key.pem';
const keysetFile = 'keyset.cbor';
const numbersFile = 'numbers.json';

/** A keyset is good for ten years: it is replaced when keys are, not when time passes. */
const keysetLifeS = 10 * 365 * 86_400;

/** Makes a folder with one key for all roles and the first keyset. Never overwrites one. */
export function createKeyFolder(folder: string, wallMs: number): KeyFolder {
  // A keyset alone is that of an owner whose key is elsewhere, and what devices trust.
  const found = [keyFile, keysetFile].find((name) => existsSync(path.join(folder, name)));
  if (found !== undefined) throw new CodedError('keys-exist', `${folder} holds ${found} already`);
  const key = generateSigningKey();
  const keyset: Keyset = {
    version: 1,
    expires: Math.floor(wallMs / 1000) + keysetLifeS,
    threshold: 1,
    keys: [{ kid: key.kid, publicKey: key.publicKey, roles, slots: undefined }],
    revoked: [],
  };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(path.join(folder, keyFile), key.exportPem(), { mode: 0o600, flag: 'wx' });
  writeFileSync(
    path.join(folder, keysetFile),
    sealSign('keyset', encodeKeyset(keyset), [{ kid: key.kid, sign: (bytes) => key.sign(bytes) }]),
  );
  return openKeyFolder(folder);
}

/** Opens a folder that {@link createKeyFolder} made. Throws `keys-unreadable`. */
export function openKeyFolder(folder: string): KeyFolder {
  const key = readOrRefuse(folder, keyFile, (bytes) => importSigningKey(bytes.toString('utf8')));
  const keyset = readOrRefuse(folder, keysetFile, (bytes) => new Uint8Array(bytes));
  return {
    key,
    keyset,
    keysetVersion: 1,
    nextNumber(row, name, atLeast = 1) {
      const numbers = readNumbers(folder);
      const used = numbers[`${row}/${name}`] ?? 0;
      const next = Math.max(used + 1, atLeast);
      writeNumbers(folder, { ...numbers, [`${row}/${name}`]: next });
      return next;
    },
    lastNumber: (row, name) => readNumbers(folder)[`${row}/${name}`] ?? 0,
    published: new PublishedFolder(folder),
  };
}

function readNumbers(folder: string): Readonly<Record<string, number>> {
  if (!existsSync(path.join(folder, numbersFile))) return {};
  return readOrRefuse(folder, numbersFile, (bytes) => {
    const numbers = JSON.parse(bytes.toString('utf8')) as unknown;
    if (!isNumbers(numbers)) throw new Error('it must hold whole numbers by name');
    return numbers;
  });
}

function isNumbers(value: unknown): value is Readonly<Record<string, number>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((each) => Number.isSafeInteger(each) && each >= 0);
}

function writeNumbers(folder: string, numbers: Readonly<Record<string, number>>): void {
  // A number that a power cut takes back could be given again.
  writeDurably(path.join(folder, numbersFile), `${JSON.stringify(numbers, undefined, 2)}\n`);
}

function readOrRefuse<T>(folder: string, name: string, parse: (bytes: Buffer) => T): T {
  const file = path.join(folder, name);
  try {
    return parse(readFileSync(file));
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new CodedError('keys-unreadable', `${file}: ${detail}`);
  }
}
