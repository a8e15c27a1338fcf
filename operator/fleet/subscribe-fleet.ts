import type { Rejection } from '../../agent/core/result.js';
import type { Topics } from '../../agent/core/topics.js';
import type { Message, Transport } from '../../agent/ports/transport.js';
import type { FleetChannel } from './fleet-view.js';

/** Whom a fleet's messages go to. */
export interface FleetListener {
  /** A device has said something, or the broker had kept it. */
  message(deviceId: string, channel: FleetChannel, message: Message): void;
  /** All topics are subscribed in this session; what is retained arrives now. */
  subscribed(): void;
  /** The broker does not let the operator read a topic. */
  refused(topic: string, rejection: Rejection): void;
  /** There is no session; the transport tries again by itself. */
  disconnected(rejection: Rejection): void;
}

const channels: readonly FleetChannel[] = ['presence', 'state', 'report', 'events'];

/** Subscriptions under way at a time: packet identifiers are 16 bits, and brokers have queues. */
const mostUnderWay = 64;

/**
 * Opens the transport and subscribes to what each device says, anew with each session. Exact topics where
 * the devices are known: RabbitMQ gives wildcards no retained message. For `all` there is one wildcard.
 */
export function subscribeFleet(
  transport: Transport,
  topics: Topics,
  deviceIds: readonly string[] | 'all',
  listener: FleetListener,
): void {
  const wanted = subscriptionsOf(topics, deviceIds);
  transport.open({
    connected: () => {
      const queue = [...wanted];
      let open = wanted.length;
      const next = (): void => {
        const topic = queue.shift();
        if (topic === undefined) return;
        transport.subscribe(
          topic,
          (message) => {
            const { deviceId, channel } = topics.parseDevice(message.topic) ?? {};
            if (deviceId === undefined || !isFleetChannel(channel)) return;
            listener.message(deviceId, channel, message);
          },
          (result) => {
            // What the end of a session took with it is subscribed in the next one.
            if (!result.ok && result.rejection.code === 'session-ended') return;
            if (!result.ok) listener.refused(topic, result.rejection);
            open--;
            if (open === 0) listener.subscribed();
            else next();
          },
        );
      };
      for (let i = 0; i < mostUnderWay; i++) next();
      if (wanted.length === 0) listener.subscribed();
    },
    disconnected: (rejection) => {
      listener.disconnected(rejection);
    },
  });
}

function subscriptionsOf(topics: Topics, deviceIds: readonly string[] | 'all'): readonly string[] {
  if (deviceIds === 'all') return [topics.allDevices()];
  return deviceIds.flatMap((deviceId) => channels.map((channel) => topics[channel](deviceId)));
}

function isFleetChannel(channel: string | undefined): channel is FleetChannel {
  return channels.some((each) => each === channel);
}
