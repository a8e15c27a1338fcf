import assert from 'node:assert/strict';
import { createPinoLog } from '../../../agent/adapters/pino-log.js';

describe('The log', () => {
  const logged = (fields: Record<string, unknown>): Record<string, unknown> => {
    const lines: string[] = [];
    createPinoLog('press-7', { write: (line) => lines.push(line) }).warn('it-happened', fields);
    assert.equal(lines.length, 1);
    return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
  };

  it('is one line of JSON for each event, with device and time', () => {
    const { time, ...line } = logged({ slot: 'vibration', sequence: 7 });
    assert.deepEqual(line, {
      level: 40,
      device: 'press-7',
      msg: 'it-happened',
      slot: 'vibration',
      sequence: 7,
    });
    assert.ok(!Number.isNaN(Date.parse(String(time))));
  });

  it('leaves out what has the name of a secret, however deep', () => {
    const text = JSON.stringify(
      logged({
        password: 'hunter2',
        mqtt: { username: 'me', password: 'hunter2', tls: { key: 'hunter2' } },
      }),
    );
    assert.doesNotMatch(text, /hunter2/);
    assert.match(text, /"username":"me"/);
  });

  it('stays readable whatever the fields are', () => {
    const endless: Record<string, unknown> = {};
    endless['self'] = endless;
    const line = logged({
      detail: 'x'.repeat(100_000),
      payload: new Uint8Array(100_000),
      list: Array<string>(100_000).fill('y'),
      error: new Error('broken'),
      breaks: 'a\nb\u0000\u001b[31m',
      endless,
    });
    assert.ok(JSON.stringify(line).length < 2_000);
    assert.equal(line['payload'], '[100000 bytes]');
    assert.equal(line['error'], 'broken');
  });
});
