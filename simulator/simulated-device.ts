import type { AgentSettings } from '../agent/core/settings.js';
import type { Schedule } from '../agent/ports/scheduler.js';
import { Agent } from '../agent/core/agent.js';
import { Runtime, type Ports } from '../agent/runtime.js';

/** A device of a fleet: the real core and the real runtime, on the ports that it is given. */
export interface SimulatedDevice {
  readonly deviceId: string;
  /** Windows of a slot that were complete, since its start. */
  completedWindows(slot: string): number;
  /** Windows of a slot that have no answer because a model waited for more of them, since its start. */
  waitedWindows(slot: string): number;
  /** Windows of a slot that it counts as dropped, since its start. */
  droppedWindows(slot: string): number;
  start(): void;
  /** Ends in order, as a device does that is switched off properly. */
  stop(timeoutMs: number): Promise<void>;
}

/**
 * `failed` is called where an invariant is broken: the simulation is over then.
 *
 * @param telemetrySchedule undefined: it sends none
 * @param reportSchedule with the telemetry where it is left out
 */
export function createSimulatedDevice(
  settings: AgentSettings,
  ports: Ports,
  telemetrySchedule: Schedule | undefined,
  failed: (error: unknown) => void,
  reportSchedule?: Schedule,
): SimulatedDevice {
  const agent = new Agent(settings);
  const runtime = new Runtime(agent, ports, {
    telemetrySchedule,
    reportSchedule,
    failed,
  });
  return {
    deviceId: settings.deviceId,
    completedWindows: (slot) => agent.completedWindows(slot),
    waitedWindows: (slot) => agent.waitedWindows(slot),
    droppedWindows: (slot) => agent.droppedWindows(slot),
    start: () => {
      runtime.start();
    },
    stop: (timeoutMs) => runtime.stop(timeoutMs),
  };
}
