import type { Amount } from './values.js';

/** Links that a scenario can name. */
export const linkNames = ['ethernet', 'wifi', 'lte', 'lte-m', 'nb-iot', 'lora-gateway'] as const;

export type LinkName = (typeof linkNames)[number];

/** How long a packet takes on each. */
export const linkLatencies: Readonly<Record<LinkName, Amount>> = {
  ethernet: 20,
  wifi: between(20, 60),
  lte: between(40, 120),
  'lte-m': between(80, 400),
  'nb-iot': between(500, 4_000),
  'lora-gateway': between(1_000, 3_000),
};

function between(low: number, high: number): Amount {
  return { kind: 'range', low, high, drawn: 'evenly' };
}
