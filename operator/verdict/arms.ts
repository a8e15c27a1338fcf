import type { Look, Member } from './look.js';

/** What became of the devices of one arm. */
export interface ArmOutcome {
  readonly devices: number;
  readonly failed: number;
  readonly silent: number;
}

/** Those that a step serves, and those that it does not; undefined in the shadow. Each present device is in one. */
export function armsOf({
  step,
  fleet,
}: Look): { exposed: ArmOutcome; control: ArmOutcome } | undefined {
  if (step === undefined) return undefined;
  const served = new Set(step.context.served);
  const control = fleet.filter(({ device }) => !served.has(device.id));
  return { exposed: outcomeOf(step.served), control: outcomeOf(control) };
}

/** A device that failed and is silent too counts as failed. */
export function outcomeOf(members: readonly Member[]): ArmOutcome {
  const failed = members.filter(({ device }) => device.failed === true).length;
  const silent = members.filter(
    ({ device }) => device.silent === true && device.failed !== true,
  ).length;
  return { devices: members.length, failed, silent };
}
