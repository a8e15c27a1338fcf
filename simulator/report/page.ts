import type { Outcome } from '../simulation/outcome.js';
import { markup, type Markup } from './markup.js';
import { lanes, type Timespan } from './plot.js';
import type { RunRecord } from './run-record.js';
import { durationText } from './scale.js';
import { bytesSection, fleetSection, windowsSection } from './series-sections.js';
import { rolloutSections } from './rollout-sections.js';
import { style } from './style.js';
import { table } from './table.js';

/**
 * The report of a run: one HTML file that needs nothing else, no network and no script. Wall times are not in it, so that the same
 * version, file and seed give the same bytes.
 */
export function reportPage(outcome: Outcome, record: RunRecord): string {
  const { durationMs, faults, actions } = record;
  const span: Timespan = { durationMs, faults, actions };
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${outcome.scenario}, seed ${outcome.seed}: ${wordOf(outcome)}</title>
<style>${style}</style>
</head>
<body>
<main>
${verdictSection(outcome, record)}
${happenedSection(span)}
${fleetSection(span, record)}
${rolloutSections(span, record, outcome)}
${windowsSection(span, record)}
${bytesSection(span, record)}
${boardsSection(outcome)}
${codesSection(outcome)}
${violationsSection(outcome, record)}
</main>
</body>
</html>
`;
  return page.text;
}

function wordOf({ exit }: Outcome): string {
  return exit === 0 ? 'all held' : `exit ${exit}`;
}

function verdictSection(outcome: Outcome, { startMs, sometimes }: RunRecord): Markup {
  const { scenario, seed, devices, virtualMs, exit, reason, expectations, replay, hash } = outcome;
  const rows = expectations.map(({ text, held, value, atMs }) => [
    wordOfExpectation(held, sometimes.includes(text)),
    markup`<code>${text}</code>`,
    value === undefined ? 'nothing to tell' : value,
    durationText(atMs),
  ]);
  return markup`<section>
<h1>${scenario}, seed ${seed}</h1>
<p class="soft">${devices} devices for ${durationText(virtualMs)} of virtual time from ${new Date(startMs).toISOString()}, tinylamp ${outcome.revision}</p>
<p><span class="verdict ${exit === 0 ? 'good' : 'bad'}">${wordOf(outcome)}</span> ${exit === 0 ? undefined : reason}</p>
${rows.length === 0 ? undefined : table(['', 'expected', 'it was', 'at'], rows)}
${outcome.refused.length === 0 ? undefined : markup`<h3>Refused commands</h3><pre>${outcome.refused.join('\n')}</pre>`}
<h3>To run it again</h3>
<pre>${replay}</pre>
<p class="soft">log <code>${hash}</code>; liveness ${outcome.liveness}</p>
</section>`;
}

function wordOfExpectation(held: boolean, isSometimes: boolean): Markup {
  if (held) return markup`<span class="held">held</span>`;
  if (isSometimes) return markup`<span class="soft">not in this run</span>`;
  return markup`<span class="missed">not held</span>`;
}

function happenedSection(span: Timespan): Markup | undefined {
  const drawn = lanes(span);
  if (drawn === undefined) return undefined;
  return markup`<section><h2>What happened</h2>
<ul class="legend"><li><span class="key s1"></span>people</li><li><span class="key band"></span>faults, shaded in all pictures below</li></ul>${drawn}</section>`;
}

function boardsSection({ energyJ, wear }: Outcome): Markup {
  const rows = Object.entries(energyJ).map(([board, joules]) => [
    board,
    joules.toPrecision(4),
    wear[board] ?? 0,
  ]);
  return markup`<section><h2>Energy and wear</h2>
<p class="soft">Of the devices of each board the most that one has taken, and the most writes of one block of its flash.</p>
${table(['board', 'joules', 'writes of a block'], rows, [1, 2])}</section>`;
}

function codesSection({ events }: Outcome): Markup | undefined {
  const rows = Object.entries(events).sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  if (rows.length === 0) return undefined;
  return markup`<section><h2>What devices told</h2>${table(['code', 'times'], rows, [1])}</section>`;
}

function violationsSection({ violations }: Outcome, { tales }: RunRecord): Markup {
  if (violations.length === 0)
    return markup`<section><h2>Violations</h2><p class="held">None.</p></section>`;
  const rows = violations.map(({ checker, device, atMs, text }) => [
    checker,
    device,
    durationText(atMs),
    text,
  ]);
  return markup`<section><h2>Violations</h2>
${table(['checker', 'device', 'at', 'what'], rows)}
${tales.map(
  ({ device, atMs, lines }) =>
    markup`<details open><summary>The last ${lines.length} events of ${device} until ${durationText(atMs)}</summary><pre>${lines.join('\n')}</pre></details>`,
)}</section>`;
}
