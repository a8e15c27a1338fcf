import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadBoard } from '../../simulator/boards/shipped-boards.js';
import { runCommand, type CommandOutcome } from '../helpers/command-line.js';

const demo = (name: string): string =>
  fileURLToPath(import.meta.resolve(`#demo-models/${name}.tflite`));

interface Fitted {
  readonly boards: Readonly<
    Record<
      string,
      {
        readonly board: string;
        readonly file: string;
        readonly models: Readonly<
          Record<string, { readonly predictedMs: number; readonly error: number; fixes: string }>
        >;
      }
    >
  >;
  readonly errors: Readonly<Record<string, { readonly boards: number; readonly worst: number }>>;
}

describe('tinylamp simulate fit', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-fit-'));
    mkdirSync(path.join(folder, 'in'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  /** Fits what is written into the file, and gives what came of it. */
  const fit = (content: unknown, ...options: readonly string[]): Promise<CommandOutcome> => {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    writeFileSync(path.join(folder, 'in', 'latencies.json'), text);
    return runCommand(['simulate', 'fit', 'in/latencies.json', '-o', 'out', ...options], folder);
  };

  const models = { small: demo('vibration-v1') };

  it('writes boards that load, with the latencies that were measured', async () => {
    const { exitCode, stdout, stderr } = await fit(
      { boards: { 'maker@Fast board': { latency_ms: { small: 0.5, unknown: 7 } } }, models },
      '--json',
    );
    assert.equal(exitCode, 0, stderr);
    const { boards, errors } = JSON.parse(stdout) as Fitted;
    const board = boards['maker@Fast board'];
    assert.ok(board !== undefined);
    assert.equal(board.board, 'maker-fast-board');
    assert.deepEqual(Object.keys(board.models), ['small']);
    assert.equal(board.models['small']?.fixes, 'conv and other');
    assert.ok(Math.abs(board.models['small'].error) < 1e-9);
    assert.deepEqual(errors, {});
    const file = path.join(folder, 'out', 'maker-fast-board.yaml');
    const { name, rates, limits } = loadBoard(file);
    assert.equal(name, 'maker-fast-board');
    assert.ok(rates.convNs > 0);
    assert.equal(limits.arenaBytes, 327_680);
    assert.match(readFileSync(file, 'utf8'), /^# Fitted to the latencies of maker@Fast board by/);
  });

  it('shows people what was fitted', async () => {
    const { stdout } = await fit({ boards: { slow: { latency_ms: { small: 500 } } }, models });
    assert.match(stdout, /slow +small +500 +500 +0\.0 % +fixes conv and other/);
    assert.match(stdout, /out.slow\.yaml/);
  });

  it('finds models relative to the file', async () => {
    writeFileSync(path.join(folder, 'in', 'm.tflite'), readFileSync(demo('vibration-v1')));
    const { exitCode } = await fit({
      boards: { near: { latency_ms: { m: 1 } } },
      models: { m: 'm.tflite' },
    });
    assert.equal(exitCode, 0);
  });

  it('writes nothing where one board cannot be fitted', async () => {
    const { exitCode, stderr } = await fit({
      boards: { first: { latency_ms: { small: 1 } }, second: { latency_ms: { large: 1 } } },
      models,
    });
    assert.equal(exitCode, 2);
    assert.match(stderr, /latencies-invalid: .*boards\.second must have the latency of a model/);
    assert.ok(!readdirSync(path.join(folder, 'out')).includes('first.yaml'));
  });

  const board = { latency_ms: { small: 1 } };
  const wrong: readonly (readonly [what: string, content: unknown, says: RegExp])[] = [
    ['no JSON', '{', /latencies-invalid: it is no JSON/],
    ['no boards', { models }, /latencies-invalid: boards is missing/],
    ['an empty map of boards', { boards: {}, models }, /boards must have at least one board/],
    ['no models', { boards: { a: board } }, /latencies-invalid: models is missing/],
    ['no latencies', { boards: { a: {} }, models }, /boards\.a\.latency_ms is missing/],
    [
      'a latency of nothing',
      { boards: { a: { latency_ms: { small: 0 } } }, models },
      /boards\.a\.latency_ms\.small must be a number of milliseconds above 0/,
    ],
    [
      'a latency that is a text',
      { boards: { a: { latency_ms: { small: '1' } } }, models },
      /boards\.a\.latency_ms\.small must be a number/,
    ],
    [
      'two boards of one name',
      { boards: { 'a b': board, 'a-b': board }, models },
      /both be named a-b/,
    ],
    [
      'a model that is not there',
      { boards: { a: board }, models: { small: 'x' } },
      /file-unreadable/,
    ],
  ];
  for (const [what, content, says] of wrong) {
    it(`is refused ${what}`, async () => {
      const { exitCode, stderr } = await fit(content);
      assert.equal(exitCode, 2);
      assert.match(stderr, says);
    });
  }

  it('does not take the place of simulate', async () => {
    const { stdout } = await runCommand(['simulate', '--help'], folder);
    assert.match(stdout, /--live/);
  });
});
