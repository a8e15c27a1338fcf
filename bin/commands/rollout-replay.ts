import { replayVerdicts } from '../../operator/rollout/replay.js';
import { RolloutStore } from '../../operator/rollout/rollout-store.js';
import type { Command } from '../command.js';
import { readSlot, rolloutOptions } from '../rollout-options.js';
import { verdictLine } from '../rollout-text.js';

/** `tinylamp rollout replay`: whether the verdicts follow from their numbers. */
export const rolloutReplayCommand: Command = {
  words: 'rollout replay',
  summary: 'Derive every verdict of a rollout again from the numbers that were kept with it.',
  options: rolloutOptions,
  examples: [['$0 rollout replay --slot vibration --keys keys', 'exit code 1 on a difference']],
  run(given, terminal) {
    const rollout = new RolloutStore(given.requiredText('keys')).read(readSlot(given));
    const replayed = replayVerdicts(rollout);
    for (const { verdict, agrees } of replayed) {
      if (given.flag('json')) terminal.printJson({ agrees, ...verdict });
      else terminal.print(`${agrees ? 'agrees' : 'DIFFERS'}  ${verdictLine(verdict)}`);
    }
    const different = replayed.filter(({ agrees }) => !agrees).length;
    if (!given.flag('json')) {
      terminal.print(
        `${replayed.length} verdicts, ${different} differ from what their inputs give`,
      );
    }
    return Promise.resolve(different === 0 ? 0 : 1);
  },
};
