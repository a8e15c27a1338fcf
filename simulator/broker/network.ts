import type { Lane } from '../time/lane.js';
import type { LinkTerms } from './link-kinds.js';
import { leastLatencyMs, Way, type Fate } from './link.js';
import { sizeOf, type BrokerPacket, type ClientPacket } from './packets.js';
import type { Prng } from '../prng.js';

/** A client's end of one connection. */
export interface ClientConnection {
  send(packet: ClientPacket): void;
  /** Closes the connection; the broker learns it where the link lets it. */
  close(): void;
}

/** What comes to the broker: a packet, or that the connection is lost. Plain data: it may come from another thread. */
export interface Upward {
  readonly atMs: number;
  /** The index of the client's lane. */
  readonly from: number;
  /** Numbers what this client has sent. */
  readonly count: number;
  /** Numbers the connections of this client. */
  readonly connection: number;
  /** Undefined: the connection is lost. */
  readonly packet: ClientPacket | undefined;
}

/** What a broker has sent to a client, before the link has anything to do with it. Plain data. */
export interface Downward {
  readonly sentMs: number;
  /** The index of the client's lane. */
  readonly to: number;
  readonly count: number;
  readonly connection: number;
  readonly packet: BrokerPacket;
}

interface UpCargo {
  readonly connection: number;
  readonly packet: ClientPacket | undefined;
}

interface DownCargo {
  readonly connection: number;
  readonly packet: BrokerPacket;
  readonly bytes: number;
}

/** What a network is made of. */
export interface NetworkTerms {
  readonly link: LinkTerms;
  readonly chance: Prng;
  /** Names the client; no other one has it. */
  readonly index: number;
  readonly lane: Lane;
  /** Goes on where the client has no power. */
  readonly outside: Lane;
  readonly nowMs: () => number;
  readonly toBroker: (message: Upward) => void;
}

/** How long either side hears nothing before it gives up: one and a half times the keepalive of 30 s (MQTT 5, 3.1.2.10). */
const silenceMs = 45_000;

/** Both ways between one client and its broker, for one connection after the other. All of it lives with the client. */
export class Network {
  readonly up: Way<UpCargo>;
  readonly down: Way<DownCargo>;
  readonly #lane: Lane;
  readonly #outside: Lane;
  readonly #index: number;
  readonly #nowMs: () => number;
  #connections = 0;
  #connection: LinkedConnection | undefined;
  /** Packets that are on their way down. */
  #coming = 0;

  constructor({ link, chance, index, lane, outside, nowMs, toBroker }: NetworkTerms) {
    this.#lane = lane;
    this.#outside = outside;
    this.#index = index;
    this.#nowMs = nowMs;
    this.up = new Way(link.up, chance.fork(1), nowMs, (atMs, count, cargo) => {
      const { connection, packet } = cargo;
      toBroker({ atMs, from: index, count, connection, packet });
    });
    this.down = new Way(link.down, chance.fork(2), nowMs, (atMs, count, cargo) => {
      this.#bring(atMs, count, cargo);
    });
    this.up.worsen({ loss: link.loss });
    this.down.worsen({ loss: link.loss });
  }

  /** Opens a connection; what the broker sends on it is handed to `take`, with its bytes. */
  connect(take: (packet: BrokerPacket, bytes: number) => void): ClientConnection {
    const { up, down } = this;
    const ends = { up, down, lane: this.#lane, outside: this.#outside, nowMs: this.#nowMs };
    this.#connection = new LinkedConnection(++this.#connections, ends, take);
    return this.#connection;
  }

  /** The broker has sent a packet: from here on the link, as it is then, has to do with it. */
  receive({ sentMs, count, connection, packet }: Downward): void {
    // Nothing takes less, so that the two sides can be worked on apart for so long.
    this.#lane.arrive(sentMs + leastLatencyMs, this.#index, count, () => {
      if (this.#connection?.number === connection) this.#connection.sendDown(packet, sentMs);
    });
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

  #bring(atMs: number, count: number, cargo: DownCargo): void {
    const take = (): void => {
      if (this.#connection?.number === cargo.connection)
        this.#connection.arrived(cargo.packet, cargo.bytes);
    };
    if (this.#coming === 0 && atMs <= this.#nowMs()) {
      take();
      return;
    }
    this.#coming++;
    // Beside what the broker has sent, and apart from it.
    this.#lane.arrive(atMs, this.#index + 0.5, count, () => {
      this.#coming--;
      take();
    });
  }
}

interface Ends {
  readonly up: Way<UpCargo>;
  readonly down: Way<DownCargo>;
  readonly lane: Lane;
  readonly outside: Lane;
  readonly nowMs: () => number;
}

