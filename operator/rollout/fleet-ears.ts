import { CodedError } from '../../protocol/coded-error.js';
import type { Rejection } from '../../protocol/result.js';
import type { Topics } from '../../protocol/topics.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';
import type { Transport } from '../../agent/ports/transport.js';
import { ReportDifferences } from './report-differences.js';
import { parseEvent, parseReport, parseState } from '../fleet/device-messages.js';
import { subscribeFleet } from '../fleet/subscribe-fleet.js';
import type { DeviceMessage } from './controller.js';

/** Called with a validated message of an enrolled device. */
export type DeviceListener = (deviceId: string, heard: DeviceMessage) => void;

/** Hears what enrolled devices say, from before anybody asks for it. */
export interface FleetEars {
  /** Hands over what was heard so far and what comes, until the returned function is called. */
  listen(listener: DeviceListener): () => void;
}

/**
 * Opens the transport and waits for all subscriptions. Throws why there is no session, or
 * `broker-unreachable` where the broker does not answer; later on, the transport tries again by itself.
 * Closing it is the caller's.
 *
 * @param problem called with what keeps it from hearing
 */
export async function openFleetEars(
  transport: Transport,
  topics: Topics,
  deviceIds: readonly string[],
  scheduler: Scheduler,
  problem: (rejection: Rejection) => void,
): Promise<FleetEars> {
  let waiting: (readonly [deviceId: string, heard: DeviceMessage])[] = [];
  let present: DeviceListener | undefined;
  const reader = new DeviceReader();
  await new Promise<void>((resolve, reject) => {
    subscribeFleet(transport, topics, deviceIds, scheduler, {
      message: (deviceId, channel, { payload }) => {
        const heard = reader.read(deviceId, channel, payload);
        if (heard === undefined) return;
        if (present === undefined) waiting.push([deviceId, heard]);
        else present(deviceId, heard);
      },
      subscribed: resolve,
      refused: (_, rejection) => {
        problem(rejection);
      },
      disconnected: (rejection) => {
        problem(rejection);
        reject(new CodedError(rejection.code, rejection.detail));
      },
    });
  });
  return {
    listen(listener) {
      present = listener;
      for (const [deviceId, heard] of waiting) listener(deviceId, heard);
      waiting = [];
      return () => {
        if (present === listener) present = undefined;
      };
    },
  };
}

/** Reads what a rollout listens to. Reports carry totals, and the rollout adds up: it is told the differences. */
export class DeviceReader {
  readonly #differences = new ReportDifferences();

  /** Undefined for other channels, for what no device says, and for a report that comes again or late. */
  read(deviceId: string, channel: string, payload: Uint8Array): DeviceMessage | undefined {
    switch (channel) {
      case 'state': {
        const message = parseState(payload);
        return message && { channel, message };
      }
      case 'report': {
        const report = parseReport(payload);
        const difference = report && this.#differences.take(deviceId, report);
        return difference && { channel, ...difference };
      }
      case 'events': {
        const message = parseEvent(payload);
        return message && { channel, message };
      }
      default:
        return undefined;
    }
  }
}
