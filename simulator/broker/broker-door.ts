import type { Lane } from '../time/lane.js';
import type { BrokerConnection, SimulatedBroker } from './broker.js';
import type { Downward, Upward } from './network.js';

/** One connection of one client. */
interface Visit {
  readonly number: number;
  readonly atBroker: BrokerConnection;
}

/** Where clients come in to a broker: their packets at the instants at which they arrive, and its own on their way out. */
export class BrokerDoor {
  readonly #broker: SimulatedBroker;
  readonly #lane: Lane;
  readonly #nowMs: () => number;
  readonly #send: (message: Downward) => void;
  /** By the index of the client: of an earlier connection it may still come that it is lost. */
  readonly #visits = new Map<number, Visit[]>();
  readonly #counts = new Map<number, number>();

  /** @param send told what the broker has sent to a client, at once */
  constructor(
    broker: SimulatedBroker,
    lane: Lane,
    nowMs: () => number,
    send: (message: Downward) => void,
  ) {
    this.#broker = broker;
    this.#lane = lane;
    this.#nowMs = nowMs;
    this.#send = send;
  }

  /** Something comes from a client, at its instant. */
  take(message: Upward): void {
    const { atMs, from, count } = message;
    this.#lane.arrive(atMs, from, count, () => {
      this.#enter(message);
    });
  }

  #enter({ from, connection, packet }: Upward): void {
    const visits = this.#visits.get(from) ?? [];
    let visit = visits.find(({ number }) => number === connection);
    if (packet === undefined) {
      visit?.atBroker.lost();
      this.#visits.set(
        from,
        visits.filter((each) => each !== visit),
      );
      return;
    }
    if (visit === undefined) {
      // What comes behind the end of a connection is nobody's.
      if (packet.kind !== 'connect') return;
      visit = { number: connection, atBroker: this.#open(from, connection) };
      this.#visits.set(from, [...visits, visit]);
    }
    visit.atBroker.take(packet);
  }

  #open(to: number, connection: number): BrokerConnection {
    return this.#broker.connection((packet) => {
      const count = this.#counts.get(to) ?? 0;
      this.#counts.set(to, count + 1);
      this.#send({ sentMs: this.#nowMs(), to, count, connection, packet });
    });
  }
}
