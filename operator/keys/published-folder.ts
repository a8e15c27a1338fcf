import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { CodedError } from '../../protocol/coded-error.js';

/**
 * What was published last, in the key folder: each signed document as it was sent, by its topic. A broker can
 * lose documents and show old ones; these files cannot be talked into anything.
 */
export class PublishedFolder {
  readonly #folder: string;

  constructor(keyFolder: string) {
    this.#folder = path.join(keyFolder, 'published');
  }

  /** The topics under which something was published. */
  topics(): readonly string[] {
    if (!existsSync(this.#folder)) return [];
    return readdirSync(this.#folder)
      .filter((name) => !name.endsWith(unfinished))
      .map((name) => name.replaceAll('+', '/'));
  }

  /** The document that was published last under a topic. Throws `keys-unreadable`. */
  read(topic: string): Uint8Array | undefined {
    const file = this.file(topic);
    try {
      return existsSync(file) ? new Uint8Array(readFileSync(file)) : undefined;
    } catch (error) {
      throw new CodedError('keys-unreadable', `${file}: ${String(error)}`);
    }
  }

  /** Writes down what is about to be published; it is durable when this returns. */
  write(topic: string, document: Uint8Array): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const file = this.file(topic);
    writeFileSync(`${file}${unfinished}`, document, { flush: true });
    renameSync(`${file}${unfinished}`, file);
    syncFolder(this.#folder);
  }

  /** Where the document of a topic lies. No level of a topic of ours has a `+`. */
  file(topic: string): string {
    return path.join(this.#folder, topic.replaceAll('/', '+'));
  }
}

/** No segment of a topic of ours ends so. */
const unfinished = '.new+';

/** Makes a renaming durable. */
function syncFolder(folder: string): void {
  // Windows opens no folders, and keeps its own order.
  if (process.platform === 'win32') return;
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
