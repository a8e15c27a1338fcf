import path from 'node:path';
import { CodedError } from '../../protocol/coded-error.js';
import type { Files } from '../ports/files.js';

/**
 * What was published last, in the key folder: each signed document as it was sent, by its topic. A broker can
 * lose documents and show old ones; these files cannot be talked into anything. Beside them lie small artifacts, under
 * `artifacts/` and their digest.
 */
export class PublishedFolder {
  readonly #files: Files;
  readonly #folder: string;

  constructor(files: Files, keyFolder: string) {
    this.#files = files;
    this.#folder = path.join(keyFolder, 'published');
  }

  /** The topics under which something was published. */
  topics(): readonly string[] {
    return this.#files.list(this.#folder).map((name) => name.replaceAll('+', '/'));
  }

  /** The document that was published last under a topic. Throws `keys-unreadable`. */
  read(topic: string): Uint8Array | undefined {
    const file = this.file(topic);
    try {
      return this.#files.read(file);
    } catch (error) {
      throw new CodedError('keys-unreadable', `${file}: ${String(error)}`);
    }
  }

  /** Writes down what is about to be published; it is durable when this returns. */
  write(topic: string, document: Uint8Array): void {
    this.#files.makeFolder(this.#folder);
    this.#files.writeDurably(this.file(topic), document);
  }

  /** Where the document of a topic lies. No level of a topic of ours has a `+`. */
  file(topic: string): string {
    return path.join(this.#folder, topic.replaceAll('/', '+'));
  }
}
