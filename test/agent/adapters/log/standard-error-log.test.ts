import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../../helpers/log-writer.js', import.meta.url));

interface Outcome {
  readonly code: number | NodeJS.Signals | null;
  readonly dropped: number;
  readonly loggedMs: number;
  readonly flushedMs: number;
}

/** Runs a process that logs `count` lines, with its standard error wherever the test says. */
async function logTo(
  stderr: number | 'pipe',
  count: number,
  listen: (reader: Readable) => void = () => undefined,
  flushMs = 300,
): Promise<Outcome> {
  const child = spawn(process.execPath, [program, String(count), String(flushMs)], {
    stdio: ['ignore', 'pipe', stderr],
  });
  let told = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (told += text));
  if (child.stderr !== null) listen(child.stderr);
  const bomb = setTimeout(() => child.kill('SIGKILL'), 20_000);
  // Not `close`: a standard error that nobody reads stays open.
  const code = await new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once('exit', (status, signal) => {
      setTimeout(() => {
        resolve(status ?? signal);
      }, 100);
    }),
  );
  clearTimeout(bomb);
  child.stderr?.destroy();
  assert.notEqual(told, '', `it ended by ${String(code)} without a word`);
  return { code, ...(JSON.parse(told) as Omit<Outcome, 'code'>) };
}

/** Many times what may wait. */
const many = 20_000;

describe('The log on standard error', function () {
  this.timeout(300_000);
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-log-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('writes every line to a file, after what is in it', async () => {
    const file = path.join(folder, 'log');
    const descriptor = openSync(file, 'a');
    for (let run = 0; run < 2; run++) {
      const { code, dropped } = await logTo(descriptor, 1_000);
      assert.deepEqual([code, dropped], [0, 0]);
    }
    closeSync(descriptor);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { number: number }).number),
      [...Array(1_000).keys(), ...Array(1_000).keys()],
    );
  });

  it('costs lines and nothing else on a disk that is full', async () => {
    const full = openSync('/dev/full', 'w');
    const { code, dropped, flushedMs } = await logTo(full, many);
    closeSync(full);
    assert.equal(code, 0);
    assert.ok(dropped > many / 2, `${dropped} lines were dropped`);
    assert.ok(flushedMs < 1_000, `it waited ${flushedMs} ms at its end`);
  });

  it('costs lines and nothing else where its reader is gone', async () => {
    const { code, dropped } = await logTo('pipe', many, (reader) => reader.destroy());
    assert.equal(code, 0);
    assert.ok(dropped > many / 2, `${dropped} lines were dropped`);
  });

  it('does not wait for a reader that stands still, at its end neither', async () => {
    const { code, dropped, flushedMs } = await logTo('pipe', many, (reader) => reader.pause());
    assert.equal(code, 0);
    assert.ok(dropped > 0, 'more lines than there is room for');
    assert.ok(flushedMs < 1_000, `it waited ${flushedMs} ms at its end`);
  });

  it('tells a reader that comes back how many lines are missing', async () => {
    let text = '';
    const comesBack = (reader: Readable): void => {
      reader.pause();
      setTimeout(() => {
        reader.setEncoding('utf8').on('data', (part: string) => (text += part));
        // What was paused by hand goes on by hand: Node 24 insists on it.
        reader.resume();
      }, 300);
    };
    // A log that stood still is tried again within a second, on a busy machine later.
    const { code, dropped } = await logTo('pipe', many, comesBack, 10_000);
    assert.equal(code, 0);
    const lines = text.trimEnd().split('\n');
    const parsed = lines.map((line) => JSON.parse(line) as { msg: string; count?: number });
    const told = parsed.filter(({ msg }) => msg === 'log-lines-dropped');
    assert.equal(
      told.reduce((sum, { count = 0 }) => sum + count, 0),
      dropped,
    );
    assert.equal(parsed.length - told.length + dropped, many);
  });
});
