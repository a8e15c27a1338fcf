import process from 'node:process';
import { createStandardErrorLog } from '../../agent/adapters/log/standard-error-log.js';

// A process that logs so many lines as fast as it can, and tells on standard output what it cost it.
const count = Number(process.argv[2]);
const log = createStandardErrorLog('press-7', 'info');
const beganMs = performance.now();
for (let i = 0; i < count; i++) log.info('it-happened', { number: i });
const loggedMs = performance.now() - beganMs;
// Time for the world to do its part: a file to be written, a reader to wake up.
await new Promise((resolve) => setTimeout(resolve, 500));
const flushBeganMs = performance.now();
await log.flush(300);
const flushedMs = performance.now() - flushBeganMs;
process.stdout.write(JSON.stringify({ dropped: log.droppedLines, loggedMs, flushedMs }));
