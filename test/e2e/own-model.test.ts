import assert from 'node:assert/strict';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as pass } from 'node:timers/promises';
import { program } from '../helpers/command-line.js';
import { Journal } from '../helpers/journal.js';
import { findFreePort } from '../helpers/mosquitto.js';
import { requires, sharedFolder } from '../helpers/requires.js';

const page = path.resolve(import.meta.dirname, '../../../docs/own-model.md');

describe('the page about one’s own model', () => {
  let folder: string;
  let shell: ChildProcessWithoutNullStreams;
  const output = new Journal<string>('output');
  const complaints = new Journal<string>('standard error');

  before(async function () {
    requires(this, 'mosquitto');
    requires(this, 'shared');
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-own-model-'));
    copyFileSync(
      path.join(sharedFolder, 'data/models/person_detect.tflite'),
      path.join(folder, 'person_detect.tflite'),
    );
    for (const picture of ['person.bmp', 'no_person.bmp']) {
      copyFileSync(path.join(sharedFolder, 'data/inputs', picture), path.join(folder, picture));
    }
    const port = String(await findFreePort());
    writeFileSync(
      path.join(folder, 'agent.yaml'),
      codeBlock('yaml').join('\n').replaceAll('1883', port),
    );
    shell = startShell(folder, port, output, complaints);
    for (const line of codeBlock('sh')) {
      const from = output.length;
      shell.stdin.write(`${line.replaceAll('1883', port)}\necho "done $?"\n`);
      const done = await output.find((text) => text.startsWith('done '), from);
      assert.equal(done, 'done 0', `${line}: ${complaints.entries.join('\n')}`);
      // A person looks at what was started before typing on.
      if (line.startsWith('mosquitto -p')) {
        await complaints.find((text) => /mosquitto version \S+ running/.test(text));
      }
      if (line.includes('tinylamp agent')) {
        await complaints.find((text) => text.includes('"event":"trial"'));
        // It listens to the camera a moment later, which nothing tells; a person is slower still.
        await pass(500);
      }
    }
  });

  after(async () => {
    if (shell?.pid !== undefined) {
      const closed = new Promise((resolve) => shell.once('close', resolve));
      process.kill(-shell.pid, 'SIGTERM');
      await closed;
    }
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  it('has the two pictures of TensorFlow labelled rightly, as they are', async () => {
    const isResult = (text: string): boolean => text.startsWith('{"t"');
    await output.find(
      (text) => isResult(text) && (JSON.parse(text) as { window: number }).window === 2,
    );
    const results = output.entries
      .filter(isResult)
      .map((text) => JSON.parse(text) as { label: string; sequence: number });
    assert.deepEqual(
      results.map(({ label, sequence }) => [label, sequence]),
      [
        ['person', 1],
        ['no person', 1],
      ],
    );
  });

  it('ends with a release that was fetched, verified, tested and committed', async () => {
    await complaints.find((text) => text.includes('"event":"committed"'));
    const lines = complaints.entries
      .filter((text) => text.startsWith('{"level"'))
      .map((text) => JSON.parse(text) as { event?: string; msg: string; reading?: string });
    // The page says that the log tells how the first picture was read.
    const readings = lines.filter(({ msg }) => msg === 'pixels-read');
    assert.deepEqual(
      readings.slice(0, 1).map(({ reading }) => reading),
      ['signed'],
    );
    // What the agent says of itself and of its link is no phase.
    const phases = lines.flatMap(({ event }) => (event === undefined ? [] : [event]));
    assert.deepEqual(phases, [
      'offered',
      'admitted',
      'fetching',
      'verified',
      'self-tested',
      'staged',
      'trial',
      'committed',
    ]);
  });
});

/** The lines of the page's only fenced block in a language. */
function codeBlock(language: string): readonly string[] {
  const [, code] = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'm').exec(
    readFileSync(page, 'utf8'),
  ) ?? [undefined, ''];
  return code.trim().split('\n');
}

/** A shell in which `tinylamp` is linked as npm does it, and Mosquitto's tools find the port by themselves. */
function startShell(
  folder: string,
  port: string,
  output: Journal<string>,
  complaints: Journal<string>,
): ChildProcessWithoutNullStreams {
  const linked = path.join(folder, 'linked');
  mkdirSync(linked);
  symlinkSync(program, path.join(linked, 'tinylamp'));
  for (const tool of ['mosquitto_pub', 'mosquitto_sub']) {
    writeFileSync(path.join(linked, tool), `-p ${port}\n`);
  }
  const { PATH = '' } = process.env;
  const shell = spawn('bash', {
    cwd: folder,
    // A group of its own, so that what runs in the background can be ended with it.
    detached: true,
    env: {
      ...process.env,
      PATH: `${linked}:${path.dirname(process.execPath)}:${PATH}:/usr/sbin:/usr/local/sbin`,
      XDG_CONFIG_HOME: linked,
    },
  });
  collectLines(shell.stdout, output);
  collectLines(shell.stderr, complaints);
  return shell;
}

function collectLines(stream: NodeJS.ReadableStream, journal: Journal<string>): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) journal.add(line);
  });
}
