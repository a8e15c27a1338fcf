import path from 'node:path';
import { toHex } from '../../protocol/bytes.js';
import { createKeyFolder } from '../../operator/keys/key-folder.js';
import { jsonOption, type Command } from '../command.js';
import { createDiskFiles } from '../../operator/adapters/disk-files.js';
import { generateSigningKey } from '../../agent/adapters/signing-key.js';

/** `tinylamp keys new`: where an operator begins. */
export const keysNewCommand: Command = {
  words: 'keys new',
  summary: 'Make a signing key and the first keyset, which devices trust.',
  positionals: [{ name: 'folder', describe: 'The folder to make them in.' }],
  options: jsonOption,
  examples: [['$0 keys new keys', 'make keys/operator.key.pem and keys/keyset.cbor']],
  run(given, terminal) {
    const folder = given.requiredText('folder');
    const { key } = createKeyFolder(createDiskFiles(), folder, generateSigningKey(), Date.now());
    const keyset = path.join(folder, 'keyset.cbor');
    if (given.flag('json')) terminal.printJson({ folder, keyset, kid: toHex(key.kid) });
    else {
      terminal.print(`key ${toHex(key.kid)} with all roles, in ${folder} (keep it secret)`);
      terminal.print(`trust.keyset of your devices: ${keyset}`);
    }
    return Promise.resolve(0);
  },
};
