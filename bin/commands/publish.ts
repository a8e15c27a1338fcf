import { createCronScheduler } from '../../agent/adapters/cron-scheduler.js';
import { createNodeCrypto } from '../../agent/adapters/node-crypto.js';
import { openKeyFolder } from '../../operator/keys/key-folder.js';
import { publishRelease, repairRelease } from '../../operator/publish/publish-release.js';
import type { ReleaseFile } from '../../protocol/documents/release-file.js';
import { parseReleaseFile } from '../../operator/release/release-file.js';
import { readKeyset, verifyRelease } from '../../operator/release/verify-release.js';
import { withoutRollout } from '../../operator/rollout/controller-lock.js';
import { brokerOptions } from '../broker-options.js';
import { jsonOption, keysOption, type Arguments, type Command, type Terminal } from '../command.js';
import { readNamedFile } from '../files.js';
import { openPublishTools, takeOverOption } from '../publish-tools.js';
import { trialOf, trialOptions } from '../trial-options.js';
import { createDiskFiles } from '../../operator/adapters/disk-files.js';
import { tryFolderLock } from '../../operator/adapters/folder-lock.js';
import { RolloutStore } from '../../operator/rollout/rollout-store.js';

/** `tinylamp publish`: everyone runs this. */
export const publishCommand: Command = {
  words: 'publish',
  summary: 'Publish a release to all devices of its slot.',
  positionals: [{ name: 'file', describe: 'The release file.' }],
  options: {
    ...brokerOptions,
    ...keysOption,
    ...trialOptions,
    ...takeOverOption,
    repair: {
      type: 'flag',
      describe: 'Only put blocks and manifest back that the broker has lost or got wrong.',
    },
    ...jsonOption,
  },
  examples: [
    [
      '$0 publish v1.tinylamp --broker mqtt://localhost:1883 --keys keys',
      'blocks, manifest, policy, beacon',
    ],
    [
      '$0 publish v1.tinylamp --repair --broker mqtt://localhost:1883 --keys keys',
      'puts lost blocks back, and signs nothing',
    ],
  ],
  async run(given, terminal) {
    const crypto = createNodeCrypto();
    const folder = given.requiredText('keys');
    const files = createDiskFiles();
    const { keyset } = openKeyFolder(files, folder);
    const release = parseReleaseFile(readNamedFile(given.requiredText('file')), crypto);
    // Whoever publishes what no device will take hears it here, not from the fleet.
    verifyRelease(release, readKeyset(keyset), crypto, Date.now());
    if (given.flag('repair')) {
      await repair(release, given, terminal);
      return 0;
    }
    const trial = trialOf(given);
    const store = new RolloutStore(files, folder);
    const published = await withoutRollout(
      tryFolderLock,
      store,
      release.manifest.slot,
      async () => {
        const tools = await openPublishTools(given, terminal, createCronScheduler());
        try {
          return await publishRelease(release, tools, trial);
        } finally {
          await tools.client.close();
        }
      },
    );
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

/** What is desired stays as it is, so that it may be done beside a rollout. */
async function repair(release: ReleaseFile, given: Arguments, terminal: Terminal): Promise<void> {
  const tools = await openPublishTools(given, terminal, createCronScheduler());
  try {
    const blocks = await repairRelease(release, tools);
    const { slot, sequence } = release.manifest;
    if (given.flag('json')) terminal.printJson({ slot, sequence, blocks });
    else
      terminal.print(`release ${sequence} of ${slot}: ${blocks} blocks and the manifest put back`);
  } finally {
    await tools.client.close();
  }
}
