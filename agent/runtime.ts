import { CodedError } from '../protocol/coded-error.js';
import { limits } from '../protocol/limits.js';
import type { Agent } from './core/agent.js';
import type {
  AnswerOf,
  ArgumentsOf,
  AskedKind,
  Effect,
  Input,
  Instant,
  Payload,
  ToldEffects,
  ToldKind,
  Vitals,
} from './core/effect.js';
import type { Clock } from './ports/clock.js';
import type { Crypto } from './ports/crypto.js';
import type { DeviceKey } from './ports/device-key.js';
import type { Engine } from './ports/engine.js';
import type { Entropy } from './ports/entropy.js';
import type { Log } from './ports/log.js';
import type { Schedule, Scheduler } from './ports/scheduler.js';
import type { SampleForm, Sensor } from './ports/sensor.js';
import type { Result } from '../protocol/result.js';
import type { Storage } from './ports/storage.js';
import type { Transport } from './ports/transport.js';

/** The world of one device. A gateway fills it with adapters, the simulator with simulated ports. */
export interface Ports {
  readonly clock: Clock;
  readonly crypto: Crypto;
  /** Signs what the device has found out. */
  readonly deviceKey: DeviceKey;
  readonly engine: Engine;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly scheduler: Scheduler;
  readonly storage: Storage;
  readonly transport: Transport;
  /** Makes the source of a slot's samples, for what a release takes. */
  readonly sensor: (slot: string, form: SampleForm) => Sensor;
  /** Reads the release file that the owner names for a slot, whatever it is; only for slots that have one. */
  readonly readFactory: (slot: string) => PromiseLike<Result<Uint8Array>>;
  /** Encodes what is published as plain CBOR (RFC 8949). */
  readonly encodeCbor: (value: unknown) => Uint8Array;
  /** Resident memory of the process, in bytes. */
  readonly rssBytes: () => number;
}

export interface RuntimeOptions {
  /** When telemetry is due; undefined: this device sends none. */
  readonly telemetrySchedule: Schedule | undefined;
  /** When reports are due; with the telemetry where it is left out. */
  readonly reportSchedule?: Schedule | undefined;
  /** Called once when a broken invariant ended the runtime. Nothing runs afterwards. */
  readonly failed: (error: unknown) => void;
}

type Executors = {
  readonly [K in AskedKind]: (args: ArgumentsOf<K>, answer: (answer: AnswerOf<K>) => void) => void;
} & { readonly [K in ToldKind]: (args: ToldEffects[K]) => void };

/** What an input takes in the queue beside its samples. */
const inputBytes = 256;

/** How often the two clocks are compared where no input comes. */
const clockLookMs = 10_000;

/** What the wall clock may gain or lose against the monotonic one without having jumped. */
const clockSlackMs = 1_000;

/** Windows of a slot that may wait for their inference before its source is asked to, if it can. */
const pendingComfort = 4;

/**
 * One queue per device: input -> core.step -> effects -> ports. Answers of ports come back as inputs, so
 * the order of a run is the order of this queue.
 */
export class Runtime {
  readonly #agent: Agent;
  readonly #ports: Ports;
  readonly #options: RuntimeOptions;
  readonly #executors: Executors;
  readonly #queue: Input[] = [];
  readonly #sensors = new Map<string, Sensor>();
  readonly #timers = new Map<number, () => void>();
  /** The topics of the core in this session, each with the way to leave it. */
  readonly #subscriptions = new Map<string, () => void>();
  readonly #utf8 = new TextEncoder();
  #draining = false;
  #ended = false;
  #droppedInputs = 0;
  /** How far the wall clock is ahead of the monotonic one, as far as the core knows. */
  #wallLeadMs = 0;
  readonly #endSchedules: (() => void)[] = [];
  #endWatch: () => void = () => undefined;
  #awaited: { readonly isThere: () => boolean; readonly goOn: () => void } | undefined;
  readonly #waitingForRoom = new Map<string, readonly (() => void)[]>();
  /** Of samples that came while an input was being decided. */
  #queuedBytes = 0;

