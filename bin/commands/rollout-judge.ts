import { parseEvidenceFile } from '../../operator/verdict/evidence-file.js';
import { judge } from '../../operator/verdict/judge.js';
import { jsonOption, type Command } from '../command.js';
import { readNamedFile } from '../files.js';

/** `tinylamp rollout judge`: what follows from evidence that somebody brings. */
export const rolloutJudgeCommand: Command = {
  words: 'rollout judge',
  summary: 'Derive a verdict from a file of evidence, without a broker and without keys.',
  positionals: [{ name: 'file', describe: 'Evidence as JSON: a plan, and blocks of each device.' }],
  options: jsonOption,
  examples: [['$0 rollout judge evidence.json --json', 'verdict, bounds and reason as one line']],
  run(given, terminal) {
    const judgement = judge(parseEvidenceFile(readNamedFile(given.requiredText('file'))));
    const { verdict, guardrail, lower, upper, rounds, scope, reason } = judgement;
    const named = judgement.named.map(({ id }) => id);
    const left = judgement.left.map(({ id }) => id);
    if (given.flag('json')) {
      terminal.printJson({ verdict, guardrail, lower, upper, rounds, scope, named, left, reason });
    } else {
      terminal.print(`${verdict}: ${reason}`);
      terminal.print(
        `mean loss per 100 windows: above ${(100 * lower).toFixed(2)}, below ${(100 * upper).toFixed(2)}; ${rounds} rounds`,
      );
    }
    return Promise.resolve(0);
  },
};
