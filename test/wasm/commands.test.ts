import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Code } from '../../protocol/codes.js';

const model = 'simulator/demo/models/vibration-v1.tflite';

describe('the commands for models', () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-commands-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });

  /** A file in the temporary folder. */
  const file = (name: string, bytes?: Uint8Array | string): string => {
    const named = path.join(folder, name);
    if (bytes !== undefined) writeFileSync(named, bytes);
    return named;
  };

  describe('run', () => {
    it('writes the raw outputs that upstream computes', () => {
      const { input, output } = recorded();
      const written = file('scores.bin');
      const { status } = tinylamp(
        'run',
        model,
        '--input',
        file('window.bin', input),
        '--output',
        written,
      );
      assert.equal(status, 0);
      assert.deepEqual(new Uint8Array(readFileSync(written)), output);
    });

    it('shows the values of the outputs', () => {
      const { input, output } = recorded();
      const window = file('window.bin', input);
      const values = [...new Int8Array(output)];
      assert.match(tinylamp('run', model, '-i', window).stdout, new RegExp(values.join(', ')));
      const { stdout } = tinylamp('run', model, '-i', window, '--json');
      const { outputs } = JSON.parse(stdout) as { outputs: { values: number[] }[] };
      assert.deepEqual(outputs[0]?.values, values);
    });

    it('refuses an input of another size', () => {
      for (const bytes of [0, 767, 769]) {
        const window = file('short.bin', new Uint8Array(bytes));
        assertRefused(tinylamp('run', model, '--input', window), 'input-size-mismatch', 1);
      }
    });

    it('refuses what is no model, and files that are not there', () => {
      const window = file('window.bin', recorded().input);
      const text = file('model.txt', 'this is not a model, but text');
      assertRefused(tinylamp('run', text, '--input', window), 'model-not-tflite', 1);
      assertRefused(tinylamp('run', file('gone'), '--input', window), 'file-unreadable', 2);
      assertRefused(tinylamp('run', model, '--input', file('gone')), 'file-unreadable', 2);
    });

    it('is not understood without an input', () => {
      assertRefused(tinylamp('run', model), 'usage-invalid', 2);
    });
  });

  describe('inspect', () => {
    it('shows operators, tensors and the arena plan', () => {
      const { status, stdout } = tinylamp('inspect', model);
      assert.equal(status, 0);
      for (const part of ['CONV_2D', 'SOFTMAX', '1 x 256 x 1 x 3', '65,120', '1,280']) {
        assert.ok(stdout.includes(part), part);
      }
    });

    it('gives machines the same', () => {
      const report = JSON.parse(tinylamp('inspect', model, '--json').stdout) as {
        macs: number;
        arenaBytes: number;
        operators: unknown[];
      };
      assert.equal(report.macs, 65_120);
      assert.equal(report.arenaBytes, 1280);
      assert.equal(report.operators.length, 6);
    });

    it('predicts what the model takes on the shipped boards', () => {
      const { boards } = JSON.parse(tinylamp('inspect', model, '--json').stdout) as {
        boards: Record<string, { latencyMs: number; energyJ: number; exceeds: string[] }>;
      };
      assert.equal(Object.keys(boards).length, 9);
      const { latencyMs = 0, energyJ = 0, exceeds } = boards['nucleo-l4r5'] ?? {};
      assert.ok(latencyMs > 1 && latencyMs < 10, String(latencyMs));
      // It takes 40 mW while it computes.
      assert.ok(Math.abs(energyJ / latencyMs / 40e-6 - 1) < 1e-9, String(energyJ));
      assert.deepEqual(exceeds, []);
      assert.match(tinylamp('inspect', model).stdout, /nucleo-l4r5 +3\.\d+ +0\.\d+/);
    });

    it('draws a picture, in which names of tensors are no markup', () => {
      const bytes = readFileSync(model);
      const at = bytes.indexOf('serving_default_window');
      bytes.write('<script>\x07&', at, 'latin1');
      const picture = path.join(folder, 'model.svg');
      tinylamp('inspect', file('markup.tflite', bytes), '--svg', picture);
      const svg = readFileSync(picture, 'utf8');
      assert.match(svg, /^<svg [\s\S]*CONV_2D[\s\S]*<\/svg>\n$/);
      assert.ok(svg.includes('&lt;script&gt;�&amp;'));
      assert.ok(!svg.includes('<script'));
    });

    it('does not let names of tensors write to the terminal', () => {
      const bytes = readFileSync(model);
      const at = bytes.indexOf('serving_default_window');
      assert.ok(at > 0);
      bytes.write('\x1b[2J\x07', at, 'latin1');
      const { stdout } = tinylamp('inspect', file('escape.tflite', bytes));
      assert.ok(stdout.includes('[2J'));
      // eslint-disable-next-line no-control-regex
      assert.doesNotMatch(stdout, /[\x00-\x09\x0b-\x1f]/);
    });
  });

  describe('bench', () => {
    it('measures in microseconds', () => {
      const { status, stdout } = tinylamp('bench', model, '--json');
      assert.equal(status, 0);
      const { minUs, medianUs, p99Us } = JSON.parse(stdout) as Record<string, number>;
      assert.ok(minUs !== undefined && medianUs !== undefined && p99Us !== undefined);
      assert.ok(minUs > 0 && minUs <= medianUs && medianUs <= p99Us);
    });

    it('measures each operator too, whose shares are the whole', () => {
      const { stdout } = tinylamp('bench', model, '--profile', '--json');
      const { operators } = JSON.parse(stdout) as {
        operators: { name: string; us: number; share: number; macs: number }[];
      };
      const names = operators.map(({ name }) => name);
      assert.deepEqual([names[0], names.at(-1)], ['CONV_2D', 'SOFTMAX']);
      assert.ok(operators.every(({ us }) => us > 0));
      const sum = (of: 'share' | 'macs'): number =>
        operators.reduce((total, each) => total + each[of], 0);
      assert.ok(Math.abs(sum('share') - 1) < 1e-6);
      assert.equal(sum('macs'), 65_120);
      assert.match(tinylamp('bench', model, '--profile').stdout, /^ +\d+ {2}CONV_2D .* %/m);
    });

    it('says what of the limit of the processor each operator reaches, where its core has SIMD', () => {
      const limitsOf = (core: string): { int8: number; float32: number } | undefined => {
        const args = ['bench', model, '--profile', '--json'] as const;
        const { stdout } = tinylampWith({ TINYLAMP_WASM: core }, ...args);
        return (JSON.parse(stdout) as { limits?: { int8: number; float32: number } }).limits;
      };
      assert.equal(limitsOf('plain'), undefined);
      const { int8 = 0, float32 = 0 } = limitsOf('simd128') ?? {};
      assert.ok(int8 > 0 && Number.isFinite(int8) && float32 > 0 && Number.isFinite(float32));
    });

    it('says which core it has measured', () => {
      for (const core of ['plain', 'simd128']) {
        const { stdout } = tinylampWith({ TINYLAMP_WASM: core }, 'bench', model, '--json');
        assert.equal((JSON.parse(stdout) as { core: unknown }).core, core);
      }
    });
  });

  describe('conform', () => {
    it('counts what passed in its last line', () => {
      const { status, stdout } = tinylamp(
        'conform',
        'test/conformance',
        '--only',
        'vibration_v1,softmax__steep',
      );
      assert.equal(status, 0);
      assert.equal(stdout.trimEnd().split('\n').at(-1), '2 passed, 0 failed');
    });

    it('fails where one case fails, and says which', () => {
      const copy = file('conformance');
      cpSync('test/conformance', copy, { recursive: true });
      writeFileSync(path.join(copy, 'softmax__steep.tflite'), 'TFL3');
      const junit = file('junit.xml');
      const { status, stdout } = tinylamp(
        ...['conform', copy, '--only', 'vibration_v1,softmax__steep', '--junit', junit],
      );
      const xml = readFileSync(junit, 'utf8');
      assert.match(xml, /<testsuite name="conform" tests="2" failures="1"/);
      assert.match(xml, /<testcase classname="conform" name="[a-z_0-9]+"><failure type="[a-z-]+"/);
      assert.equal(status, 1);
      assert.match(stdout, /^FAILED {2}softmax__steep: model-truncated/m);
      assert.equal(stdout.trimEnd().split('\n').at(-1), '1 passed, 1 failed');
    });

    it('runs another build of the core where TINYLAMP_WASM names one', () => {
      const core = file('core.wasm', 'no core');
      const ended = tinylampWith({ TINYLAMP_WASM: core }, 'conform', 'test/conformance');
      assertRefused(ended, 'usage-invalid', 2);
      for (const named of ['wasm/pkg/tinylamp_bg.wasm', 'plain', 'simd128', '']) {
        const same = { TINYLAMP_WASM: named };
        assert.equal(
          tinylampWith(same, 'conform', 'test/conformance', '--only', 'add__same_shape').status,
          0,
          named,
        );
      }
    });

    it('runs the build that is asked for, whatever TINYLAMP_WASM names, and refuses others', () => {
      const words = ['conform', 'test/conformance', '--only', 'add__same_shape', '--build'];
      assert.equal(tinylampWith({ TINYLAMP_WASM: 'gone' }, ...words, 'plain').status, 0);
      assertRefused(tinylamp(...words, 'toString'), 'usage-invalid', 2);
      assertRefused(tinylamp(...words, 'wasm/pkg/tinylamp_bg.wasm'), 'usage-invalid', 2);
    });

    it('refuses names that the folder does not have, and folders without an index', () => {
      assertRefused(
        tinylamp('conform', 'test/conformance', '--only', 'vibration_v9'),
        'usage-invalid',
        2,
      );
      assertRefused(tinylamp('conform', folder), 'conformance-folder-invalid', 2);
    });
  });
});

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function tinylamp(...words: readonly string[]): Ended {
  return tinylampWith({}, ...words);
}

function tinylampWith(env: Readonly<Record<string, string>>, ...words: readonly string[]): Ended {
  return spawnSync(process.execPath, ['bin/tinylamp.js', ...words], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: 60_000,
  });
}

function assertRefused({ status, stderr }: Ended, code: Code, exitCode: number): void {
  assert.equal(status, exitCode, stderr);
  assert.ok(stderr.includes(`${code}: `), stderr);
}

/** The first vector of the demo model, as upstream computed it. */
function recorded(): { readonly input: Uint8Array; readonly output: Uint8Array } {
  const bytes = new Uint8Array(readFileSync('test/conformance/vibration_v1.bin'));
  return { input: bytes.slice(0, 768), output: bytes.slice(768, 772) };
}
