import type { Circumstances } from '../proofs-page.js';
import type { Section, SectionResult } from './section.js';

const head = `# How often verdicts are right

What \`npm run proof -- evidence\` has measured: simulated fleets, judged by the code that judges real ones
(\`operator/verdict/\`). Each part was written by the program and says of which commit it speaks; \`npm run proof -- evidence
--only NAME\` runs one again. Rates of 300 runs have a standard error of 0.3 points at 0.3 %, 1.3 at 5 %, 2.9 at 50 %. A
promise counts as broken where a rate exceeds it by more than three of its standard errors.

"Points" are wrong answers per 100 windows: at +2 points the challenger gives two more of them than the champion. Unless said,
a block is L = 10 windows, safe is below 2 points, harm above 1 point, and alpha is 5 %.

**Where it falls short.** Beyond bursts of 0.5 blocks of ten windows do not keep the promise (a fleet of one: 9 % wrong safe at 0.8);
the gate holds where devices report such bursts. A device keeps 256 blocks: with that, two of five fleets of one, and one in twenty of
three, are still undecided about equal models, and with L = 5 more. Two devices that lie together decide in fleets of up to ten, can
make a loss of 3 points safe in 48, and one sound release of ten harm there. A challenger that kills three of ten devices that
it serves is held in fleets below 1,000, and found to be harm there only now and then. Whoever never closes a block is not
judged: the verdict says how many there are.

**Where the rule was mended** because of these figures: late answers count by spells, not minutes, and up to one and a half times as
often is no harm; a device that left owes every later age in the scope "devices like these"; no single device decides a step
of a larger fleet either, though it serves but two; a device that was named stays named.
`;

/** The page with one part put in place, and the others as they were. */
export function withPart(
  page: string,
  sections: readonly Section[],
  { name, title }: Section,
  { lines, bad }: SectionResult,
  { seed, commit, node, seconds }: Circumstances,
): string {
  const kept = new Map(
    page
      .split(/^(?=## )/m)
      .slice(1)
      .map((part) => [/^<!-- (\S+) -->$/m.exec(part)?.[1] ?? '', part.trim()]),
  );
  const verdict = bad.length === 0 ? 'every promise is kept' : '**a promise is broken**';
  const part = [
    `## ${title}`,
    '',
    `<!-- ${name} -->`,
    '',
    ...lines,
    '',
    `\`--only ${name}\`, commit ${commit}, seed ${seed}, Node ${node}, ${Math.round(seconds)} s: ${verdict}.`,
    ...(bad.length === 0 ? [] : ['', ...bad.map((each) => `- broken: ${each}`)]),
  ];
  kept.set(name, part.join('\n'));
  const parts = sections.flatMap((each) => kept.get(each.name) ?? []);
  return `${[head.trim(), ...parts].join('\n\n')}\n`;
}
