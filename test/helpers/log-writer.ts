import process from 'node:process';
import { createStandardErrorLog } from '../../agent/adapters/log/standard-error-log.js';

// A process that logs so many lines as fast as it can, waits so long for its log at the end, and tells on standard
// output what it cost it.
const [count = 0, flushMs = 0] = process.argv.slice(2).map(Number);
const log = createStandardErrorLog('press-7', 'info');
const beganMs = performance.now();
for (let i = 0; i < count; i++) log.info('it-happened', { number: i });
const loggedMs = performance.now() - beganMs;
// Time for the world to do its part: a file to be written, a reader to wake up.
await new Promise((resolve) => setTimeout(resolve, 500));
const flushBeganMs = performance.now();
await log.flush(flushMs);
const flushedMs = performance.now() - flushBeganMs;
process.stdout.write(JSON.stringify({ dropped: log.droppedLines, loggedMs, flushedMs }));
