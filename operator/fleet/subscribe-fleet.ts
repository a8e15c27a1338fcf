import { refuse, type Rejection } from '../../protocol/result.js';
import type { DeviceTopic, Topics } from '../../protocol/topics.js';
import type { Scheduler } from '../../agent/ports/scheduler.js';
import type { Message, Transport } from '../../agent/ports/transport.js';
import { fleetChannels } from './fleet-view.js';

/** Whom a fleet's messages go to. */
export interface FleetListener {
  /** A device has said something, or the broker had kept it. */
  message(about: DeviceTopic, message: Message): void;
  /** All topics are subscribed in this session; what is retained arrives now. */
  subscribed(): void;
  /** The broker does not let the operator read a topic. */
  refused(topic: string, rejection: Rejection): void;
  /** There is no session, or none that answers; the transport tries again by itself. */
  disconnected(rejection: Rejection): void;
}

/** Subscriptions under way at a time: packet identifiers are 16 bits, and brokers have queues. */
const mostUnderWay = 64;

/** How long a broker may leave everything unanswered that it was asked. */
const patienceMs = 10_000;

/**
 * Opens the transport and subscribes to what each device says, anew with each session. Exact topics where
 * the devices are known: RabbitMQ gives wildcards no retained message. For `all` there is one wildcard.
 *
 * @param slot whose evidence is wanted too, if any is
 * @returns subscribes to what further devices say, in this session and all later ones
 */
export function subscribeFleet(
  transport: Transport,
  topics: Topics,
  deviceIds: readonly string[] | 'all',
  scheduler: Scheduler,
  listener: FleetListener,
  slot?: string,
): (deviceIds: readonly string[]) => void {
  const wanted = [...subscriptionsOf(topics, deviceIds, slot)];
  let session: ((topics: readonly string[]) => void) | undefined;
  const patience = new Patience(scheduler, (waitsFor) => {
    listener.disconnected(refuse('broker-unreachable', `no answer to ${waitsFor}`).rejection);
  });
  patience.begin('the connection');
  const hear = (message: Message): void => {
    const about = topics.parseDevice(message.topic);
    // A filter for all devices brings more than was asked for.
    if (about !== undefined && isWanted(about)) listener.message(about, message);
  };
  transport.open({
    connected: () => {
      const queue: string[] = [];
      let [open, underWay] = [0, 0];
      const next = (): void => {
        const topic = underWay < mostUnderWay ? queue.shift() : undefined;
        if (topic === undefined) return;
        underWay++;
        transport.subscribe(topic, hear, (result) => {
          // What the end of a session took with it is subscribed in the next one.
          if (!result.ok && result.rejection.code === 'session-ended') return;
          if (!result.ok) listener.refused(topic, result.rejection);
          open--;
          underWay--;
          if (open === 0) {
            patience.end();
            listener.subscribed();
          } else {
            patience.begin(`${open} of ${wanted.length} subscriptions`);
            next();
          }
        });
      };
      session = (topics) => {
        queue.push(...topics);
        open += topics.length;
        if (open > 0) patience.begin(`${open} subscriptions`);
        topics.forEach(next);
      };
      session(wanted);
      if (wanted.length === 0) {
        patience.end();
        listener.subscribed();
      }
    },
    disconnected: (rejection) => {
      session = undefined;
      patience.end();
      listener.disconnected(rejection);
    },
  });
  return (more) => {
    const added = subscriptionsOf(topics, more, slot);
    wanted.push(...added);
    session?.(added);
  };
}

/** Waits for one answer at a time, and not for ever. */
class Patience {
  readonly #scheduler: Scheduler;
  readonly #lost: (waitsFor: string) => void;
  #cancel = (): void => undefined;

  constructor(scheduler: Scheduler, lost: (waitsFor: string) => void) {
    this.#scheduler = scheduler;
    this.#lost = lost;
  }

  begin(waitsFor: string): void {
    this.#cancel();
    this.#cancel = this.#scheduler.after(patienceMs, () => {
      this.#lost(waitsFor);
    });
  }

  end(): void {
    this.#cancel();
  }
}

function subscriptionsOf(
  topics: Topics,
  deviceIds: readonly string[] | 'all',
  slot: string | undefined,
): readonly string[] {
  if (deviceIds === 'all') {
    return [topics.allDevices(), ...(slot === undefined ? [] : [topics.allEvidence()])];
  }
  return deviceIds.flatMap((deviceId) => [
    ...fleetChannels.map((channel) => topics[channel](deviceId)),
    ...(slot === undefined ? [] : [topics.evidence(deviceId, slot)]),
  ]);
}

function isWanted({ channel }: DeviceTopic): boolean {
  return channel === 'evidence' || fleetChannels.some((each) => each === channel);
}
