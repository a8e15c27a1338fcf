import assert from 'node:assert/strict';
import { loadCommands } from '../../bin/commands.js';

describe('the commands that are loaded', () => {
  const rows: readonly (readonly [line: string, loaded: RegExp, number: number])[] = [
    ['publish v1.tinylamp --keys keys', /^publish$/, 1],
    ['rollout status --slot vibration', /^rollout status$/, 1],
    ['rollout --help', /^rollout \w+$/, 9],
    ['rollout statsu', /^rollout \w+$/, 9],
    ['keys', /^keys new$/, 1],
    ['simulate --live', /^simulate$/, 1],
    ['simulate fit latencies.json', /^simulate fit$/, 1],
    ['--version', /^$/, 0],
    ['--help', /./, 29],
    ['publsih', /./, 29],
    ['--json demo', /./, 29],
    ['', /./, 29],
  ];
  for (const [line, loaded, number] of rows) {
    it(`are ${number} for “tinylamp ${line}”`, async () => {
      const words = line === '' ? [] : line.split(' ');
      const all = (await loadCommands(words)).map((command) => command.words);
      assert.equal(all.length, number);
      for (const each of all) assert.match(each, loaded);
    });
  }

  it('are listed under the words that call them', async () => {
    for (const { words } of await loadCommands()) {
      assert.deepEqual(
        (await loadCommands(words.split(' '))).map((command) => command.words),
        [words],
      );
    }
  });
});
