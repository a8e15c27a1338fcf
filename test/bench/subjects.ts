import { existsSync } from 'node:fs';
import path from 'node:path';
import { sharedFolder } from '../helpers/requires.js';

const models = path.join(sharedFolder, 'data', 'models');
const found = path.join(sharedFolder, 'data', 'found');

/** A model that is measured, and where it lies. */
export type Subject = readonly [subject: string, file: string];

/** The same four of MLPerf Tiny as floats. */
export const floatSubjects: readonly Subject[] = [
  ['kws-float', path.join(models, 'mlperf_kws_float.tflite')],
  ['vww-float', path.join(models, 'mlperf_vww_float.tflite')],
  ['ic-float', path.join(models, 'mlperf_resnet_float.tflite')],
  ['ad-float', path.join(models, 'mlperf_ad_float.tflite')],
];

/** Float models that registry packages ship: MediaPipe's, and derived ones. */
export const foundSubjects: readonly Subject[] = [
  ['palm-detection', path.join(found, 'mp_palm_detection_lite.tflite')],
  ['hand-landmark', path.join(found, 'mp_hand_landmark_lite.tflite')],
  ['hand-recrop', path.join(found, 'mp_hand_recrop.tflite')],
  ['face-detection-sparse', path.join(found, 'mp_face_detection_full_range_sparse.tflite')],
  ['face-detection-back', path.join(found, 'fd_face_detection_back.tflite')],
  ['face-landmark', path.join(found, 'mp_face_landmark_f16.tflite')],
  ['selfie-segmentation', path.join(found, 'mp_selfie_segmentation.tflite')],
];

/** The demo's model, and MLPerf Tiny's four where the reference data is. */
export const usualSubjects: readonly Subject[] = [
  ['vibration', 'simulator/demo/models/vibration-v1.tflite'],
  ['kws', path.join(models, 'mlperf_kws_int8.tflite')],
  ['vww', path.join(models, 'mlperf_vww_int8.tflite')],
  ['ic', path.join(models, 'mlperf_resnet_int8.tflite')],
  ['ad', path.join(models, 'mlperf_ad_int8.tflite')],
];

/** The usual ones and these, as far as their files are there; says which are not. */
export function presentSubjects(bench: string, also: readonly Subject[] = []): readonly Subject[] {
  return keepPresent(bench, [...usualSubjects, ...also]);
}

/** Those whose files are there; says which are not. */
export function keepPresent(bench: string, subjects: readonly Subject[]): readonly Subject[] {
  return subjects.filter(([subject, file]) => {
    if (existsSync(file)) return true;
    process.stderr.write(`${bench}: ${subject} is left out: there is no ${file}\n`);
    return false;
  });
}
