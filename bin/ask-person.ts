import process from 'node:process';
import { createInterface } from 'node:readline/promises';

/** Asks the person at the terminal, one question after the other. */
export interface Person {
  /** What was typed, without the spaces around it; undefined where the input ended. */
  ask(question: string): Promise<string | undefined>;
  leave(): void;
}

/** Undefined where nobody sits at the standard input. */
export function findPerson(): Person | undefined {
  if (!process.stdin.isTTY) return undefined;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new Promise<undefined>((resolve) => {
    lines.once('close', () => {
      resolve(undefined);
    });
  });
  return {
    ask: (question) => Promise.race([lines.question(question).then((text) => text.trim()), ended]),
    leave: () => {
      lines.close();
    },
  };
}
