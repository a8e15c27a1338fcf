import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { writeDurably } from '../../agent/adapters/durable-file.js';
import { CodedError } from '../../protocol/coded-error.js';

/**
 * What was published last, in the key folder: each signed document as it was sent, by its topic. A broker can
 * lose documents and show old ones; these files cannot be talked into anything. Beside them lie small artifacts, under
 * `artifacts/` and their digest.
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
    writeDurably(this.file(topic), document, { unfinished });
  }

  /** Where the document of a topic lies. No level of a topic of ours has a `+`. */
  file(topic: string): string {
    return path.join(this.#folder, topic.replaceAll('/', '+'));
  }
}

/** No segment of a topic of ours ends so. */
const unfinished = '.new+';