  constructor(agent: Agent, ports: Ports, options: RuntimeOptions) {
    this.#agent = agent;
    this.#ports = ports;
    this.#options = options;
    this.#executors = this.#createExecutors();
  }

  /** Boots the device: the core reads its storage first, and then asks for the broker. */
  start(): void {
    const { scheduler } = this.#ports;
    const { telemetrySchedule, reportSchedule } = this.#options;
    const report = (): void => {
      this.#post({ at: this.#now(), kind: 'reportsDue' });
    };
    // First, because it throws for what is no schedule: then nothing runs yet.
    if (telemetrySchedule !== undefined) {
      const end = scheduler.cron(telemetrySchedule, () => {
        this.#post({ at: this.#now(), kind: 'telemetryDue', vitals: this.#vitals() });
        if (reportSchedule === undefined) report();
      });
      this.#endSchedules.push(end);
    }
    if (reportSchedule !== undefined)
      this.#endSchedules.push(scheduler.cron(reportSchedule, report));
    const { wallMs, monotonicMs } = this.#now();
    this.#wallLeadMs = wallMs - monotonicMs;
    this.#post({ at: this.#now(), kind: 'started' });
    this.#watchClock();
  }

  /**
   * Ends in order: no more samples, answers to the windows that are complete, what is to be written down, a last
   * telemetry, goodbye.
   *
   * @param timeoutMs how long all that may take; three quarters of it are for the answers, an eighth is for the disk
   */
  async stop(timeoutMs: number): Promise<void> {
    const { clock, engine, transport } = this.#ports;
    const endMs = clock.monotonicMs() + timeoutMs;
    for (const end of this.#endSchedules) end();
    this.#endWatch();
    await Promise.all([...this.#sensors.values()].map((sensor) => sensor.close()));
    this.#sensors.clear();
    await this.#waitUntil(() => this.#agent.pendingWindows() === 0, (timeoutMs * 3) / 4);
    const vitals = this.#options.telemetrySchedule && this.#vitals();
    this.#post({ at: this.#now(), kind: 'stopping', vitals });
    await this.#waitUntil(() => this.#agent.hasLeft, timeoutMs / 8);
    this.#ended = true;
    for (const cancel of this.#timers.values()) cancel();
    await transport.close(Math.max(0, endMs - clock.monotonicMs()));
    await engine.close();
  }

  #post(input: Input): void {
    if (this.#ended) return;
    this.#noticeJump(input.at);
    // A sensor that delivers from within an effect lends its buffer only for this call.
    if (this.#draining && input.kind === 'samples') {
      const bytes = inputBytes + input.values.byteLength;
      if (this.#queuedBytes + bytes > limits.pendingBytes) {
        this.#droppedInputs++;
        return;
      }
      this.#queuedBytes += bytes;
      this.#queue.push({ ...input, values: input.values.slice() });
      return;
    }
    this.#queue.push(input);
    if (!this.#draining) this.#drain();
  }

  /** Puts a jump of the wall clock in the queue, if there was one since the last look. */
  #noticeJump(at: Instant): void {
    const byMs = at.wallMs - at.monotonicMs - this.#wallLeadMs;
    if (Math.abs(byMs) <= clockSlackMs) return;
    this.#wallLeadMs += byMs;
    this.#queue.push({ kind: 'clockJumped', byMs: Math.round(byMs), at });
  }

  #watchClock(): void {
    const look = (): void => {
      this.#endWatch = this.#ports.scheduler.after(clockLookMs, look);
      this.#noticeJump(this.#now());
      if (!this.#draining && this.#queue.length > 0) this.#drain();
    };
    this.#endWatch = this.#ports.scheduler.after(clockLookMs, look);
  }

  #drain(): void {
    this.#draining = true;
    try {
      for (let input = this.#queue.shift(); input !== undefined; input = this.#queue.shift()) {
        for (const effect of this.#agent.step(input)) this.#execute(effect);
      }
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#draining = false;
      this.#queuedBytes = 0;
    }
    this.#tellProgress();
  }

  /** Undefined as long as few windows of the slot wait for their inference. */
  #waitForRoom(slot: string): (() => Promise<void>) | undefined {
    if (this.#agent.pendingWindows(slot) < pendingComfort) return undefined;
    return () =>
      new Promise((resolve) => {
        if (this.#agent.pendingWindows(slot) < pendingComfort) resolve();
        else this.#waitingForRoom.set(slot, [...(this.#waitingForRoom.get(slot) ?? []), resolve]);
      });
  }

  #tellProgress(): void {
    for (const [slot, waiting] of this.#waitingForRoom) {
      if (this.#agent.pendingWindows(slot) >= pendingComfort) continue;
      this.#waitingForRoom.delete(slot);
      for (const resolve of waiting) resolve();
    }
    if (this.#awaited?.isThere() !== true) return;
    this.#awaited.goOn();
    this.#awaited = undefined;
  }

  /** Waits until inputs have brought something about, but no longer than so many milliseconds. */
  async #waitUntil(isThere: () => boolean, timeoutMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const giveUp = this.#ports.scheduler.after(timeoutMs, resolve);
      this.#awaited = {
        isThere,
        goOn: () => {
          giveUp();
          resolve();
        },
      };
      this.#tellProgress();
    });
  }

  #execute(effect: Effect): void {
    const execute = this.#executors[effect.kind] as (
      args: Effect,
      answer: (answer: unknown) => void,
    ) => void;
    execute(effect, (answer) => {
      if ('request' in effect)
        this.#post({ at: this.#now(), kind: 'answered', request: effect.request, answer });
    });
  }

