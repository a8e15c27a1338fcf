import process from 'node:process';
import { parentPort } from 'node:worker_threads';
import type { MediaAnswer, MediaJob } from '../../../../agent/adapters/media/media-job.js';

// A decoder that does what the first byte of a file says: hang, die, leave, eat memory, or give the byte back.

parentPort?.on('message', ({ bytes }: MediaJob) => {
  switch (String.fromCharCode(bytes[0] ?? 0)) {
    case 'h':
      for (;;);
    case 'd':
      throw new Error('died of a file');
    case 'x':
      process.exit(3);
      break;
    case 'm': {
      const held: object[] = [];
      for (;;) held.push(Array.from({ length: 1_000 }, (_, i) => ({ i })));
    }
  }
  const answer: MediaAnswer = { ok: true, value: { values: Float32Array.of(bytes[1] ?? 0) } };
  parentPort?.postMessage(answer);
});
