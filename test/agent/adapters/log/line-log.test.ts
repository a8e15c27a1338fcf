import assert from 'node:assert/strict';
import { createJsonFormat } from '../../../../agent/adapters/log/json-line.js';
import { createLineLog } from '../../../../agent/adapters/log/line-log.js';
import { createTerminalFormat } from '../../../../agent/adapters/log/terminal-line.js';
import type { Log, LogLevel } from '../../../../agent/ports/log.js';

const createLog = (lines: string[], level: LogLevel = 'info', isTerminal = false): Log =>
  createLineLog({
    level,
    format: isTerminal
      ? createTerminalFormat(() => new Date(2026, 0, 1, 12, 30, 5))
      : createJsonFormat('press-7'),
    lines: { write: (line) => lines.push(line), droppedLines: 0 },
  });

describe('The log', () => {
  const logged = (fields: Record<string, unknown>): Record<string, unknown> => {
    const lines: string[] = [];
    createLog(lines).warn('it-happened', fields);
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

  for (const [level, shown] of [
    ['error', ['error']],
    ['warn', ['warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['debug', ['debug', 'info', 'warn', 'error']],
  ] as const) {
    it(`shows ${shown.join(', ')} at level ${level}`, () => {
      const lines: string[] = [];
      const log = createLog(lines, level);
      for (const each of ['debug', 'info', 'warn', 'error'] as const) log[each](each);
      assert.deepEqual(
        lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
        shown,
      );
    });
  }

  it('begins each line of JSON with the number of its level, as readers rely on', () => {
    const lines: string[] = [];
    createLog(lines).info('started');
    assert.match(lines[0] ?? '', /^{"level":30,/);
  });

  it('is a line for people on a terminal', () => {
    const lines: string[] = [];
    createLog(lines, 'info', true).info('committed', {
      event: 'committed',
      slot: 'vibration',
      release: 2,
      reason: 'all is well',
      code: undefined,
    });
    assert.deepEqual(lines, [
      '12:30:05 \x1b[32minfo \x1b[0m committed slot=vibration release=2 reason="all is well"',
    ]);
  });

  it('lets no stranger write on a terminal', () => {
    const lines: string[] = [];
    createLog(lines, 'info', true).warn('document-refused', {
      reason: 'a\u001b[2Jb\u009b1mc\u202ed\u0007e\nf\u2028g\ud800h',
      'na\u001bme': 'x',
    });
    const [line = ''] = lines;
    const own = line.replace('\x1b[33m', '').replace('\x1b[0m', '');
    assert.doesNotMatch(own, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    assert.match(line, /reason="a.*b.*c.*d.*e.*f.*g.*h"/);
  });
});
