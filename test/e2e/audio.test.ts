import assert from 'node:assert/strict';
import { PageShell } from '../helpers/page-shell.js';
import { requires } from '../helpers/requires.js';

describe('the page about words in sound', () => {
  let shell: PageShell;

  before(async function () {
    requires(this, 'mosquitto');
    requires(this, 'shared');
    const models = ['micro_speech_quantized', 'audio_preprocessor_int8'];
    const clips = ['yes', 'no', 'silence', 'noise'];
    shell = await PageShell.type('docs/audio.md', {
      files: [
        ...models.map((name) => `models/${name}.tflite`),
        ...clips.map((name) => `inputs/${name}_1000ms.wav`),
      ],
      written: { json: 'pipeline.json', yaml: 'agent.yaml' },
    });
  });
  after(() => shell?.end());

  it('has yes and no heard as such by the agent, and silence and noise as neither', async () => {
    const [yes, no, ...others] = await shell.results(4);
    assert.deepEqual([yes?.label, no?.label], ['yes', 'no']);
    assert.ok((yes?.score ?? 0) > 0.9 && (no?.score ?? 0) > 0.9);
    assert.equal(others.length, 2);
    for (const { label } of others) assert.ok(label !== 'yes' && label !== 'no', label);
  });

  it('shows what run prints', () => {
    const at = shell.output.entries.findIndex((line) => line.startsWith('yes '));
    const printed = shell.output.entries.slice(at, at + 4).join('\n');
    assert.ok(shell.page.includes(`\n${printed}\n`), printed);
  });

  it('ends with a release of two models that is committed', async () => {
    await shell.complaints.find((text) => text.includes('"event":"committed"'));
  });
});
