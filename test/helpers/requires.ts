import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

/** What a test may need from outside the repository, and how to get it. */
const installCommands = {
  mosquitto: 'apt-get install mosquitto mosquitto-clients',
  nats: 'apt-get install nats-server',
  openssl: 'apt-get install openssl',
  rabbitmq: 'apt-get install rabbitmq-server',
  strace: 'apt-get install strace',
  script: 'apt-get install bsdutils',
  shared: 'set TINYLAMP_SHARED to the folder with the reference data',
  chromium: 'apt-get install chromium',
  cddl: 'cargo install cddl --version 0.10.7',
} as const;

/** Names something outside the repository. */
export type Requirement = keyof typeof installCommands;

/** The folder with the reference data: `$TINYLAMP_SHARED`, or `shared` beside the project. */
export const sharedFolder = path.resolve(process.env['TINYLAMP_SHARED'] ?? '../shared');

/**
 * Skips the test or suite that calls it, with the reason in its title, where the requirement is absent.
 * Where `TINYLAMP_REQUIRE` names the requirement, its absence is a failure instead.
 *
 * Call it in a `before` hook: `before(function () { requires(this, 'mosquitto'); })`.
 */
export function requires(context: Mocha.Context, requirement: Requirement): void {
  if (isPresent(requirement)) return;
  const reason = `needs ${requirement}: ${installCommands[requirement]}`;
  const required = (process.env['TINYLAMP_REQUIRE'] ?? '').split(',');
  if (required.includes(requirement)) throw new Error(`${reason}, and TINYLAMP_REQUIRE names it`);
  process.stderr.write(`    skipped: ${context.test?.parent?.fullTitle() ?? ''} ${reason}\n`);
  context.skip();
}

function isPresent(requirement: Requirement): boolean {
  switch (requirement) {
    case 'shared':
      return existsSync(path.join(sharedFolder, 'data', 'golden', 'index.json'));
    case 'mosquitto':
      return runs('mosquitto', '-h') && runs('mosquitto_pub', '--help');
    case 'nats':
      return runs('nats-server', '--version');
    case 'openssl':
      return runs('openssl', 'version');
    case 'rabbitmq':
      return runs('rabbitmqctl', 'version');
    case 'strace':
      return runs('strace', '-V');
    case 'script':
      return runs('script', '--version');
    case 'chromium':
      return runs('chromium', '--version');
    case 'cddl':
      return runs('cddl', '--version');
  }
}

/** Whether the program can be started at all; what it answers does not matter. */
function runs(program: string, argument: string): boolean {
  const { PATH = '' } = process.env;
  const search = `${PATH}:/usr/sbin:/usr/local/sbin`;
  return (
    spawnSync(program, [argument], { env: { ...process.env, PATH: search } }).error === undefined
  );
}
