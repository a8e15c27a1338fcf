import { markup, type Markup } from './markup.js';
import { plot, type Timespan } from './plot.js';
import type { Decision, RolloutSample, RunRecord } from './run-record.js';
import { durationText } from './scale.js';

/** A rollout at an instant. */
interface Look extends RolloutSample {
  readonly atMs: number;
}

/** Bounds that are wider say nothing yet: they would press all else flat. */
const widest = 0.25;

/** The bounds of the mean loss as they close, the truth beside them, the limits, and what was decided. */
export function boundsChart(
  span: Timespan,
  name: string,
  samples: RunRecord['samples'],
  decisions: readonly Decision[],
  limits: RunRecord['limits'][string] | undefined,
): Markup {
  const looks = samples.flatMap(({ atMs, rollouts }): Look[] => {
    const look = rollouts[name];
    return look === undefined ? [] : [{ atMs, ...look }];
  });
  const known = [
    ...looks.flatMap(({ lower, upper, truth }) => [lower, upper, truth]),
    ...decisions.flatMap(({ lower, upper, truth }) => [lower, upper, truth]),
  ].filter((each) => each !== undefined);
  const held = known.map((each) => Math.min(widest, Math.max(-widest, each)));
  const [safe, harm] = [limits?.safe ?? 0, limits?.harm ?? 0];
  const reach = Math.max(0.02, 1.5 * safe, 1.5 * harm, ...held.map(Math.abs));
  const title = `Bounds of the mean loss of ${name}, with the truth`;
  const terms = { title, height: 260, from: -reach, to: reach, format: percentText };
  return plot(span, terms, ({ x, y }) => {
    const within = (value: number): number => y(Math.min(reach, Math.max(-reach, value)));
    const bounded = looks.filter(({ lower, upper }) => lower !== undefined && upper !== undefined);
    const points = [
      ...bounded.map(({ atMs, upper }) => `${x(atMs)},${within(upper ?? 0)}`),
      ...bounded.toReversed().map(({ atMs, lower }) => `${x(atMs)},${within(lower ?? 0)}`),
    ];
    const truths = looks.filter(({ truth }) => truth !== undefined);
    const truthPoints = truths.map(({ atMs, truth }) => `${x(atMs)},${within(truth ?? 0)}`);
    const [x1, x2] = [x(0), x(span.durationMs)];
    const limit = (value: number, what: string, below: number): Markup =>
      markup`<line class="limit" x1="${x1}" x2="${x2}" y1="${y(value)}" y2="${y(value)}"/><text class="tick end" x="${x2}" y="${y(value) + below}">${what}</text>`;
    return [
      markup`<polygon class="bounds" points="${points.join(' ')}"><title>bounds of the mean loss</title></polygon>`,
      limit(safe, `safe: the upper bound below ${percentText(safe)}`, -5),
      harm === safe
        ? markup``
        : limit(harm, `harm: the lower bound above ${percentText(harm)}`, 15),
      markup`<polyline class="truth" points="${truthPoints.join(' ')}"><title>the truth</title></polyline>`,
      ...decisions.map(
        ({ atMs, action, upper }) =>
          markup`<circle class="decision" cx="${x(atMs)}" cy="${within(upper)}" r="4"><title>${durationText(atMs)}: ${action}</title></circle>`,
      ),
    ];
  });
}

/** A share, or a difference of shares. */
export function percentText(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}
