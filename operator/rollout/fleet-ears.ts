import { CodedError } from '../../protocol/coded-error.js';
import type { Rejection } from '../../protocol/result.js';
import type { Topics } from '../../protocol/topics.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';
import type { Transport } from '../../agent/ports/transport.js';
import { subscribeFleet } from '../fleet/subscribe-fleet.js';
import { readDeviceMessage, type DeviceMessage } from '../fleet/device-message.js';

/**
 * Called with a message of an enrolled device.
 *
 * @param isLive whether it was sent just now, and not kept by the broker
 */
export type DeviceListener = (deviceId: string, heard: DeviceMessage, isLive: boolean) => void;

/** Hears what enrolled devices say, from before anybody asks for it. */
export interface FleetEars {
  /** Hands over what was heard so far and what comes, until the returned function is called. */
  listen(listener: DeviceListener): () => void;
  /** Hears further devices too, from now on. */
  add(deviceIds: readonly string[]): void;
}

/** Whom to listen to, and of which slot. */
export interface Listening {
  readonly deviceIds: readonly string[];
  readonly slot: string;
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
  { deviceIds, slot }: Listening,
  scheduler: Scheduler,
  problem: (rejection: Rejection) => void,
): Promise<FleetEars> {
  let waiting: Parameters<DeviceListener>[] = [];
  let present: DeviceListener | undefined;
  let add: FleetEars['add'] = () => undefined;
  await new Promise<void>((resolve, reject) => {
    const listener = {
      message: (
        about: Parameters<typeof readDeviceMessage>[0] & { readonly deviceId: string },
        { payload, retained }: { readonly payload: Uint8Array; readonly retained: boolean },
      ): void => {
        const heard = readDeviceMessage(about, payload);
        if (heard === undefined) return;
        if (present === undefined) waiting.push([about.deviceId, heard, !retained]);
        else present(about.deviceId, heard, !retained);
      },
      subscribed: resolve,
      refused: (_: string, rejection: Rejection): void => {
        problem(rejection);
      },
      disconnected: (rejection: Rejection): void => {
        problem(rejection);
        reject(new CodedError(rejection.code, rejection.detail));
      },
    };
    add = subscribeFleet(transport, topics, deviceIds, scheduler, listener, slot);
  });
  return {
    add,
    listen(listener) {
      present = listener;
      for (const heard of waiting) listener(...heard);
      waiting = [];
      return () => {
        if (present === listener) present = undefined;
      };
    },
  };
}
