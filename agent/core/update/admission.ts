import type { AgentSettings, SlotLimits } from '../settings.js';
import type { Manifest } from '../../../protocol/documents/manifest.js';
import { isoTime } from '../../../protocol/iso-time.js';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import type { SlotRecord, StoredRelease } from '../state/record.js';

/** What admission compares a manifest with. */
export interface AdmissionFacts {
  readonly settings: AgentSettings;
  readonly limits: SlotLimits;
  readonly record: SlotRecord;
  readonly wallMs: number;
  /** Bytes of artifacts that are not on disk yet. */
  readonly missingBytes: number;
  readonly freeBytes: number;
}

/**
 * Whether a release may be offered to a slot at all, by its sequence number alone. Below the current one
 * only `previous` is allowed, and only because a signed policy names it.
 */
export function checkOffer(record: SlotRecord, release: StoredRelease): Result<void> {
  const { current, previous, sequenceFloor, rejected } = record;
  const { sequence, manifest } = release;
  if (rejected.includes(manifest)) {
    return refuse(
      'release-rejected-before',
      `release ${sequence} was refused by this device before`,
    );
  }
  if (sequence < sequenceFloor) {
    return refuse(
      'sequence-below-floor',
      `release ${sequence} is below the promoted ${sequenceFloor}`,
    );
  }
  if (current === undefined || previous?.manifest === manifest) return accept(undefined);
  if (sequence < current.sequence) {
    return refuse(
      'sequence-below-current',
      `release ${sequence} is older than the current ${current.sequence}`,
    );
  }
  if (sequence === current.sequence) {
    return refuse(
      'sequence-reused',
      `release ${sequence} has another manifest than the current one`,
    );
  }
  return accept(undefined);
}

/** Whether this device can and may run a release: everything that is known before its first byte. */
export function checkAdmission(manifest: Manifest, facts: AdmissionFacts): Result<void> {
  for (const check of [checkTarget, checkTime, checkBudget, checkRoom]) {
    const checked = check(manifest, facts);
    if (!checked.ok) return checked;
  }
  return accept(undefined);
}

type Check = (manifest: Manifest, facts: AdmissionFacts) => Result<void>;

const checkTarget: Check = ({ target, minimumAgent }, { settings }) => {
  const { deviceId, labels, agentVersion } = settings;
  if (target.devices !== undefined && !target.devices.includes(deviceId)) {
    return refuse('target-mismatch', `the release is not for device ${deviceId}`);
  }
  const deviceClass = labels['class'];
  if (target.classes !== undefined) {
    if (deviceClass === undefined || !target.classes.includes(deviceClass)) {
      return refuse(
        'target-mismatch',
        `the release is for class ${target.classes.join(', ')}, this device is ${deviceClass ?? 'of none'}`,
      );
    }
  }
  if (minimumAgent !== undefined && compareVersions(agentVersion, minimumAgent) < 0) {
    return refuse(
      'agent-too-old',
      `the release wants agent ${minimumAgent.join('.')}, this is ${agentVersion.join('.')}`,
    );
  }
  return accept(undefined);
};

const checkTime: Check = ({ notBefore, notAfter }, { wallMs }) => {
  const nowSeconds = wallMs / 1000;
  if (notBefore !== undefined && nowSeconds < notBefore) {
    return refuse('release-not-yet-valid', `valid from ${isoTime(notBefore * 1000)}`);
  }
  if (notAfter !== undefined && nowSeconds > notAfter) {
    return refuse('release-expired', `valid until ${isoTime(notAfter * 1000)}`);
  }
  return accept(undefined);
};

const checkBudget: Check = ({ budget, artifacts, epoch }, { limits, record }) => {
  if (epoch < record.epochFloor) {
    return refuse('epoch-below-floor', `security epoch ${epoch} is below ${record.epochFloor}`);
  }
  if (budget.arenaBytes > limits.arenaBytes) {
    return refuse(
      'budget-exceeded',
      `the release needs an arena of ${budget.arenaBytes} bytes, the slot allows ${limits.arenaBytes}`,
    );
  }
  const imageBytes = artifacts.reduce((sum, { size }) => sum + size, 0);
  if (imageBytes > limits.imageBytes) {
    return refuse(
      'budget-exceeded',
      `the release has ${imageBytes} bytes, the slot allows ${limits.imageBytes}`,
    );
  }
  const expectedMs = (budget.expectedUs ?? 0) / 1000;
  if (expectedMs > limits.periodMs) {
    return refuse(
      'budget-exceeded',
      `an inference is expected to take ${expectedMs} ms, the slot has a period of ${limits.periodMs} ms`,
    );
  }
  return accept(undefined);
};

const checkRoom: Check = (_, { missingBytes, freeBytes }) => {
  // A partial file becomes the image by renaming, so it is counted once.
  if (missingBytes > freeBytes) {
    return refuse('storage-full', `${missingBytes} bytes are missing, ${freeBytes} are free`);
  }
  return accept(undefined);
};

function compareVersions(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < 3; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
