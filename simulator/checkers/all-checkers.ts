import type { Checker } from './checker.js';
import { createControllerChecker } from './controller.js';
import { createConvergenceChecker } from './convergence.js';
import { createPresenceChecker } from './presence.js';
import { createQuietChecker } from './quiet.js';
import { createRecordChecker } from './record.js';
import { createReportsChecker } from './reports.js';
import { createResourcesChecker } from './resources.js';
import { createServedChecker } from './served.js';
import { createWindowsChecker } from './windows.js';

/** All checkers, for one run with this slot. */
export function createCheckers(slot: string): readonly Checker[] {
  return [
    createWindowsChecker(),
    createServedChecker(slot),
    createRecordChecker(slot),
    createReportsChecker(),
    createPresenceChecker(),
    createConvergenceChecker(),
    createControllerChecker(),
    createResourcesChecker(),
    createQuietChecker(),
  ];
}
