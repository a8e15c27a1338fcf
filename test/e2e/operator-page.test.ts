import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../helpers/command-line.js';
import { requires } from '../helpers/requires.js';
import { Site } from '../helpers/site.js';

const page = readFileSync(path.resolve(import.meta.dirname, '../../../docs/operator.md'), 'utf8');

describe('the page for operators', () => {
  let site: Site;

  before(async function () {
    requires(this, 'mosquitto');
    site = await Site.open();
    for (const [from, to] of [
      ['vibration-v1.tflite', 'model.tflite'],
      ['labels.txt', 'labels.txt'],
    ] as const) {
      copyFileSync(
        fileURLToPath(import.meta.resolve(`#demo-models/${from}`)),
        path.join(site.folder, to),
      );
    }
    const [pipeline = ''] = blocks('json');
    writeFileSync(path.join(site.folder, 'pipeline.json'), pipeline);
  });

  after(async () => {
    await site?.close();
  });

  it('has commands that do what they say, in the order of the page', async () => {
    const lines = blocks('sh').flatMap((block) => block.trim().split('\n'));
    assert.equal(lines.length, 6);
    for (const line of lines) {
      const words = line
        .replace('1883', String(site.broker.port))
        // The site has made a folder of this name for itself.
        .replace(/\bkeys$|\bkeys (?=-o)/, (name) => name.replace('keys', 'mine'))
        .split(' ');
      assert.equal(words.shift(), 'tinylamp');
      const { exitCode, stderr } = await runCommand(words, site.folder);
      assert.equal(exitCode, 0, `${line}\n${stderr}`);
    }
  });
});

/** The fenced blocks of the page in a language. */
function blocks(language: string): readonly string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map(
    ([, code = '']) => code,
  );
}
