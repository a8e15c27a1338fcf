import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { shippedScenarios } from '../../simulator/scenario/shipped-scenarios.js';
import { runCommand } from '../helpers/command-line.js';

const scenario = `
name: small
duration: 3 min
period: 10 s
fleet: [{count: 2, sensor: {kind: vibration, environment: laboratory}}]
releases: {v1: {model: "demo:vibration-v1"}}
timeline: [{at: 0, publish: v1}]
swarm: {loss: 0..1 %}
expect:
  - share(devices, release = v1) = 100 %
  - windows.wrong < 0
  - sometimes: windows.dropped > 0
`;

describe('tinylamp simulate', () => {
  let folder: string;
  const read = (name: string): string => readFileSync(path.join(folder, name), 'utf8');

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-outputs-'));
    writeFileSync(path.join(folder, 'small.yaml'), scenario);
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('names the shipped scenarios with --list, a line each', async () => {
    const { exitCode, stdout } = await runCommand(['simulate', '--list'], folder);
    assert.equal(exitCode, 0);
    const lines = stdout.trimEnd().split('\n').slice(1);
    const all = shippedScenarios();
    assert.ok(all.length >= 10);
    assert.deepEqual(
      lines.map((line) => line.split(/ +/)[0]),
      all.map(({ name }) => name),
    );
    for (const [i, { summary }] of all.entries()) assert.ok(lines[i]?.endsWith(summary));
  });

  it('runs a shipped scenario by its name, and says how to replay it by that name', async () => {
    const words = ['simulate', 'stolen-key', '--devices', '3', '--seed', '9', '--json'];
    const { exitCode, stdout, stderr } = await runCommand(words, folder);
    assert.equal(exitCode, 0, stderr);
    const { replay, devices } = JSON.parse(stdout) as Record<string, unknown>;
    assert.equal(replay, 'tinylamp simulate stolen-key --seed 9 --devices 3');
    assert.equal(devices, 3);
  });

  it('writes what happened with --report, and what was held with --junit', async () => {
    const words = ['simulate', 'small.yaml', '--report', 'out/small.html', '--junit', 'small.xml'];
    const { exitCode, stderr } = await runCommand(words, folder);
    assert.equal(exitCode, 11, stderr);
    assert.match(read('out/small.html'), /^<!doctype html>[^]*<\/html>\n$/);
    const xml = read('small.xml');
    // A crash, two expectations that must hold and nine checkers; what is only sometimes true is none.
    assert.match(xml, /<testsuite name="small" tests="12" failures="1"/);
    assert.match(
      xml,
      /name="windows.wrong &lt; 0"><failure type="not held" message="it was \d+; replay: tinylamp simulate small.yaml --seed 1"/,
    );
  });

  it('writes a case for each seed of a search with --junit', async () => {
    // What fails would be made smaller first, which takes its time.
    const held = scenario.replace(/.*windows.wrong.*\n.*sometimes.*\n/, '');
    writeFileSync(path.join(folder, 'held.yaml'), held);
    const words = ['simulate', 'held.yaml', '--search', '2', '--jobs', '1', '--junit', 'seeds.xml'];
    const { exitCode, stderr } = await runCommand(words, folder);
    assert.equal(exitCode, 0, stderr);
    assert.match(read('seeds.xml'), /tests="2" failures="0"[^]*name="seed 1"[^]*name="seed 2"/);
  });

  for (const [title, words, message] of [
    ['--report of a search', ['small.yaml', '--search', '2', '--report', 'x.html'], /one run/],
    ['--report of real sockets', ['--live', '--report', 'x.html'], /--report is not for --live/],
    ['--junit of real sockets', ['--live', '--junit', 'x.xml'], /--junit is not for --live/],
    ['a name that nothing has', ['no-such-story'], /no shipped scenario of that name/],
  ] as const)
    it(`refuses ${title} before it runs anything`, async () => {
      const { exitCode, stderr } = await runCommand(['simulate', ...words], folder);
      assert.equal(exitCode, 2, stderr);
      assert.match(stderr, message);
      assert.ok(
        !existsSync(path.join(folder, 'x.html')) && !existsSync(path.join(folder, 'x.xml')),
      );
    });
});
