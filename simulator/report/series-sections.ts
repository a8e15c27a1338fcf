import { phases } from '../../protocol/messages/event.js';
import { markup, type Markup } from './markup.js';
import type { Timespan } from './plot.js';
import type { RunRecord, RunSample } from './run-record.js';
import { bytesText, numberText } from './scale.js';
import { layersOf, legend, stackedAreas, type Layer } from './stacked-areas.js';

/** The fleet over time: by what answers, and by the phase of updates. */
export function fleetSection(span: Timespan, { samples }: RunRecord): Markup {
  const timesMs = samples.map(({ atMs }) => atMs);
  const byRelease = layersOf(samples.map(({ releases }) => releases));
  const byPhase = layersOf(
    samples.map((sample) => sample.phases),
    ['starting', ...phases],
  );
  const atEnd = ({ values }: Layer): string => numberText(values.at(-1) ?? 0);
  return markup`<section><h2>The fleet by release</h2>
${legend(byRelease, atEnd)}
${stackedAreas(span, { title: 'Devices by the release that answers', height: 220, format: numberText }, timesMs, byRelease, false)}
<h2>The fleet by phase</h2>
${legend(byPhase, atEnd)}
${stackedAreas(span, { title: 'Devices by phase', height: 220, format: numberText }, timesMs, byPhase, false)}
<p class="soft">Numbers are those at the end. Devices that are off are left out.</p></section>`;
}

/** What became of windows, between one look and the next. */
export function windowsSection(span: Timespan, { samples }: RunRecord): Markup {
  const { timesMs, rates } = perMinute(samples, ({ windows }) => {
    const { answered, late, dropped, cut, lost } = windows;
    return { 'in time': answered - late, late, dropped, cut, lost };
  });
  const styles = { 'in time': 's1', late: 's5', dropped: 's2', cut: 's4', lost: 'wrong' };
  const layers = Object.entries(styles).map(([name, style]): Layer => ({
    name,
    style,
    values: rates.map((row) => row[name] ?? 0),
  }));
  const last = samples.at(-1)?.windows;
  const counts: Readonly<Record<string, number>> = {
    ...last,
    'in time': (last?.answered ?? 0) - (last?.late ?? 0),
  };
  return markup`<section><h2>Windows a minute</h2>
${legend(layers, ({ name }) => numberText(counts[name] ?? 0))}
${stackedAreas(span, { title: 'What became of windows, a minute', height: 220, format: numberText }, timesMs, layers, true)}
<p class="soft">${last?.completed ?? 0} windows; of those that were answered ${last?.wrong ?? 0} wrong.</p></section>`;
}

/** What the broker has taken, between one look and the next. */
export function bytesSection(span: Timespan, { samples }: RunRecord): Markup {
  const { timesMs, rates } = perMinute(samples, ({ bytes }) => bytes);
  const layers = layersOf(rates);
  const sums = samples.at(-1)?.bytes ?? {};
  const all = Object.values(sums).reduce((sum, each) => sum + each, 0);
  const shown = new Set(layers.map(({ name }) => name));
  const rest = Object.entries(sums).reduce(
    (sum, [name, bytes]) => sum + (shown.has(name) ? 0 : bytes),
    0,
  );
  return markup`<section><h2>Bytes a minute, by kind</h2>
${legend(layers, ({ name }) => bytesText(sums[name] ?? rest))}
${stackedAreas(span, { title: 'Bytes that the broker has taken, a minute', height: 220, format: bytesText }, timesMs, layers, true)}
<p class="soft">${bytesText(all)} altogether: topics and payloads that the broker took.</p></section>`;
}

const minuteMs = 60_000;

/** How fast counts grow between two samples. The first instant has the rate of the second. */
function perMinute(
  samples: readonly RunSample[],
  countsOf: (sample: RunSample) => Readonly<Record<string, number>>,
): { readonly timesMs: readonly number[]; readonly rates: readonly Record<string, number>[] } {
  const rates = samples.slice(1).map((sample, i) => {
    const before = samples[i];
    const minutes = (sample.atMs - (before?.atMs ?? 0)) / minuteMs;
    const counts = before === undefined ? {} : countsOf(before);
    return Object.fromEntries(
      Object.entries(countsOf(sample)).map(([name, count]) => {
        // What counted as lost may turn out to be answered.
        return [name, Math.max(0, count - (counts[name] ?? 0)) / minutes];
      }),
    );
  });
  return { timesMs: samples.map(({ atMs }) => atMs), rates: [rates[0] ?? {}, ...rates] };
}
