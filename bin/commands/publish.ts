import { createCronScheduler } from '../../agent/adapters/schedule/cron-scheduler.js';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { openKeyFolder } from '../../operator/keys/key-folder.js';
import { publishRelease } from '../../operator/publish/publish-release.js';
import { parseReleaseFile } from '../../operator/release/release-file.js';
import { readKeyset, verifyRelease } from '../../operator/release/verify-release.js';
import { withoutRollout } from '../../operator/rollout/controller-lock.js';
import { brokerOptions } from '../broker-options.js';
import { jsonOption, type Command } from '../command.js';
import { readNamedFile } from '../files.js';
import { openPublishTools, takeOverOption } from '../publish-tools.js';
import { trialOf, trialOptions } from '../trial-options.js';

/** `tinylamp publish`: everyone runs this. */
export const publishCommand: Command = {
  words: 'publish',
  summary: 'Publish a release to all devices of its slot.',
  positionals: [{ name: 'file', describe: 'The release file.' }],
  options: {
    ...brokerOptions,
    keys: {
      type: 'text',
      describe: 'The folder that `keys new` made.',
      alias: 'k',
      required: true,
    },
    ...trialOptions,
    ...takeOverOption,
    ...jsonOption,
  },
  examples: [
    [
      '$0 publish v1.tinylamp --broker mqtt://localhost:1883 --keys keys',
      'blocks, manifest, policy, beacon',
    ],
  ],
  async run(given, terminal) {
    const crypto = createNodeCrypto();
    const folder = given.requiredText('keys');
    const { keyset } = openKeyFolder(folder);
    const release = parseReleaseFile(readNamedFile(given.requiredText('file')), crypto);
    // Whoever publishes what no device will take hears it here, not from the fleet.
    verifyRelease(release, readKeyset(keyset), crypto, Date.now());
    const trial = trialOf(given);
    const published = await withoutRollout(folder, release.manifest.slot, async () => {
      const tools = await openPublishTools(given, terminal, createCronScheduler());
      try {
        return await publishRelease(release, tools, trial);
      } finally {
        await tools.client.close();
      }
    });
    const { slot, sequence, policyVersion, blocks } = published;
    if (given.flag('json')) terminal.printJson(published);
    else {
      terminal.print(
        `release ${sequence} of ${slot}: ${blocks} blocks, manifest, policy ${policyVersion}, beacon`,
      );
    }
    return 0;
  },
};
