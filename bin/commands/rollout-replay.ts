import { replayVerdicts, type Finding } from '../../operator/rollout/replay.js';
import { RolloutStore } from '../../operator/rollout/rollout-store.js';
import type { Command } from '../command.js';
import { readSlot, rolloutOptions } from '../rollout-options.js';
import { verdictLine } from '../rollout-text.js';
import { createDiskFiles } from '../../operator/adapters/disk-files.js';

/** `tinylamp rollout replay`: whether the verdicts follow from their numbers. */
export const rolloutReplayCommand: Command = {
  words: 'rollout replay',
  summary: 'Derive every verdict of a rollout again from the evidence that was kept with it.',
  options: rolloutOptions,
  examples: [['$0 rollout replay --slot vibration --keys keys', 'exit code 1 on a difference']],
  run(given, terminal) {
    const store = new RolloutStore(createDiskFiles(), given.requiredText('keys'));
    const rollout = store.read(readSlot(given));
    const chain = store.chainOf(rollout);
    const replayed = replayVerdicts(rollout, (number) => chain.read(number));
    for (const { number, finding, verdict } of replayed) {
      const agrees = finding === 'agrees';
      if (given.flag('json')) terminal.printJson({ number, agrees, finding, ...verdict });
      else {
        const what = agrees ? 'agrees' : `DIFFERS (${wordsOf[finding]})`;
        terminal.print(`${what}  ${verdict === undefined ? number : verdictLine(verdict)}`);
      }
    }
    const different = replayed.filter(({ finding }) => finding !== 'agrees').length;
    if (!given.flag('json')) {
      terminal.print(
        `${replayed.length} verdicts, ${different} do not follow from what they are said to`,
      );
    }
    return Promise.resolve(different === 0 ? 0 : 1);
  },
};

const wordsOf: Readonly<Record<Finding, string>> = {
  agrees: 'nothing',
  missing: 'its record is gone',
  hash: 'its record is not the one that was written',
  unreadable: 'its record is no record',
  order: 'its record is of another place',
  judgement: 'the judgement does not follow from the evidence',
  action: 'the action does not follow from the judgement',
};
