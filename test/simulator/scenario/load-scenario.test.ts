import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CodedError } from '../../../protocol/coded-error.js';
import { loadScenario } from '../../../simulator/scenario/load-scenario.js';
import type { Scenario } from '../../../simulator/scenario/scenario.js';
import { least } from './parse.js';

describe('loadScenario', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-scenario-'));
    mkdirSync(path.join(folder, 'clips'));
    for (const name of ['a.tflite', 'b.tflite', 'rows.csv', 'board.yaml']) {
      writeFileSync(path.join(folder, name), name);
    }
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const load = (content: string | Uint8Array): Scenario => {
    const file = path.join(folder, 'scenario.yaml');
    writeFileSync(file, content);
    return loadScenario(file, ['pi4']);
  };
  const refusal = (content: string | Uint8Array): CodedError => {
    try {
      load(content);
    } catch (error) {
      if (error instanceof CodedError) return error;
      throw error;
    }
    throw new Error(`this was accepted: ${String(content).slice(0, 200)}`);
  };

  it('finds files relative to the scenario, and absolute ones', () => {
    const whole = path.join(folder, 'b.tflite');
    const { groups, releases } = load(
      least
        .replace('b.tflite', whole)
        .replace('count: 3', 'count: 3, profile: board.yaml')
        .replace('{kind: vibration}', '{kind: csv, file: ./rows.csv}'),
    );
    assert.deepEqual(
      releases.map(({ models }) => models),
      [[path.join(folder, 'a.tflite')], [whole]],
    );
    const [group] = groups;
    assert.equal(group?.profile.file, path.join(folder, 'board.yaml'));
    assert.ok(group.sensor.kind === 'csv');
    assert.equal(group.sensor.file, path.join(folder, 'rows.csv'));
  });

  it('finds the models of the demo with what they need, wherever the scenario is', () => {
    const { releases } = load(least.replace('a.tflite', '"demo:vibration-v1"'));
    const [demo] = releases;
    for (const file of [demo?.models[0], demo?.labels, demo?.pipeline]) {
      assert.ok(file !== undefined && path.isAbsolute(file) && existsSync(file), file);
    }
  });

  it('refuses a file that is not there, or a folder instead, with line and key', () => {
    const missing = refusal(least.replace('a.tflite', 'c.tflite'));
    assert.equal(missing.code, 'scenario-invalid');
    assert.match(
      missing.detail,
      /^line 6: releases.v1.model must name a file that can be read: ENOENT/,
    );
    assert.match(
      refusal(least.replace('a.tflite', 'clips')).detail,
      /must name a file; .*clips is none/,
    );
    const wav = (name: string) => least.replace('vibration}', `wav, folder: ${name}}`);
    assert.match(
      refusal(wav('rows.csv')).detail,
      /^line 4: fleet\[0\].sensor.folder must name a folder/,
    );
    assert.equal(load(wav('clips')).groups[0]?.sensor.kind, 'wav');
    assert.match(refusal(least.replace('a.tflite', '"a\\u0000.tflite"')).detail, /must be a text/);
  });

  it('refuses a scenario that is not there, too large, or not UTF-8', () => {
    assert.throws(() => loadScenario(path.join(folder, 'none.yaml'), []), {
      code: 'file-unreadable',
    });
    assert.throws(() => loadScenario(folder, []), { code: 'file-unreadable' });
    const comment = `${least}#`;
    const padded = (length: number): string => comment.padEnd(length, 'x');
    assert.equal(load(padded(1_048_576)).name, 'least');
    const large = refusal(padded(1_048_577));
    assert.match(`${large.code} ${large.detail}`, /^scenario-invalid .*more than 1048576 bytes/);
    const bytes = new TextEncoder().encode(comment);
    for (const bad of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80]]) {
      assert.match(refusal(Uint8Array.from([...bytes, ...bad])).detail, /is not UTF-8$/);
    }
    assert.equal(refusal(Buffer.from(least, 'utf16le')).code, 'scenario-invalid');
    assert.equal(load(`\ufeff${least}`).name, 'least');
  });

  it('refuses what is no YAML, or more of it than was written, with the line', () => {
    for (const [text, message] of [
      ['name: [least', /^line \d+: /],
      [`${least}---\nname: other\n`, /^line 8: /],
      [least.replace('count: 3', '"count": 3, count: 3'), /^line 4: map keys must be unique$/],
      [`${least}labels: *share\n`, /^line 8: an alias has no anchor before it$/],
      [`${least}labels: &a {share: *a}\n`, /^line 8: an alias is part of what it stands for$/],
      [`${least}seed: !!int 5\n`, /^line 8: Unresolved tag/],
      [`${least}seed: ${'['.repeat(100_000)}`, /^line 8: it is nested too deeply$/],
    ] as const) {
      const { code, detail } = refusal(text);
      assert.equal(code, 'scenario-invalid');
      assert.match(detail, message);
    }
  });

  it('takes anchors where many are alike, and no number of them for another one', () => {
    const groups = Array.from({ length: 50 }, () => '  - {count: 1, sensor: *s}').join('\n');
    const yaml = least
      .replace('sensor: {', 'sensor: &s {')
      .replace('releases:', `${groups}\nreleases:`);
    assert.equal(load(yaml).groups.length, 51);
    assert.equal(load(`%YAML 1.1\n---\n${least}seed: 010\n`).seed, 10);
  });
});