  #createExecutors(): Executors {
    const {
      clock,
      crypto,
      deviceKey,
      engine,
      entropy,
      log,
      scheduler,
      storage,
      transport,
      sensor,
    } = this.#ports;
    const settle = <T>(promise: PromiseLike<T>, answer: (value: T) => void): void => {
      promise.then(answer, (error: unknown) => {
        this.#fail(error);
      });
    };
    return {
      read: ({ name, limitBytes }, answer) => {
        settle(storage.read(name, limitBytes), answer);
      },
      write: ({ name, bytes }, answer) => {
        settle(storage.write(name, bytes), answer);
      },
      writeAt: ({ name, offset, bytes }, answer) => {
        settle(storage.writeAt(name, offset, bytes), answer);
      },
      move: ({ from, to }, answer) => {
        settle(storage.move(from, to), answer);
      },
      remove: ({ name }, answer) => {
        settle(storage.remove(name), answer);
      },
      list: ({ folder }, answer) => {
        settle(storage.list(folder), answer);
      },
      freeBytes: (_, answer) => {
        settle(storage.freeBytes(), answer);
      },
      readFactory: ({ slot }, answer) => {
        settle(this.#ports.readFactory(slot), answer);
      },
      digest: ({ bytes }, answer) => {
        answer(crypto.sha256(bytes));
      },
      verify: ({ publicKey, message, signature }, answer) => {
        answer(crypto.verifyEd25519(publicKey, message, signature));
      },
      sign: ({ message }, answer) => {
        answer(deviceKey.sign(message));
      },
      subscribe: ({ topic }, answer) => {
        const before = this.#subscriptions.get(topic);
        const leave = transport.subscribe(
          topic,
          ({ payload }) => {
            this.#post({ at: this.#now(), kind: 'message', topic, payload });
          },
          answer,
        );
        this.#subscriptions.set(topic, leave);
        // The core hears a topic once, however often it is subscribed; it is never unsubscribed in between.
        before?.();
      },
      connect: () => {
        this.#connect();
      },
      unsubscribe: ({ topic }) => {
        this.#subscriptions.get(topic)?.();
        this.#subscriptions.delete(topic);
      },
      publish: ({ channel, topic, payload, retained }, answer) => {
        transport.publish({ channel, topic, payload: this.#encode(payload), retained }, answer);
      },
      load: ({ handle, model, arenaBytes, mostWork, deadlineMs, mayShare }, answer) => {
        const limits = { arenaBytes, mostWork, deadlineMs, mayShare };
        settle(engine.load(handle, model, limits), answer);
      },
      share: ({ handle }) => {
        settle(engine.share(handle), () => undefined);
      },
      invoke: ({ handle, input, output, deadlineMs }, answer) => {
        settle(engine.invoke(handle, input, output, deadlineMs), answer);
      },
      reset: ({ handle }, answer) => {
        settle(engine.reset(handle), answer);
      },
      unload: ({ handle }, answer) => {
        settle(
          engine.unload(handle).then(() => undefined),
          answer,
        );
      },
      traffic: (_, answer) => {
        answer(transport.traffic);
      },
      wait: (args, answer) => {
        const { request } = args as typeof args & { readonly request: number };
        const cancel = scheduler.after(args.delayMs, () => {
          this.#timers.delete(request);
          answer(undefined);
        });
        this.#timers.set(request, cancel);
      },
      random: (_, answer) => {
        answer(entropy.uint32());
      },
      halt: ({ rejection }) => {
        this.#fail(new CodedError(rejection.code, rejection.detail));
      },
      cancel: ({ request }) => {
        this.#timers.get(request)?.();
        this.#timers.delete(request);
      },
      openSensor: ({ slot, form }) => {
        const before = this.#sensors.get(slot);
        const opened = sensor(slot, form);
        this.#sensors.set(slot, opened);
        const open = (): void => {
          opened.open({
            samples: (values) => {
              this.#post({ at: this.#now(), kind: 'samples', slot, values });
              return this.#waitForRoom(slot);
            },
            interrupted: () => {
              this.#post({ at: this.#now(), kind: 'samplesInterrupted', slot });
            },
            refused: (rejection) => {
              this.#post({ at: this.#now(), kind: 'samplesRefused', slot, rejection });
            },
            ended: () => {
              log.info('source-ended', { slot, at: clock.wallMs() });
            },
          });
        };
        if (before === undefined) open();
        else settle(before.close(), open);
      },
      log: ({ level, event, fields }) => {
        log[level](event, fields);
      },
    };
  }

  #connect(): void {
    this.#ports.transport.open(
      {
        connected: (session) => {
          this.#post({ at: this.#now(), kind: 'connected', ...session });
          for (const sensor of this.#sensors.values()) sensor.sessionBegan?.();
        },
        disconnected: (rejection, attempt) => {
          this.#subscriptions.clear();
          this.#post({ at: this.#now(), kind: 'disconnected', rejection, ...attempt });
        },
        skipped: (message) => {
          this.#post({ at: this.#now(), kind: 'messageSkipped', ...message });
        },
      },
      (connection) => {
        const { topic, payload } = this.#agent.will(connection);
        return { topic, payload: this.#encode(payload), retained: true };
      },
    );
  }

  #encode(payload: Payload): Uint8Array {
    if ('bytes' in payload) return payload.bytes;
    if ('cbor' in payload) return this.#ports.encodeCbor(payload.cbor);
    return this.#utf8.encode(JSON.stringify(payload.json));
  }

  #now(): Instant {
    const { clock } = this.#ports;
    return { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
  }

  #vitals(): Vitals {
    const { waitingBytes, dropped } = this.#ports.transport.spool;
    return {
      rssBytes: this.#ports.rssBytes(),
      spoolBytes: waitingBytes,
      droppedMessages: dropped,
      droppedInputs: this.#droppedInputs,
      droppedLogLines: this.#ports.log.droppedLines,
    };
  }

  /** Asserts stay on: whoever breaks an invariant stops the device, and the state record decides what runs next. */
  #fail(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.failed(error);
  }
}
