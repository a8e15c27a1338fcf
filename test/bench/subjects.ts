import { existsSync } from 'node:fs';
import path from 'node:path';
import { sharedFolder } from '../helpers/requires.js';

const models = path.join(sharedFolder, 'data', 'models');

/** A model that is measured, and where it lies. */
export type Subject = readonly [subject: string, file: string];

/** The same four of MLPerf Tiny as floats. */
export const floatSubjects: readonly Subject[] = [
  ['kws-float', path.join(models, 'mlperf_kws_float.tflite')],
  ['vww-float', path.join(models, 'mlperf_vww_float.tflite')],
  ['ic-float', path.join(models, 'mlperf_resnet_float.tflite')],
  ['ad-float', path.join(models, 'mlperf_ad_float.tflite')],
];

/** The demo's model, and MLPerf Tiny's four where the reference data is. */
const subjects: readonly Subject[] = [
  ['vibration', 'simulator/demo/models/vibration-v1.tflite'],
  ['kws', path.join(models, 'mlperf_kws_int8.tflite')],
  ['vww', path.join(models, 'mlperf_vww_int8.tflite')],
  ['ic', path.join(models, 'mlperf_resnet_int8.tflite')],
  ['ad', path.join(models, 'mlperf_ad_int8.tflite')],
];

/** Those whose files are there; says which are not. */
export function presentSubjects(bench: string, also: readonly Subject[] = []): readonly Subject[] {
  return [...subjects, ...also].filter(([subject, file]) => {
    if (existsSync(file)) return true;
    process.stderr.write(`${bench}: ${subject} is left out: there is no ${file}\n`);
    return false;
  });
}
