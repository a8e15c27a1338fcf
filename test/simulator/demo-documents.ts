import { readFileSync } from 'node:fs';
import type { Condition } from '../../simulator/signals/condition.js';
import type { EnvironmentName } from '../../simulator/signals/environment.js';

/** The folder of the models, their labels, pipeline, reports and references. */
export const demoModels = 'simulator/demo/models';

/** The versions of `vibration` that come with the demo. */
export const demoVersions = ['v1', 'v2', 'v3'] as const;

/** A version of `vibration`. */
export type DemoVersion = (typeof demoVersions)[number];

/** How often a model is right on a test set; accuracies are shares of windows. */
export interface Score {
  readonly windows: number;
  readonly int8_accuracy: number;
  /** Rows are the truth, columns the answer. */
  readonly confusion: readonly (readonly number[])[];
}

/** A training report: simulator/demo/training/report.py. */
export interface Report {
  readonly name: string;
  readonly recipe: {
    readonly laboratory_machines: number;
    readonly field_machines: number;
  };
  readonly training_windows: number;
  readonly macs: number;
  readonly model_bytes: number;
  readonly model_sha256: string;
  readonly scores: Readonly<Record<EnvironmentName, Score>>;
}

/** Moments of all raw samples of one channel, in g. */
export interface Moments {
  readonly n: number;
  readonly mean: number;
  readonly variance: number;
  readonly min: number;
  readonly max: number;
}

/** What a model is like in the laboratory: simulator/demo/training/README.md has the fields. */
export interface Reference {
  readonly name: string;
  readonly model_sha256: string;
  readonly environment: EnvironmentName;
  readonly windows: number;
  readonly answers: Readonly<Record<Condition, number>>;
  readonly confidence_histogram: readonly number[];
  readonly mean_confidence: number;
  readonly channels: readonly Moments[];
}

/** The report of a version. */
export function readReport(version: DemoVersion): Report {
  return JSON.parse(readFileSync(`${demoModels}/report-${version}.json`, 'utf8')) as Report;
}

/** The reference of a version. */
export function readReference(version: DemoVersion): Reference {
  return JSON.parse(readFileSync(`${demoModels}/reference-${version}.json`, 'utf8')) as Reference;
}
