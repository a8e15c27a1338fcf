import assert from 'node:assert/strict';
import { PageShell } from '../helpers/page-shell.js';
import { requires } from '../helpers/requires.js';

describe('the page about one’s own model', () => {
  let shell: PageShell;

  before(async function () {
    requires(this, 'mosquitto');
    requires(this, 'shared');
    shell = await PageShell.type('docs/own-model.md', {
      files: ['models/person_detect.tflite', 'inputs/person.bmp', 'inputs/no_person.bmp'],
      written: { yaml: 'agent.yaml' },
    });
  });
  after(() => shell?.end());

  it('has the two pictures of TensorFlow labelled rightly, as they are', async () => {
    const results = await shell.results(2);
    assert.deepEqual(
      results.map(({ label, sequence }) => [label, sequence]),
      [
        ['person', 1],
        ['no person', 1],
      ],
    );
  });

  it('ends with a release that was fetched, verified, tested and committed', async () => {
    await shell.complaints.find((text) => text.includes('"event":"committed"'));
    const lines = shell.complaints.entries
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
