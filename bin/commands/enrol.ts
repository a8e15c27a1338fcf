import { CodedError } from '../../protocol/coded-error.js';
import { createTopics } from '../../protocol/topics.js';
import { accessRules, mosquittoAclLines } from '../../operator/roster/access-rules.js';
import { createCredential, mosquittoPasswordLine } from '../../operator/roster/credential.js';
import {
  believeAgain,
  dismiss,
  enrol,
  readRoster,
  type EnrolledDevice,
} from '../../operator/roster/roster.js';
import { prefixOption } from '../broker-options.js';
import { jsonOption, keysOption, type Arguments, type Command, type Terminal } from '../command.js';
import { createDiskFiles } from '../../operator/adapters/disk-files.js';
import { systemRandomBytes } from '../../operator/adapters/random-bytes.js';
import type { Files } from '../../operator/ports/files.js';

/** `tinylamp enrol`: who belongs to the fleet, and what it needs at the broker. */
export const enrolCommand: Command = {
  words: 'enrol',
  summary: 'Enrol a device: entry in the roster, credential and access rules for the broker.',
  positionals: [{ name: 'id', describe: 'The id of the device.', optional: true }],
  options: {
    ...keysOption,
    label: { type: 'list', describe: 'NAME=VALUE, such as site=hall-2; may be given again.' },
    slot: { type: 'list', describe: 'A slot that it may read; any where none is given.' },
    ...prefixOption,
    key: {
      type: 'text',
      describe: 'Its public key in hexadecimal; the first one that it names if not given.',
    },
    again: {
      type: 'flag',
      describe:
        'A new credential for a device that is enrolled; the next key that it names is believed.',
    },
    dismiss: { type: 'flag', describe: 'Take the device out of the roster.' },
    list: { type: 'flag', describe: 'Show who is enrolled.' },
    ...jsonOption,
  },
  examples: [
    ['$0 enrol press-7 --keys keys --label site=hall-2', 'entry, credential and access rules'],
    ['$0 enrol --list --keys keys', 'who is enrolled'],
  ],
  run(given, terminal) {
    const folder = given.requiredText('keys');
    const files = createDiskFiles();
    if (given.flag('list')) listDevices(files, folder, given, terminal);
    else if (given.flag('dismiss')) dismissDevice(files, folder, given, terminal);
    else enrolDevice(files, folder, given, terminal);
    return Promise.resolve(0);
  },
};

function enrolDevice(files: Files, folder: string, given: Arguments, terminal: Terminal): void {
  const deviceId = given.requiredText('id');
  // What the options ask for is checked before anything is written.
  const labels = parseLabels(given.list('label'));
  const topics = createTopics(given.requiredText('prefix'));
  const rules = accessRules(topics, deviceId, given.list('slot'));
  const key = parseKey(given.text('key'));
  const device = given.flag('again')
    ? believeAgain(files, folder, deviceId, key)
    : enrol(files, folder, { deviceId, labels, key }, Date.now());
  const credential = createCredential(deviceId, systemRandomBytes);
  const passwordLine = mosquittoPasswordLine(credential, systemRandomBytes);
  const aclLines = mosquittoAclLines(deviceId, rules);
  if (given.flag('json')) {
    terminal.printJson({ ...device, ...credential, passwordLine, ...rules, aclLines });
    return;
  }
  for (const line of [
    describe(device),
    `  username  ${credential.username}`,
    `  password  ${credential.password}    (shown once: put it into mqtt.passwordFile)`,
    '',
    '# for the password file of Mosquitto, in place of any line of this device',
    passwordLine,
    '',
    '# for the ACL file of Mosquitto',
    ...aclLines,
  ]) {
    terminal.print(line);
  }
}

function dismissDevice(files: Files, folder: string, given: Arguments, terminal: Terminal): void {
  const dismissed = dismiss(files, folder, given.requiredText('id'));
  if (given.flag('json')) terminal.printJson(dismissed);
  else {
    terminal.print(`${dismissed.deviceId} is dismissed`);
    terminal.print('Remove its lines from the password file and the ACL file of the broker too.');
  }
}

function listDevices(files: Files, folder: string, given: Arguments, terminal: Terminal): void {
  const { devices } = readRoster(files, folder);
  for (const device of devices) {
    if (given.flag('json')) terminal.printJson(device);
    else terminal.print(describe(device));
  }
  if (devices.length === 0) terminal.progress(`nobody is enrolled in ${folder}`);
}

function describe({ deviceId, labels, enrolledAt, key }: EnrolledDevice): string {
  const strata = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  const signs = key === undefined ? [] : [`key ${key}`];
  return [`${deviceId}, enrolled ${enrolledAt}`, ...strata, ...signs].join('  ');
}

function parseKey(text: string | undefined): string | undefined {
  if (text === undefined || /^[0-9a-f]{64}$/.test(text)) return text;
  throw new CodedError('usage-invalid', '--key must be 64 digits in hexadecimal');
}

function parseLabels(texts: readonly string[]): Readonly<Record<string, string>> {
  const entries = texts.map((text) => {
    const at = text.indexOf('=');
    if (at < 1) throw new CodedError('label-malformed', JSON.stringify(text));
    return [text.slice(0, at), text.slice(at + 1)] as const;
  });
  if (new Set(entries.map(([name]) => name)).size < entries.length) {
    throw new CodedError('label-malformed', 'a label is given twice');
  }
  return Object.fromEntries(entries);
}
