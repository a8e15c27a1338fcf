import path from 'node:path';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { parseReleaseFile } from '../../operator/release/release-file.js';
import { readKeyset, verifyRelease } from '../../operator/release/verify-release.js';
import { jsonOption, type Command } from '../command.js';
import { readNamedFile } from '../files.js';

/** `tinylamp release verify`: what a device would say of a release. */
export const releaseVerifyCommand: Command = {
  words: 'release verify',
  summary: 'Check digests and signature of a release.',
  positionals: [{ name: 'file', describe: 'The release file.' }],
  options: {
    keys: {
      type: 'text',
      describe: 'The folder with keyset.cbor.',
      alias: 'k',
      required: true,
    },
    ...jsonOption,
  },
  examples: [
    ['$0 release verify v1.tinylamp --keys keys', 'whether devices with this keyset believe it'],
  ],
  run(given, terminal) {
    const file = given.requiredText('file');
    const crypto = createNodeCrypto();
    const keyset = readKeyset(readNamedFile(path.join(given.requiredText('keys'), 'keyset.cbor')));
    const release = parseReleaseFile(readNamedFile(file), crypto);
    verifyRelease(release, keyset, crypto, Date.now());
    const { slot, sequence } = release.manifest;
    if (given.flag('json')) terminal.printJson({ file, slot, sequence, verified: true });
    else terminal.print(`${file}: release ${sequence} of ${slot} is whole and signed`);
    return Promise.resolve(0);
  },
};
