import { spawn } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { program } from './command-line.js';
import { Journal } from './journal.js';

/** A line of the agent's log. */
export interface LogLine {
  readonly msg: string;
  readonly code?: string;
  readonly [field: string]: unknown;
}

/** `tinylamp agent` in a process of its own. */
export interface AgentProcess {
  readonly pid: number;
  /** What it has logged, in order. */
  readonly log: Journal<LogLine>;
  /** What it wrote on standard error that is no line of the log: a refusal, or a stack trace. */
  readonly complaints: () => string;
  /** Settles with the exit code, or the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals | null>;
  /** Sends a signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

/** What an agent process has around it. */
export interface Surroundings {
  /** A file descriptor that it has as standard error; then its log is not heard here. */
  readonly stderr?: number;
  /** Variables of the environment beside those of the test. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** Starts an agent with a configuration file. It dies with the test process at the latest. */
export function startAgent(
  configFile: string,
  nodeOptions: readonly string[] = [],
  surroundings: Surroundings = {},
): AgentProcess {
  return startProcess([...nodeOptions, program, 'agent', '--config', configFile], surroundings);
}

/** The same with an engine in which models of `hostileModel` are hostile. */
export function startHostileAgent(configFile: string): AgentProcess {
  return startProcess([fileURLToPath(new URL('./hostile-agent.js', import.meta.url)), configFile]);
}

function startProcess(
  words: readonly string[],
  { stderr, variables }: Surroundings = {},
): AgentProcess {
  const child = spawn(process.execPath, words, {
    stdio: ['ignore', 'ignore', stderr ?? 'pipe'],
    env: { ...process.env, ...variables },
  });
  const log = new Journal<LogLine>('log');
  let complaints = '';
  let rest = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('{"level"')) log.add(JSON.parse(line) as LogLine);
      else complaints += `${line}\n`;
    }
  });
  const killWithParent = (): void => {
    child.kill('SIGKILL');
  };
  process.once('exit', killWithParent);
  const exited = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once('close', (code, signal) => {
      process.off('exit', killWithParent);
      resolve(code ?? signal);
    }),
  );
  return {
    pid: child.pid ?? 0,
    log,
    complaints: () => complaints + rest,
    exited,
    end(signal = 'SIGTERM') {
      child.kill(signal);
      return exited;
    },
  };
}
