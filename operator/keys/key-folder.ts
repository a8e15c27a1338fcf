import path from 'node:path';
import { importSigningKey, type SigningKey } from '../../agent/adapters/signing-key.js';
import { CodedError } from '../../protocol/coded-error.js';
import { sealSign } from '../../protocol/cose/sign.js';
import { encodeKeyset, roles, type Keyset } from '../../protocol/documents/keyset.js';
import type { Files } from '../ports/files.js';
import { PublishedFolder } from './published-folder.js';

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

/**
 * Makes a folder with one key for all roles and the first keyset. Never overwrites one: throws `keys-exist`.
 *
 * @param key of nobody else: new, unless a simulation wants the same bytes again
 */
export function createKeyFolder(
  files: Files,
  folder: string,
  key: SigningKey,
  wallMs: number,
): KeyFolder {
  // A keyset alone is that of an owner whose key is elsewhere, and what devices trust.
  const found = [keyFile, keysetFile].find((name) => files.exists(path.join(folder, name)));
  if (found !== undefined) throw new CodedError('keys-exist', `${folder} holds ${found} already`);
  const keyset: Keyset = {
    version: 1,
    expires: Math.floor(wallMs / 1000) + keysetLifeS,
    threshold: 1,
    keys: [{ kid: key.kid, publicKey: key.publicKey, roles, slots: undefined }],
    revoked: [],
  };
  files.makeFolder(folder);
  files.writeNew(path.join(folder, keyFile), key.exportPem(), { mode: 0o600 });
  files.writeNew(
    path.join(folder, keysetFile),
    sealSign('keyset', encodeKeyset(keyset), [{ kid: key.kid, sign: (bytes) => key.sign(bytes) }]),
  );
  return openKeyFolder(files, folder);
}

/** Opens a folder that {@link createKeyFolder} made. Throws `keys-unreadable`. */
export function openKeyFolder(files: Files, folder: string): KeyFolder {
  const parseKey = (bytes: Uint8Array): SigningKey => importSigningKey(textOf(bytes));
  const key = readOrRefuse(files, path.join(folder, keyFile), parseKey);
  const keyset = readOrRefuse(files, path.join(folder, keysetFile), (bytes) => bytes);
  const numbers = path.join(folder, numbersFile);
  return {
    key,
    keyset,
    keysetVersion: 1,
    nextNumber(row, name, atLeast = 1) {
      const used = readNumbers(files, numbers);
      const next = Math.max((used[`${row}/${name}`] ?? 0) + 1, atLeast);
      // A number that a power cut takes back could be given again.
      files.writeDurably(numbers, textOfNumbers({ ...used, [`${row}/${name}`]: next }));
      return next;
    },
    lastNumber: (row, name) => readNumbers(files, numbers)[`${row}/${name}`] ?? 0,
    published: new PublishedFolder(files, folder),
  };
}

type Numbers = Readonly<Record<string, number>>;

function readNumbers(files: Files, file: string): Numbers {
  if (!files.exists(file)) return {};
  return readOrRefuse(files, file, (bytes) => {
    const numbers = JSON.parse(textOf(bytes)) as unknown;
    if (!isNumbers(numbers)) throw new Error('it must hold whole numbers by name');
    return numbers;
  });
}

function isNumbers(value: unknown): value is Numbers {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((each) => Number.isSafeInteger(each) && each >= 0);
}

function textOfNumbers(numbers: Numbers): string {
  return `${JSON.stringify(numbers, undefined, 2)}\n`;
}

function readOrRefuse<T>(files: Files, file: string, parse: (bytes: Uint8Array) => T): T {
  try {
    const bytes = files.read(file);
    if (bytes === undefined) throw new Error('there is no such file');
    return parse(bytes);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new CodedError('keys-unreadable', `${file}: ${detail}`);
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
