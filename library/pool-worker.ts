import { parentPort, workerData } from 'node:worker_threads';
import { rejectionOfEngine } from '../protocol/engine-codes.js';
import { Interpreter } from '../wasm/loader/interpreter.js';
import type { PoolReply, PoolRequest, PoolWorkerData } from './pool-message.js';
import { bytesOf, viewElements } from './tensor-array.js';

// A thread of a pool, with a copy of the model in an instance of its own.

if (parentPort === null) throw new Error('this file is started as a worker');
const port = parentPort;
const { core, model, limits } = workerData as PoolWorkerData;

const say = (reply: PoolReply, transferred: readonly ArrayBuffer[] = []): void => {
  port.postMessage(reply, transferred);
};
const create = (): Interpreter => Interpreter.create(core, new Uint8Array(model), limits);

try {
  const first = create();
  if (first.report.variableBytes > 0) {
    const detail = 'windows would meet the state of others';
    say({ kind: 'refused', rejection: { code: 'batch-unsupported', detail } });
  } else {
    say({ kind: 'ready', inputs: first.inputs, outputs: first.outputs });
    serve(first);
  }
} catch (error) {
  say({ kind: 'refused', rejection: rejectionOfEngine(error) });
}

function serve(first: Interpreter): void {
  let interpreter = first;
  port.on('message', (inputs: PoolRequest) => {
    try {
      for (const [i, values] of inputs.entries()) interpreter.inputView(i).set(bytesOf(values));
      interpreter.invoke();
      const outputs = interpreter.outputs.map(({ type }, i) =>
        viewElements(type, interpreter.outputView(i).slice()),
      );
      say(
        { kind: 'answered', outputs },
        outputs.map(({ buffer }) => buffer as ArrayBuffer),
      );
    } catch (error) {
      const rejection = rejectionOfEngine(error);
      // After a trap an instance is in no state to be used again.
      if (rejection.code === 'engine-trapped') interpreter = create();
      say({ kind: 'refused', rejection });
    }
  });
}
