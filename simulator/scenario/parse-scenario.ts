import { readYamlTexts, type YamlTexts } from '../../agent/adapters/yaml.js';
import { v } from '../../agent/adapters/schema-library.js';
import { CodedError } from '../../protocol/coded-error.js';
import { checkReferences, type PlacedSelector } from './resolve/references.js';
import { describeProblems, type Path, type Problem, type Report } from './problems.js';
import { resolveFleet, scaleCounts } from './resolve/fleet.js';
import { resolveReleases } from './resolve/releases.js';
import { resolveTimeline } from './resolve/timeline.js';
import type { Scenario } from './scenario.js';
import { mostDevices } from './schema/fleet.js';
import { scenarioFile, type ScenarioFile } from './schema/scenario-file.js';
import type { Overrides, Surroundings } from './surroundings.js';

/**
 * Reads the text of a scenario file. Throws `scenario-invalid` with a line for each mistake, which names line, key and what
 * is allowed.
 */
export function parseScenario(
  text: string,
  around: Surroundings,
  overrides: Overrides = {},
): Scenario {
  const yaml = readYaml(text);
  const parsed = v.safeParse(scenarioFile, yaml.value, { abortPipeEarly: true });
  if (!parsed.success) throw invalid(parsed.issues.map(problemOf), yaml);
  const problems: Problem[] = [];
  const scenario = resolve(parsed.output, around, overrides, (path, message) => {
    problems.push({ path, message });
  });
  if (problems.length > 0) throw invalid(problems, yaml);
  return scenario;
}

function resolve(
  file: ScenarioFile,
  around: Surroundings,
  { seed, devices }: Overrides,
  report: Report,
): Scenario {
  const given = file.fleet.map(({ count }) => count);
  const all = given.reduce((sum, count) => sum + count, 0);
  if (seed !== undefined && !(Number.isSafeInteger(seed) && seed >= 0)) {
    report(['seed'], `must be a whole number, 0 to ${Number.MAX_SAFE_INTEGER}`);
  }
  const canHave = (number: number): boolean =>
    Number.isSafeInteger(number) && number >= given.length && number <= mostDevices;
  if (devices !== undefined && !canHave(devices)) {
    report(['fleet'], `must be scaled to ${given.length} to ${mostDevices} devices`);
  }
  const groups = resolveFleet(file.fleet, scaleCounts(given, devices), around, report);
  const releases = resolveReleases(file.releases, around, report);
  const { duration: durationMs } = file;
  const quietMs = durationMs * 0.75;
  const timeline = resolveTimeline(
    file.timeline,
    {
      durationMs,
      quietMs,
      groups,
      releases: releases.map(({ name }) => name),
      scale: (count) =>
        devices === undefined ? count : Math.max(1, Math.round((count * devices) / all)),
    },
    report,
  );
  const { labels, broker } = file;
  const scenario: Scenario = {
    name: file.name,
    seed: seed ?? file.seed,
    durationMs,
    quietMs,
    slot: file.slot,
    startMs: file.start,
    periodMs: file.period,
    reportMs: file.report,
    telemetryMs: file.telemetry,
    groups,
    only: file.only && new Set(file.only),
    labels: labels && {
      share: labels.share,
      of: labels.of,
      delayMs: labels.delay,
      wrong: labels.wrong,
    },
    broker: {
      kind: broker.kind,
      queued: broker.queued,
      inflight: broker.inflight,
      packetBytes: broker.packet,
      mqtt: broker.mqtt,
    },
    releases,
    timeline,
    swarm: file.swarm,
    expectations: file.expect,
  };
  checkReferences(scenario, selectorsOf(file), report);
  return scenario;
}

/** Selectors with their places; those of expectations have none of their own. */
function selectorsOf({ releases, timeline }: ScenarioFile): readonly PlacedSelector[] {
  return [
    ...Object.entries(releases).flatMap(([name, { behaves }]) =>
      behaves === undefined
        ? []
        : [{ path: ['releases', name, 'behaves', 'where'], selector: behaves.where }],
    ),
    ...timeline.flatMap((entry, i) => {
      if (!('where' in entry)) return [];
      const within = entry.action === 'fault' ? ['fault', 'where'] : ['where'];
      return [{ path: ['timeline', i, ...within], selector: entry.where }];
    }),
  ];
}

function readYaml(text: string): YamlTexts {
  try {
    return readYamlTexts(text);
  } catch (error) {
    throw new CodedError(
      'scenario-invalid',
      error instanceof Error ? error.message : String(error),
    );
  }
}

function problemOf(issue: v.BaseIssue<unknown>): Problem {
  const path: Path = (issue.path ?? []).map(({ key }) =>
    typeof key === 'number' ? key : String(key),
  );
  // What was given does not help where the key itself is the problem.
  const isOfKey = issue.path?.at(-1)?.origin === 'key';
  return { path, message: issue.message, ...(!isOfKey && { given: issue.input }) };
}

function invalid(problems: readonly Problem[], yaml: YamlTexts): CodedError {
  return new CodedError('scenario-invalid', describeProblems(problems, yaml.lineOf));
}
