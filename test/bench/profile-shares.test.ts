import assert from 'node:assert/strict';
import { sharesOf } from './profile-shares.js';

/** What perf writes: a stack for each sample, the innermost function first. */
const samples = [
  [
    'JS:*wasm-function[13]-13-turbofan',
    'JS:*invoke file:///t/dist/agent/adapters/engine/loaded-model.js:1',
  ],
  [
    'v8::internal::JsonParser<unsigned char>::ParseJson',
    'Builtins_JsonParse',
    'JS:*handle /t/node_modules/mqtt/a.js:1',
  ],
  [
    'tcp_sendmsg',
    'LibuvStreamWrap::DoWrite',
    'JS:*gather file:///t/dist/agent/adapters/mqtt/connection.js:1',
  ],
  [
    'eventfd_write',
    'node::worker::MessagePort::PostMessage',
    'JS:*step file:///t/dist/agent/core/agent.js:1',
  ],
  [
    'Builtins_LoadIC',
    'JS:*step file:///t/dist/agent/core/agent.js:1',
    'node::worker::MessagePort::OnMessage',
  ],
  ['v8::internal::Scavenger::Process', 'JS:*step file:///t/dist/agent/core/agent.js:1'],
  ['finish_task_switch', 'epoll_pwait', 'uv__io_poll'],
  ['memcpy', 'uv__read', 'uv__stream_io', 'uv__io_poll'],
];

describe('sharesOf', () => {
  it('counts each sample of a profile with the innermost function that is known', () => {
    const script = samples
      .map((stack) => `\n${stack.map((name) => `\t    7f00 ${name}`).join('\n')}\n`)
      .join('\n');
    const shares = Object.fromEntries(sharesOf(script));
    assert.deepEqual(shares, {
      wasm: 1 / 8,
      codec: 1 / 8,
      mqtt: 2 / 8,
      handOver: 1 / 8,
      core: 1 / 8,
      collector: 1 / 8,
      rest: 1 / 8,
    });
  });
});
