import type { Outcome } from '../simulation/outcome.js';
import { boundsChart, percentText } from './bounds-chart.js';
import { markup, type Markup } from './markup.js';
import type { Timespan } from './plot.js';
import type { RunRecord } from './run-record.js';
import { durationText } from './scale.js';
import { table } from './table.js';

/** Each rollout: how it ended, its bounds as they closed, the truth beside them, and what was decided by which numbers. */
export function rolloutSections(
  span: Timespan,
  { samples, decisions, limits }: RunRecord,
  { rollouts }: Outcome,
): readonly Markup[] {
  return Object.entries(rollouts).map(([name, rollout]) => {
    const own = decisions.filter((each) => each.rollout === name);
    const { ends, reason, served, stay, windowsServed, wrong, loss } = rollout;
    const rows = own.map(({ atMs, action, by, lower, upper, truth, rounds, reason: why }) => [
      durationText(atMs),
      by === 'operator' ? `${action}, by request` : action,
      percentText(lower),
      percentText(upper),
      truth === undefined ? '' : percentText(truth),
      rounds,
      why,
    ]);
    const truth = loss.truth === undefined ? 'nothing compared' : percentText(loss.truth);
    return markup`<section><h2>Rollout ${name}: ${ends}${reason === undefined ? '' : ` (${reason})`}</h2>
<p class="soft">The challenger answered ${windowsServed} windows on ${percentText(served)} of the devices, of them ${Math.abs(wrong)} ${wrong < 0 ? 'fewer' : 'more'} wrong than the champion would have had; ${stay} devices stay on the champion. The mean loss on the windows that were compared is in truth ${truth}.</p>
<ul class="legend"><li><span class="key bounds"></span>bounds of the mean loss</li><li><span class="key truth"></span>the truth</li></ul>
${boundsChart(span, name, samples, own, limits[name])}
${table(['at', 'decided', 'lower', 'upper', 'truth', 'rounds', 'because'], rows, [2, 3, 4, 5])}</section>`;
  });
}