class LinkedConnection implements ClientConnection {
  readonly number: number;
  readonly #ends: Ends;
  readonly #take: (packet: BrokerPacket, bytes: number) => void;
  readonly #upwards: Sender<ClientPacket>;
  readonly #downwards: Sender<BrokerPacket>;
  #isClosed = false;
  #isWatched = false;

  constructor(number: number, ends: Ends, take: (packet: BrokerPacket, bytes: number) => void) {
    this.number = number;
    this.#ends = ends;
    this.#take = take;
    const { up, down, lane, outside } = ends;
    this.#upwards = new Sender(
      (packet) => {
        up.send(sizeOf(packet), { connection: number, packet });
      },
      (delayMs, task) => lane.after(delayMs, task),
    );
    this.#downwards = new Sender(
      (packet, sentMs) => {
        const bytes = sizeOf(packet);
        down.send(bytes, { connection: number, packet, bytes }, sentMs);
      },
      (delayMs, task) => outside.after(delayMs, task),
    );
    this.watchCut();
  }

  send(packet: ClientPacket): void {
    if (this.#isClosed) return;
    const { up, nowMs } = this.#ends;
    const fate = up.draw();
    if (fate === 'ends the session') this.#break();
    else this.#upwards.send(packet, fate, nowMs());
  }

  close(): void {
    if (this.#isClosed) return;
    const { up, down } = this.#ends;
    this.#isClosed = true;
    if (up.isCut || down.isCut) this.vanish();
    else up.send(0, { connection: this.number, packet: undefined });
  }

  /** This side is gone without a word. */
  vanish(): void {
    const { up, nowMs } = this.#ends;
    this.#isClosed = true;
    up.clear();
    up.tell(nowMs() + silenceMs, { connection: this.number, packet: undefined });
  }

  /** Where a way is cut for so long that a side hears nothing, that side ends the session. */
  watchCut(): void {
    const { up, down, lane, outside, nowMs } = this.#ends;
    const isCut = (): boolean => up.isCut || down.isCut;
    if (!isCut() || this.#isWatched || this.#isClosed) return;
    this.#isWatched = true;
    lane.after(silenceMs, () => {
      this.#isWatched = false;
      if (this.#isClosed || !isCut()) return;
      up.clear();
      this.#take({ kind: 'closed', because: 'unanswered' }, 0);
    });
    outside.after(silenceMs, () => {
      if (!up.isCut) return;
      down.clear();
      up.tell(nowMs() + leastLatencyMs, { connection: this.number, packet: undefined });
    });
  }

  /** What the broker has sent goes down the link. */
  sendDown(packet: BrokerPacket, sentMs: number): void {
    const fate = this.#ends.down.draw();
    if (fate === 'ends the session') this.#break();
    else this.#downwards.send(packet, fate, sentMs);
  }

  arrived(packet: BrokerPacket, bytes: number): void {
    if (!this.#isClosed) this.#take(packet, bytes);
  }

  /** TCP is over, and both sides learn it. */
  #break(): void {
    const { up, down } = this.#ends;
    const connection = this.number;
    up.send(0, { connection, packet: undefined });
    down.send(0, { connection, packet: { kind: 'closed', because: 'ended' }, bytes: 0 });
  }
}

/** A packet that another one is to overtake waits no longer. */
const longestBehindMs = 1_000;

/** Sends packets on a way: messages may come twice, or behind the next one; nothing else does, because MQTT runs over TCP. */
class Sender<P extends ClientPacket | BrokerPacket> {
  readonly #send: (packet: P, sentMs: number) => void;
  readonly #later: (delayMs: number, task: () => void) => void;
  #behind: P | undefined;

  constructor(
    send: (packet: P, sentMs: number) => void,
    later: (delayMs: number, task: () => void) => void,
  ) {
    this.#send = send;
    this.#later = later;
  }

  send(packet: P, fate: Fate, sentMs: number): void {
    if (packet.kind === 'publish' && fate === 'comes behind the next' && !this.#behind) {
      this.#behind = packet;
      // There may be no next one before this one is answered.
      this.#later(longestBehindMs, () => {
        if (this.#behind !== packet) return;
        this.#behind = undefined;
        this.#send(packet, sentMs + longestBehindMs);
      });
      return;
    }
    this.#send(packet, sentMs);
    if (packet.kind === 'publish' && fate === 'comes twice') this.#send(packet, sentMs);
    const behind = this.#behind;
    this.#behind = undefined;
    if (behind !== undefined) this.#send(behind, sentMs);
  }
}
