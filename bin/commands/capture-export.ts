import { createCronScheduler } from '../../agent/adapters/cron-scheduler.js';
import { DataSet } from '../../operator/field/data-set.js';
import { fetchCaptures } from '../../operator/field/fetch-captures.js';
import { enrolledIds, findDevice } from '../../operator/field/find-devices.js';
import { RosterKeyring } from '../../operator/roster/roster-keyring.js';
import { brokerOptions } from '../broker-options.js';
import { jsonOption, keysOption, type Command } from '../command.js';
import { answerTimeoutMs, fieldOptions, openFieldTools } from '../field-tools.js';
import { createDiskFiles } from '../../operator/adapters/disk-files.js';

/** `tinylamp capture export`: what devices have kept of the windows on which two releases differ. */
export const captureExportCommand: Command = {
  words: 'capture export',
  summary: 'Fetch the windows that devices have captured, as a data set for training.',
  options: {
    ...fieldOptions,
    output: { type: 'text', describe: 'The folder to make.', alias: 'o', required: true },
    ...brokerOptions,
    ...keysOption,
    ...jsonOption,
  },
  examples: [
    [
      '$0 capture export --slot vibration -o field --broker mqtt://localhost --keys keys',
      'a .npy file for each window of every device, and index.csv with answers and labels',
    ],
  ],
  async run(given, terminal) {
    const files = createDiskFiles();
    const folder = given.requiredText('keys');
    const slot = given.requiredText('slot');
    const timeoutMs = answerTimeoutMs(given);
    const ids = enrolledIds(files, folder, given.text('device'));
    const keyring = new RosterKeyring(files, folder);
    const tools = await openFieldTools(given, createCronScheduler());
    const set = new DataSet(given.requiredText('output'));
    try {
      for (const deviceId of ids) {
        const device = await findDevice(tools, keyring, deviceId);
        const progress = (come: number, of: number): void => {
          terminal.progress(`${deviceId}: window ${come} of ${of}`);
        };
        await fetchCaptures(tools, device, { slot, timeoutMs, progress }, (window) => {
          set.add(deviceId, window);
        });
      }
      set.finish();
    } finally {
      set.discard();
      await tools.client.close();
    }
    const output = given.requiredText('output');
    if (given.flag('json')) {
      terminal.printJson({ output, devices: ids.length, windows: set.windows });
    } else {
      terminal.print(`${set.windows} windows of ${ids.length} devices in ${output}`);
    }
    return 0;
  },
};
