import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';

/** A real Mosquitto on the loopback interface, in a folder of its own. */
export interface Mosquitto {
  readonly port: number;
  /** `mqtt://127.0.0.1:<port>`. */
  readonly url: string;
  /** Where its configuration and `files` are; it is removed by `stop`. */
  readonly folder: string;
  /** What it has logged so far. */
  readonly log: () => string;
  /** Ends the process, with the goodbye of a broker or (SIGKILL) without. Retained messages are lost. */
  halt(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Starts it again on the same port. */
  resume(): Promise<void>;
  /** Ends it for good. */
  stop(): Promise<void>;
}

export interface MosquittoOptions {
  /** The lines of its configuration file; anonymous access to everything where nothing is given. */
  readonly config?: (port: number) => string;
  /** Files that the configuration names, relative to it: ACLs, passwords, certificates. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  /** Has it log no packets, which takes it more time than to handle them. */
  readonly quiet?: boolean;
}

/** Free ports can be taken by others before the broker has them. */
const portAttempts = 5;

/**
 * Starts Mosquitto 2 and fulfils when it listens. Its working folder is the one with the files, so a
 * configuration names them without a path. Call `requires(this, 'mosquitto')` first.
 */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-mosquitto-'));
  for (const [name, content] of Object.entries(options.files ?? {})) {
    // Newer versions refuse password and ACL files that others can read.
    writeFileSync(path.join(folder, name), content, { mode: 0o600 });
  }
  const config =
    options.config ??
    ((port: number) =>
      // Otherwise small packets wait for the acknowledgement of those before: 40 ms on Linux.
      `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n`);
  try {
    for (let attempt = 1; ; attempt++) {
      const port = await findFreePort();
      // As root it would change to a user who cannot read the folder.
      const asRoot = process.getuid?.() === 0 ? 'user root\n' : '';
      writeFileSync(path.join(folder, 'mosquitto.conf'), asRoot + config(port));
      const broker = new MosquittoProcess(folder, port, options.quiet ?? false);
      try {
        await broker.resume();
        return broker;
      } catch (error) {
        if (attempt === portAttempts || !broker.log().includes('Address already in use'))
          throw error;
      }
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** A port that nothing listens on at this moment. */
export async function findFreePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('there is no free port');
  return address.port;
}

class MosquittoProcess implements Mosquitto {
  readonly folder: string;
  readonly port: number;
  readonly #quiet: boolean;
  #process: ChildProcess | undefined;
  #log = '';
  readonly #killWithParent = (): void => {
    this.#process?.kill('SIGKILL');
  };

  constructor(folder: string, port: number, quiet: boolean) {
    this.folder = folder;
    this.port = port;
    this.#quiet = quiet;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  readonly log = (): string => this.#log;

  async resume(): Promise<void> {
    const { PATH = '' } = process.env;
    const broker = spawn('mosquitto', ['-c', 'mosquitto.conf', ...(this.#quiet ? [] : ['-v'])], {
      cwd: this.folder,
      env: { ...process.env, PATH: `${PATH}:/usr/sbin:/usr/local/sbin` },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = broker;
    process.once('exit', this.#killWithParent);
    await new Promise<void>((resolve, reject) => {
      let started = '';
      broker.stderr.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
        started += text;
        // It says so after its listeners are open.
        if (/mosquitto version \S+ running/.test(started)) resolve();
      });
      broker.once('error', reject);
      broker.once('close', () => {
        reject(new Error(`Mosquitto ended: ${this.#log}`));
      });
    });
  }

  async halt(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const broker = this.#process;
    if (broker === undefined) return;
    if (broker.exitCode === null && broker.signalCode === null) {
      const ended = once(broker, 'exit');
      broker.kill(signal);
      // Mosquitto forgets a SIGTERM that comes between its start and its main loop.
      const again = setInterval(() => broker.kill(signal), 100);
      await ended;
      clearInterval(again);
    }
    process.off('exit', this.#killWithParent);
    this.#process = undefined;
  }

  async stop(): Promise<void> {
    await this.halt();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
