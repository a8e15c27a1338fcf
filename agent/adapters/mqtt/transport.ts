import type { Code } from '../../../protocol/codes.js';
import type { Result } from '../../../protocol/result.js';
import type { Entropy } from '../../ports/entropy.js';
import type { Scheduler } from '../../ports/scheduler.js';
import type {
  Message,
  Spool,
  SubscribeOptions,
  Traffic,
  Transport,
  TransportListener,
} from '../../ports/transport.js';
import type { TlsMaterial } from './connection.js';
import { Outbox } from './outbox.js';
import { MqttSession, type OpenSession, type Session, type SessionEnd } from './session.js';
import { SubscribeQueue } from './subscribe-queue.js';
import { Subscriptions } from './subscriptions.js';
import { Suspects } from './suspects.js';

export interface MqttTransportOptions {
  /** `mqtt://` or `mqtts://` addresses, tried in order. */
  readonly urls: readonly [string, ...string[]];
  readonly protocol: 'auto' | '5' | '3.1.1';
  readonly clientId: string;
  readonly username?: string | undefined;
  readonly password?: Uint8Array | undefined;
  readonly tls?: TlsMaterial | undefined;
  readonly packetBytes: number;
  readonly spoolBytes: number;
  readonly scheduler: Scheduler;
  readonly entropy: Entropy;
  /** Over MQTT.js where it is left out. */
  readonly openSession?: OpenSession;
}

const firstDelayMs = 1_000;
const longestDelayMs = 300_000;

const nothing: Traffic = { receivedBytes: 0, packetBytes: 0 };

/** After a session that lasted so long the addresses and delays start over. */
const steadyMs = 10_000;

/**
 * Sessions that may end while a suspect is tried, without longer delays, until one is steady: enough to find some
 * topics that the broker does not take, and few enough for a broker that ends every session.
 */
const probesLimit = 12;

/**
 * How a session ends where a broker does not take a message or a subscription; all else has another cause. Mosquitto
 * 2.0 answers a message over its limit with a reason code that PUBACK does not have (MQTT 5, 3.4.2.1).
 */
const endsOverTopics: ReadonlySet<Code> = new Set([
  'session-ended',
  'not-authorised',
  'session-unanswered',
  'packet-invalid',
]);

/** Connections that may be closed before CONNACK until the broker is taken for one of MQTT 3.1.1. */
const closedEarlyLimit = 2;

/**
 * The transport port over TCP or TLS. Begins with MQTT 5 and falls back to 3.1.1 where the broker refuses
 * the version, or twice closes the connection before CONNACK; what never reached a broker does not
 * count. Attempts are spaced by full jitter between 0 and a delay that doubles from 1 s to 5 min, also where
 * sessions are opened and soon end: two devices with one id throw each other out ever more slowly. Only the
 * search for a topic that ends sessions goes on within a second each time.
 */
export class MqttTransport implements Transport {
  readonly #options: MqttTransportOptions;
  readonly #urls: readonly URL[];
  readonly #suspects: Suspects;
  readonly #outbox: Outbox;
  readonly #subscriptions = new Subscriptions();
  readonly #subscribes: SubscribeQueue;
  #listener: TransportListener | undefined;
  #will: ((connection: number) => Message) | undefined;
  #protocol: 4 | 5;
  #session: Session | undefined;
  #isOpen = false;
  #isSteady = false;
  #window = 1;
  #connections = 0;
  /** Bytes of the sessions before this one. */
  #receivedBefore = 0;
  /** Which address is tried, modulo their number. */
  #address = 0;
  /** Attempts and short sessions since the last steady one. */
  #failures = 0;
  /** Sessions that ended while a suspect was tried, since the last steady one. */
  #probes = 0;
  /** Connections that each address has closed before CONNACK since its last session. */
  readonly #closedEarly = new Map<URL, number>();
  #closing = false;
  #cancelRetry: () => void = () => undefined;
  #cancelSteady: () => void = () => undefined;
  #drained: (() => void) | undefined;

