import assert from 'node:assert/strict';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as pass } from 'node:timers/promises';
import { program } from './command-line.js';
import { Journal } from './journal.js';
import { findFreePort } from './mosquitto.js';
import { sharedFolder } from './requires.js';

/** An inference result as it is published. */
interface PublishedResult {
  readonly label?: string;
  readonly score?: number;
  readonly sequence: number;
  readonly window: number;
}

/** A shell that was told, line by line, what a page of the documentation says. The suite requires `mosquitto` and `shared`. */
export class PageShell {
  readonly output = new Journal<string>('output');
  readonly complaints = new Journal<string>('standard error');
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-page-'));
  #shell: ChildProcessWithoutNullStreams | undefined;

  /** The text of the page. */
  readonly page: string;

  private constructor(page: string) {
    this.page = page;
  }

  /**
   * Types the lines of the page's `sh` block.
   *
   * @param needs.files of the reference data, which the reader has
   * @param needs.written files that the reader writes: by the language of their block
   */
  static async type(
    page: string,
    needs: {
      readonly files: readonly string[];
      readonly written: Readonly<Record<string, string>>;
    },
  ): Promise<PageShell> {
    const typed = new PageShell(readFileSync(page, 'utf8'));
    try {
      await typed.#type(needs);
    } catch (error) {
      await typed.end();
      throw error;
    }
    return typed;
  }

  /** The results of so many windows, once they are there. */
  async results(count: number): Promise<readonly PublishedResult[]> {
    const isResult = (text: string): boolean => text.startsWith('{"t"');
    const read = (text: string): PublishedResult => JSON.parse(text) as PublishedResult;
    await this.output.find((text) => isResult(text) && read(text).window === count);
    return this.output.entries.filter(isResult).map(read);
  }

  /** Ends whatever was started. */
  async end(): Promise<void> {
    const shell = this.#shell;
    if (shell?.pid !== undefined) {
      const closed = new Promise((resolve) => shell.once('close', resolve));
      process.kill(-shell.pid, 'SIGTERM');
      await closed;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #type({ files, written }: Parameters<typeof PageShell.type>[1]): Promise<void> {
    const { output, complaints, page: text } = this;
    for (const file of files) {
      copyFileSync(
        path.join(sharedFolder, 'data', file),
        path.join(this.#folder, path.basename(file)),
      );
    }
    const port = String(await findFreePort());
    for (const [language, name] of Object.entries(written)) {
      const block = codeBlock(text, language).join('\n').replaceAll('1883', port);
      writeFileSync(path.join(this.#folder, name), block);
    }
    const shell = startShell(this.#folder, port, output, complaints);
    this.#shell = shell;
    for (const line of codeBlock(text, 'sh')) {
      const from = output.length;
      shell.stdin.write(`${line.replaceAll('1883', port)}\necho "done $?"\n`);
      const done = await output.find((each) => each.startsWith('done '), from);
      assert.equal(done, 'done 0', `${line}: ${complaints.entries.join('\n')}`);
      // A person looks at what was started before typing on.
      if (line.startsWith('mosquitto -p')) {
        await complaints.find((each) => /mosquitto version \S+ running/.test(each));
      }
      if (line.includes('tinylamp agent')) {
        await complaints.find((each) => each.includes('"event":"trial"'));
        // It listens to its source a moment later, which nothing tells; a person is slower still.
        await pass(500);
      }
    }
  }
}

/** The lines of the first fenced block in a language. */
function codeBlock(page: string, language: string): readonly string[] {
  const [, code] = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'm').exec(page) ?? [
    undefined,
    '',
  ];
  return code.trim().split('\n');
}

/** A shell in which `tinylamp` is linked as npm does it, and Mosquitto's tools find the port by themselves. */
function startShell(
  folder: string,
  port: string,
  output: Journal<string>,
  complaints: Journal<string>,
): ChildProcessWithoutNullStreams {
  const linked = path.join(folder, 'linked');
  mkdirSync(linked);
  symlinkSync(program, path.join(linked, 'tinylamp'));
  for (const tool of ['mosquitto_pub', 'mosquitto_sub']) {
    writeFileSync(path.join(linked, tool), `-p ${port}\n`);
  }
  const { PATH = '' } = process.env;
  const shell = spawn('bash', {
    cwd: folder,
    // A group of its own, so that what runs in the background can be ended with it.
    detached: true,
    env: {
      ...process.env,
      PATH: `${linked}:${path.dirname(process.execPath)}:${PATH}:/usr/sbin:/usr/local/sbin`,
      XDG_CONFIG_HOME: linked,
    },
  });
  collectLines(shell.stdout, output);
  collectLines(shell.stderr, complaints);
  return shell;
}

function collectLines(stream: NodeJS.ReadableStream, journal: Journal<string>): void {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) journal.add(line);
  });
}
