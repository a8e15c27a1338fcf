import { RolloutStore } from '../../operator/rollout/rollout-store.js';
import type { Command } from '../command.js';
import { readSlot, rolloutOptions } from '../rollout-options.js';
import { standingOf, statusLines } from '../rollout-text.js';
import { createDiskFiles } from '../../operator/adapters/disk-files.js';

/** `tinylamp rollout status`: where it stands, and what is missing. */
export const rolloutStatusCommand: Command = {
  words: 'rollout status',
  summary: 'Show where the rollout of a slot stands, and what it waits for.',
  options: rolloutOptions,
  examples: [['$0 rollout status --slot vibration --keys keys', 'step, devices, last verdict']],
  run(given, terminal) {
    const rollout = new RolloutStore(createDiskFiles(), given.requiredText('keys')).read(
      readSlot(given),
    );
    if (given.flag('json')) terminal.printJson(standingOf(rollout));
    else for (const line of statusLines(rollout)) terminal.print(line);
    return Promise.resolve(0);
  },
};
