import type { Lane } from '../time/lane.js';
import type { SimulatedBroker, BrokerConnection } from './broker.js';
import type { Fate, Way } from './link.js';
import { sizeOf, type BrokerPacket, type ClientPacket } from './packets.js';

/** A client's end of one connection. */
export interface ClientConnection {
  send(packet: ClientPacket): void;
  /** Closes the connection; the broker learns it where the link lets it. */
  close(): void;
}

/** Both ways between one client and its broker, for one connection after the other. */
export class Network {
  readonly #broker: SimulatedBroker;
  readonly #lane: Lane;
  readonly #up: Way;
  readonly #down: Way;
  #connection: LinkedConnection | undefined;

  constructor(broker: SimulatedBroker, lane: Lane, up: Way, down: Way) {
    this.#broker = broker;
    this.#lane = lane;
    this.#up = up;
    this.#down = down;
  }

  /** Opens a connection; what the broker sends on it is handed to `take`, with its bytes. */
  connect(take: (packet: BrokerPacket, bytes: number) => void): ClientConnection {
    this.#connection = new LinkedConnection(this.#broker, this.#up, this.#down, this.#lane, take);
    return this.#connection;
  }

  /** The client has lost its power: it says nothing more, and the broker finds out by itself. */
  sever(): void {
    this.#connection?.vanish();
    this.#connection = undefined;
  }

  /** Faults of the link have changed. */
  changed(): void {
    this.#connection?.watchCut();
  }
}

/** How long either side hears nothing before it gives up: one and a half times the keepalive of 30 s (MQTT 5, 3.1.2.10). */
const silenceMs = 45_000;

class LinkedConnection implements ClientConnection {
  readonly #broker: SimulatedBroker;
  readonly #up: Way;
  readonly #down: Way;
  readonly #lane: Lane;
  readonly #take: (packet: BrokerPacket, bytes: number) => void;
  readonly #atBroker: BrokerConnection;
  readonly #upwards: Sender<ClientPacket>;
  readonly #downwards: Sender<BrokerPacket>;
  #closedHere = false;
  #watched = false;

  constructor(
    broker: SimulatedBroker,
    up: Way,
    down: Way,
    lane: Lane,
    take: (packet: BrokerPacket, bytes: number) => void,
  ) {
    this.#broker = broker;
    this.#up = up;
    this.#down = down;
    this.#lane = lane;
    this.#take = take;
    const atBroker = broker.connection((packet) => {
      this.#sendDown(packet);
    });
    this.#atBroker = atBroker;
    this.#upwards = new Sender(up, lane, (packet, bytes) => {
      atBroker.take(packet, bytes);
    });
    this.#downwards = new Sender(down, broker.lane, (packet, bytes) => {
      if (!this.#closedHere) this.#take(packet, bytes);
    });
    this.watchCut();
  }

  send(packet: ClientPacket): void {
    if (this.#closedHere) return;
    const fate = this.#up.draw();
    if (fate === 'ends the session') {
      this.#break();
      return;
    }
    this.#upwards.send(packet, fate);
  }

  close(): void {
    if (this.#closedHere) return;
    this.#closedHere = true;
    if (this.#up.isCut || this.#down.isCut) this.vanish();
    else
      this.#up.send(0, () => {
        this.#atBroker.lost();
      });
  }

  /** This side is gone without a word. */
  vanish(): void {
    this.#closedHere = true;
    this.#up.clear();
    const { lane } = this.#broker;
    lane.after(silenceMs, () => {
      this.#atBroker.lost();
    });
  }

  /** Where a way is cut for so long that a side hears nothing, that side ends the session. */
  watchCut(): void {
    const isCut = this.#up.isCut || this.#down.isCut;
    if (!isCut || this.#watched || this.#closedHere) return;
    this.#watched = true;
    this.#lane.after(silenceMs, () => {
      this.#watched = false;
      if (this.#closedHere || !(this.#up.isCut || this.#down.isCut)) return;
      this.#up.clear();
      this.#take({ kind: 'closed', because: 'unanswered' }, 0);
    });
    this.#broker.lane.after(silenceMs, () => {
      if (!this.#up.isCut) return;
      this.#down.clear();
      this.#atBroker.lost();
    });
  }

  #sendDown(packet: BrokerPacket): void {
    const fate = this.#down.draw();
    if (fate === 'ends the session') {
      this.#break();
      return;
    }
    this.#downwards.send(packet, fate);
  }

  /** TCP is over, and both sides learn it. */
  #break(): void {
    this.#up.send(0, () => {
      this.#atBroker.lost();
    });
    this.#down.send(0, () => {
      if (!this.#closedHere) this.#take({ kind: 'closed', because: 'ended' }, 0);
    });
  }
}

/** A packet that another one is to overtake waits no longer. */
const longestBehindMs = 1_000;

/** Sends packets on a way: messages may come twice, or behind the next one; nothing else does, because MQTT runs over TCP. */
class Sender<P extends ClientPacket | BrokerPacket> {
  readonly #way: Way;
  readonly #lane: Lane;
  readonly #take: (packet: P, bytes: number) => void;
  #behind: P | undefined;

  constructor(way: Way, lane: Lane, take: (packet: P, bytes: number) => void) {
    this.#way = way;
    this.#lane = lane;
    this.#take = take;
  }

  send(packet: P, fate: Fate): void {
    if (packet.kind === 'publish' && fate === 'comes behind the next' && !this.#behind) {
      this.#behind = packet;
      // There may be no next one before this one is answered.
      this.#lane.after(longestBehindMs, () => {
        if (this.#behind !== packet) return;
        this.#behind = undefined;
        this.#sendNow(packet);
      });
      return;
    }
    this.#sendNow(packet);
    if (packet.kind === 'publish' && fate === 'comes twice') this.#sendNow(packet);
    const behind = this.#behind;
    this.#behind = undefined;
    if (behind !== undefined) this.#sendNow(behind);
  }

  #sendNow(packet: P): void {
    const bytes = sizeOf(packet);
    this.#way.send(bytes, () => {
      this.#take(packet, bytes);
    });
  }
}