  constructor(options: MqttTransportOptions) {
    this.#options = options;
    this.#urls = options.urls.map((url) => new URL(url));
    this.#suspects = new Suspects(options.scheduler, () => {
      this.#flush();
    });
    this.#outbox = new Outbox(options.spoolBytes, this.#suspects);
    this.#subscribes = new SubscribeQueue(this.#suspects, (topic, done) => {
      this.#session?.subscribe(topic, (result) => {
        done(result);
        this.#flush();
      });
    });
    this.#protocol = options.protocol === '3.1.1' ? 4 : 5;
  }

  get spool(): Spool {
    const { waitingBytes, dropped } = this.#outbox;
    return { waitingBytes, dropped };
  }

  get traffic(): Traffic {
    const { receivedBytes, packetBytes } = this.#session?.traffic ?? nothing;
    return { receivedBytes: this.#receivedBefore + receivedBytes, packetBytes };
  }

  open(listener: TransportListener, will?: (connection: number) => Message): void {
    this.#listener = listener;
    this.#will = will;
    this.#attempt();
  }

  publish(message: Message, done?: (result: Result<void>) => void): void {
    this.#outbox.add(message, done);
    this.#flush();
  }

  subscribe(
    topic: string,
    onMessage: (message: Message) => void,
    done: (result: Result<void>) => void,
    options?: SubscribeOptions,
  ): () => void {
    const session = this.#session;
    if (session === undefined || !this.#isOpen) {
      done({ ok: false, rejection: { code: 'session-ended', detail: 'there is no session' } });
      return () => undefined;
    }
    const leave = this.#subscriptions.add(topic, onMessage, options);
    this.#subscribes.add(topic, done);
    this.#flush();
    return () => {
      if (!leave()) return;
      this.#subscribes.withdraw(topic);
      session.unsubscribe(topic);
    };
  }

  async close(timeoutMs: number): Promise<void> {
    this.#closing = true;
    this.#cancelRetry();
    if (this.#isOpen && !this.#outbox.isEmpty) {
      await new Promise<void>((resolve) => {
        const giveUp = this.#options.scheduler.after(timeoutMs, resolve);
        this.#drained = () => {
          giveUp();
          resolve();
        };
      });
    }
    await this.#session?.close();
    this.#suspects.close();
    this.#outbox.close({ code: 'session-ended', detail: 'ended by this side' });
  }

  #attempt(): void {
    const url = this.#url;
    const { clientId, username, password, tls, packetBytes } = this.#options;
    const protocol = this.#protocol;
    const will = this.#will?.(this.#connections + 1);
    const payloadBytesOf = (topic: string): number | undefined =>
      this.#subscriptions.maxBytesOf(topic);
    const limits = { packetBytes, payloadBytesOf };
    const options = { url, protocol, clientId, username, password, tls, will, ...limits };
    const openSession = this.#options.openSession ?? openMqttSession;
    this.#session = openSession(options, {
      opened: (window) => {
        this.#opened(window);
      },
      message: (message) => {
        this.#subscriptions.deliver(message);
      },
      skipped: (message) => {
        if (this.#subscriptions.hears(message.topic)) this.#listener?.skipped?.(message);
      },
      ended: (end) => {
        this.#ended(end);
      },
    });
  }

  get #url(): URL {
    const url = this.#urls[this.#address % this.#urls.length];
    if (url === undefined) throw new Error('there is no broker to connect to');
    return url;
  }

  /** The address, for people: without credentials. */
  get #broker(): string {
    return `${this.#url.protocol}//${this.#url.host}`;
  }

  #opened(window: number): void {
    this.#isOpen = true;
    this.#window = window;
    this.#connections++;
    this.#closedEarly.delete(this.#url);
    this.#cancelSteady = this.#options.scheduler.after(steadyMs, () => {
      this.#isSteady = true;
      this.#failures = 0;
      this.#probes = 0;
    });
    this.#listener?.connected({
      protocol: this.#protocol,
      connection: this.#connections,
      broker: this.#broker,
    });
    this.#flush();
  }

  #ended({ rejection, versionRefused }: SessionEnd): void {
    const wasSteady = this.#isSteady;
    const isTelling = !this.#closing && endsOverTopics.has(rejection.code);
    this.#isSteady = false;
    this.#isOpen = false;
    this.#receivedBefore = this.traffic.receivedBytes;
    this.#session = undefined;
    this.#cancelSteady();
    const { probed, condemned } = this.#suspects.sessionEnded({ isTelling, wasSteady });
    this.#subscriptions.clear();
    this.#subscribes.clear();
    this.#outbox.sessionEnded(condemned);
    this.#drained?.();
    if (this.#closing) return;
    if (this.#seeksVersion(versionRefused)) {
      this.#attempt();
      return;
    }
    const broker = this.#broker;
    const nextTryMs = this.#nextDelayMs(wasSteady, probed);
    this.#cancelRetry = this.#options.scheduler.after(nextTryMs, () => {
      this.#attempt();
    });
    this.#listener?.disconnected(rejection, { broker, nextTryMs });
  }

  /** Decides about the next attempt: at which address, and after which delay. */
  #nextDelayMs(wasSteady: boolean, probed: boolean): number {
    const share = this.#options.entropy.uint32() / 2 ** 32;
    // This broker is there, and one topic less is suspect now.
    if (probed && ++this.#probes <= probesLimit) return firstDelayMs * share;
    const delayMs = Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(this.#failures, 16));
    this.#address = wasSteady ? 0 : this.#address + 1;
    this.#failures++;
    return delayMs * share;
  }

  /**
   * Whether the attempt only told something about the version that the broker speaks: the next one, at
   * the same address and at once, is a part of the same attempt.
   */
  #seeksVersion(versionRefused: SessionEnd['versionRefused']): boolean {
    if (this.#protocol === 4 || this.#options.protocol !== 'auto') return false;
    if (versionRefused === undefined) return false;
    const closedEarly = (this.#closedEarly.get(this.#url) ?? 0) + 1;
    this.#closedEarly.set(this.#url, closedEarly);
    if (versionRefused === 'said' || closedEarly >= closedEarlyLimit) this.#protocol = 4;
    return true;
  }

  #flush(): void {
    if (!this.#isOpen || this.#session === undefined) return;
    if (!this.#subscribes.flush()) return;
    for (const { message, settle } of this.#outbox.takeUpTo(this.#window)) {
      this.#session.publish(message, (result) => {
        settle(result);
        this.#flush();
        if (this.#outbox.isEmpty) this.#drained?.();
      });
    }
  }
}

const openMqttSession: OpenSession = (options, listener) => new MqttSession(options, listener);
