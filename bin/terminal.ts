import process from 'node:process';
import type { Screen, Terminal } from './command.js';

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
    notice(text) {
      clearProgress();
      process.stderr.write(`${text}\n`);
    },
    screen: process.stdout.isTTY ? createScreen(process.stdout) : undefined,
    interrupted: new Promise((resolve) => {
      process.once('SIGINT', resolve);
      process.once('SIGTERM', resolve);
    }),
  };
}

/** Draws over what it drew before; what was printed earlier stays above. Plain ANSI: it works over ssh. */
function createScreen(stdout: NodeJS.WriteStream): Screen {
  let height = 0;
  return {
    get size() {
      return { columns: stdout.columns || 80, rows: stdout.rows || 24 };
    },
    show(lines) {
      const up = height > 0 ? `\x1b[${height}A` : '';
      // Each line is erased to its end, and then all that was below: no flicker, no remains.
      stdout.write(`${up}\r${lines.map((line) => `${line}\x1b[K\n`).join('')}\x1b[J`);
      height = lines.length;
    },
  };
}
