import { createCronScheduler } from '../../agent/adapters/cron-scheduler.js';
import { isoTime } from '../../protocol/iso-time.js';
import { renewBeacon } from '../../operator/publish/publish-policy.js';
import { brokerOptions } from '../broker-options.js';
import { jsonOption, keysOption, type Command } from '../command.js';
import { openPublishTools, takeOverOption } from '../publish-tools.js';

/** `tinylamp beacon renew`: what stands still stands. */
export const beaconRenewCommand: Command = {
  words: 'beacon renew',
  summary: 'Confirm to all devices what is current, for another month.',
  options: {
    ...brokerOptions,
    ...keysOption,
    ...takeOverOption,
    ...jsonOption,
  },
  examples: [
    ['$0 beacon renew --broker mqtt://localhost:1883 --keys keys', 'once a week, from a timer'],
  ],
  async run(given, terminal) {
    const tools = await openPublishTools(given, terminal, createCronScheduler());
    try {
      const { counter, expires, slots } = await renewBeacon(tools);
      const named = Object.fromEntries(
        [...slots].map(([slot, { policyVersion }]) => [slot, policyVersion]),
      );
      if (given.flag('json')) {
        terminal.printJson({ beaconCounter: counter, expires: expires * 1000, policies: named });
      } else {
        const policies = Object.entries(named).map(([slot, version]) => `${slot} ${version}`);
        terminal.print(
          `beacon ${counter}, good until ${isoTime(expires * 1000)}, names the policies ${policies.join(', ') || 'of no slot'}`,
        );
      }
      return 0;
    } finally {
      await tools.client.close();
    }
  },
};
