import type { AgentSettings } from '../agent/core/settings.js';
import type { Schedule } from '../agent/ports/scheduler.js';
import { Agent } from '../agent/core/agent.js';
import { Runtime, type Ports } from '../agent/runtime.js';

/** A device of a fleet: the real core and the real runtime, on the ports that it is given. */
export interface SimulatedDevice {
  readonly deviceId: string;
  start(): void;
  /** Ends in order, as a device does that is switched off properly. */
  stop(timeoutMs: number): Promise<void>;
}

/** `failed` is called where an invariant is broken: the simulation is over then. */
export function createSimulatedDevice(
  settings: AgentSettings,
  ports: Ports,
  telemetrySchedule: Schedule,
  failed: (error: unknown) => void,
): SimulatedDevice {
  const runtime = new Runtime(new Agent(settings), ports, {
    telemetrySchedule,
    failed,
  });
  return {
    deviceId: settings.deviceId,
    start: () => {
      runtime.start();
    },
    stop: (timeoutMs) => runtime.stop(timeoutMs),
  };
}
