import { createCronScheduler } from '../../agent/adapters/cron-scheduler.js';
import { openKeyFolder } from '../../operator/keys/key-folder.js';
import type { PublishTools } from '../../operator/publish/publish-tools.js';
import { askController, carryOut, readOpenRollout } from '../../operator/rollout/carry-out.js';
import { tryRolloutLock } from '../../operator/rollout/controller-lock.js';
import { RequestBox, type RolloutRequest } from '../../operator/rollout/requests.js';
import { RolloutStore } from '../../operator/rollout/rollout-store.js';
import { brokerOptions } from '../broker-options.js';
import type { Arguments, Command, Terminal } from '../command.js';
import { openPublishTools, takeOverOption } from '../publish-tools.js';
import { readSlot, rolloutOptions } from '../rollout-options.js';
import { standingOf, statusLines } from '../rollout-text.js';
import { createDiskFiles } from '../../operator/adapters/disk-files.js';
import { tryFolderLock } from '../../operator/adapters/folder-lock.js';

/** `tinylamp rollout pause`, `resume`, `abort` and `promote`: what a person wants of a rollout. */
export const pauseCommand = createRequestCommand(
  'pause',
  'Let a rollout stand still; nobody loses a release.',
  'until resume',
);
export const resumeCommand = createRequestCommand(
  'resume',
  'Let a rollout that is paused or held go on.',
  'its step anew',
);
export const abortCommand = createRequestCommand(
  'abort',
  'Give a release up: everyone goes back to the champion.',
  'at once',
);
export const promoteCommand = createRequestCommand(
  'promote',
  'Make a release current for good, whatever the evidence says.',
  'everyone, at once',
);

function createRequestCommand(request: RolloutRequest, summary: string, does: string): Command {
  return {
    words: `rollout ${request}`,
    summary,
    options: { ...rolloutOptions, ...brokerOptions, ...takeOverOption },
    examples: [
      [`$0 rollout ${request} --slot vibration --broker mqtt://localhost --keys keys`, does],
    ],
    async run(given, terminal) {
      const slot = readSlot(given);
      const folder = given.requiredText('keys');
      const files = createDiskFiles();
      // Whose folder holds no keys decides nothing.
      openKeyFolder(files, folder);
      const store = new RolloutStore(files, folder);
      readOpenRollout(store, slot);
      const unlock = await tryRolloutLock(tryFolderLock, store, slot);
      if (unlock === undefined) {
        await askController(request, new RequestBox(files, folder, slot), createCronScheduler());
      } else {
        try {
          await carryOutHere(request, slot, store, given, terminal);
        } finally {
          await unlock();
        }
      }
      const rollout = store.read(slot);
      if (given.flag('json')) terminal.printJson(standingOf(rollout));
      else for (const line of statusLines(rollout)) terminal.print(line);
      return 0;
    },
  };
}

async function carryOutHere(
  request: RolloutRequest,
  slot: string,
  store: RolloutStore,
  given: Arguments,
  terminal: Terminal,
): Promise<void> {
  const opened: PublishTools[] = [];
  try {
    await carryOut(request, slot, store, async () => {
      const tools = await openPublishTools(given, terminal, createCronScheduler());
      opened.push(tools);
      return tools;
    });
  } finally {
    for (const { client } of opened) await client.close();
  }
}
