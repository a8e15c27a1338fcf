import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { toHex } from '../../protocol/bytes.js';
import { parseReleaseFile } from '../../operator/release/release-file.js';
import { jsonOption, type Command } from '../command.js';
import { readNamedFile } from '../files.js';

/** `tinylamp release inspect`: a release for people. */
export const releaseInspectCommand: Command = {
  words: 'release inspect',
  summary: 'Show what a release is made of.',
  positionals: [{ name: 'file', describe: 'The release file.' }],
  options: jsonOption,
  examples: [['$0 release inspect v1.tinylamp', 'its manifest, with digests in hexadecimal']],
  run(given, terminal) {
    const crypto = createNodeCrypto();
    const { manifest, envelope } = parseReleaseFile(
      readNamedFile(given.requiredText('file')),
      crypto,
    );
    const readable = (_key: string, value: unknown): unknown =>
      value instanceof Uint8Array ? toHex(value) : value;
    const shown = { digest: crypto.sha256(envelope), ...manifest };
    const text = JSON.stringify(shown, readable, given.flag('json') ? undefined : 2);
    terminal.print(text);
    return Promise.resolve(0);
  },
};
