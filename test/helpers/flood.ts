import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Site } from './site.js';

/** A flood that goes on in a process of its own. */
export interface Flood {
  /** Ends it, and fulfils with the number of messages that were sent. */
  end(): Promise<number>;
}

/** Publishes a message again and again, as fast as the broker takes it. It ends with the test process at the latest. */
export function startFlood(site: Site, topic: string, payload: Uint8Array | string): Flood {
  const program = fileURLToPath(new URL('./flooder.js', import.meta.url));
  // A word of a command line cannot be so long.
  const payloadFile = path.join(site.folder, `flood-${randomUUID()}`);
  writeFileSync(payloadFile, payload);
  const words = [program, site.broker.url, topic, payloadFile];
  const child = spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  return {
    async end() {
      child.stdin.end();
      await ended;
      if (said === '') throw new Error('the flood ended early');
      return Number(said);
    },
  };
}
