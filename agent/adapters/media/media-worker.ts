import { parentPort } from 'node:worker_threads';
import { decodeMedia } from './decode-media.js';
import type { MediaAnswer, MediaJob } from './media-job.js';

// The thread that decodes files from outside. It knows nothing but the file: whoever started it ends it when it is late.

if (parentPort === null) throw new Error('this file is started as a worker');
const port = parentPort;

port.on('message', ({ bytes, form }: MediaJob) => {
  const answer: MediaAnswer = decodeMedia(bytes, form);
  port.postMessage(answer, answer.ok ? [answer.value.values.buffer as ArrayBuffer] : []);
});
