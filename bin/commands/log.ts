import path from 'node:path';
import { loadConfiguration } from '../../agent/adapters/configuration/load.js';
import { codes } from '../../protocol/codes.js';
import { isoTime } from '../../protocol/iso-time.js';
import {
  decisionLogName,
  decodeDecisions,
  type Decision,
} from '../../agent/core/log/decision-log.js';
import { jsonOption, type Command } from '../command.js';
import { readNamedFile } from '../files.js';

/** `tinylamp log`: what an agent decided, when and why. */
export const logCommand: Command = {
  words: 'log',
  summary: 'Show what the agent on this gateway decided, when and why.',
  options: {
    config: { type: 'text', describe: 'The YAML file of the agent.', alias: 'c', required: true },
    slot: { type: 'text', describe: 'Only what concerns this slot.', alias: 's' },
    ...jsonOption,
  },
  examples: [['$0 log --config agent.yaml', 'all that is remembered, the oldest first']],
  run(given, terminal) {
    const { stateDir } = loadConfiguration(given.requiredText('config'));
    const slot = given.text('slot');
    const decisions = decodeDecisions(readNamedFile(path.join(stateDir, decisionLogName)));
    for (const decision of decisions) {
      if (slot !== undefined && decision.slot !== slot) continue;
      if (given.flag('json')) terminal.printJson({ ...decision, ...remedyOf(decision) });
      else for (const line of linesOf(decision)) terminal.print(line);
    }
    return Promise.resolve(0);
  },
};

function linesOf(decision: Decision): readonly string[] {
  const { t, event, slot, release, code, reason, topic, count } = decision;
  const about = [slot, release === undefined ? undefined : `release ${release}`];
  const what = [isoTime(t), ...about, event].filter((part) => part !== undefined);
  if (code === undefined) return [what.join('  ')];
  const { remedy } = remedyOf(decision);
  return [
    `${what.join('  ')}: ${code}${count === undefined ? '' : ` (${count} times)`}`,
    ...(topic === undefined ? [] : [`    ${topic}`]),
    `    ${reason ?? ''}`,
    ...(remedy === undefined ? [] : [`    ${remedy}`]),
  ];
}

/** A log of a newer version may hold a code that this one does not know. */
function remedyOf({ code }: Decision): { readonly remedy?: string } {
  return code !== undefined && code in codes ? { remedy: codes[code].remedy } : {};
}
