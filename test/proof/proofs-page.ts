import type { Campaign, Proof } from './campaign.js';

/** When and of what something was shown. */
export interface Circumstances {
  readonly seed: number;
  /** What git calls the sources. */
  readonly commit: string;
  readonly node: string;
  readonly seconds: number;
}

const head = `# Proofs

What \`npm run proof\` has shown: campaigns that try far more than \`npm test\` does. Each section was written by the program
and says of which commit it speaks. \`npm run proof -- NAME…\` runs those that are named.
`;

/** The page with the section of one campaign put in place, and the others as they were. */
export function withSection(
  page: string,
  campaigns: readonly Campaign[],
  { name, claim }: Campaign,
  { figures, bad }: Proof,
  { seed, commit, node, seconds }: Circumstances,
): string {
  const kept = new Map(
    page
      .split(/^(?=## )/m)
      .slice(1)
      .map((section) => [/^## (\S+)/.exec(section)?.[1] ?? '', section.trim()]),
  );
  const lines = [
    `## ${name}`,
    '',
    claim,
    '',
    `Commit ${commit}, seed ${seed}, Node ${node}, ${Math.round(seconds)} s: ${bad.length === 0 ? 'it holds' : '**it does not hold**'}.`,
    '',
    ...figures.map((figure) => `- ${figure}`),
    ...bad.slice(0, 20).map((each) => `- bad: ${each.split('\n')[0] ?? ''}`),
  ];
  kept.set(name, lines.join('\n'));
  const sections = campaigns.flatMap((each) => kept.get(each.name) ?? []);
  return `${[head.trim(), ...sections].join('\n\n')}\n`;
}
