import process from 'node:process';
import type { Terminal } from './command.js';

/** The terminal of this process. */
export function createTerminal(): Terminal {
  let progressShown = false;
  const clearProgress = (): void => {
    if (progressShown) process.stderr.write('\r\x1b[2K');
    progressShown = false;
  };
  // A reader that goes away (`tinylamp watch | head`) ends the program quietly, as it does other tools.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? 0 : 1);
  });
  return {
    print(line) {
      clearProgress();
      process.stdout.write(`${line}\n`);
    },
    printJson(value) {
      clearProgress();
      process.stdout.write(`${JSON.stringify(value)}\n`);
    },
    progress(text) {
      if (process.stderr.isTTY) {
        clearProgress();
        process.stderr.write(text);
        progressShown = true;
      } else {
        process.stderr.write(`${text}\n`);
      }
    },
    interrupted: new Promise((resolve) => {
      process.once('SIGINT', resolve);
      process.once('SIGTERM', resolve);
    }),
  };
}
