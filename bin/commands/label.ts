import { createCronScheduler } from '../../agent/adapters/cron-scheduler.js';
import { CodedError } from '../../protocol/coded-error.js';
import type { GivenAnswer } from '../../protocol/messages/disagreements.js';
import type { KeptDisagreement } from '../../protocol/messages/response.js';
import type { FieldTools } from '../../operator/field/ask-device.js';
import { enrolledIds, findDevice, type FoundDevice } from '../../operator/field/find-devices.js';
import { parseLabelFile, type KnownLabel } from '../../operator/field/label-file.js';
import { readDisagreements } from '../../operator/field/open-disagreements.js';
import { publishLabels, truthTopicOf } from '../../operator/field/publish-labels.js';
import { RosterKeyring } from '../../operator/roster/roster-keyring.js';
import { findPerson } from '../ask-person.js';
import { brokerOptions } from '../broker-options.js';
import { jsonOption, keysOption, type Arguments, type Command, type Terminal } from '../command.js';
import { answerTimeoutMs, fieldOptions, openFieldTools } from '../field-tools.js';
import { readNamedFile } from '../files.js';
import { printable } from '../text-table.js';
import { createDiskFiles } from '../../operator/adapters/disk-files.js';

/** A device takes its labels from the broker: it is asked a moment later which have come. */
const takenAfterMs = 1_000;

/** `tinylamp label`: true labels for windows on which champion and challenger differ. */
export const labelCommand: Command = {
  words: 'label',
  summary: 'Say who was right where champion and challenger differ.',
  options: {
    ...fieldOptions,
    csv: { type: 'text', describe: 'A file of labels: device,boot,window,label.' },
    list: { type: 'flag', describe: 'Only show the windows that wait for a label.' },
    ...brokerOptions,
    ...keysOption,
    ...jsonOption,
  },
  examples: [
    ['$0 label --slot vibration --broker mqtt://localhost --keys keys', 'asks window by window'],
    [
      '$0 label --slot vibration --broker mqtt://localhost --keys keys --list --json',
      'one object per window that waits',
    ],
    [
      '$0 label --slot vibration --broker mqtt://localhost --keys keys --csv labels.csv',
      'publishes the labels of a file',
    ],
  ],
  async run(given, terminal) {
    const files = createDiskFiles();
    const folder = given.requiredText('keys');
    const ids = enrolledIds(files, folder, given.text('device'));
    const csv = given.text('csv');
    const labels = csv === undefined ? undefined : readLabels(csv, ids);
    const keyring = new RosterKeyring(files, folder);
    const tools = await openFieldTools(given, createCronScheduler());
    try {
      const run = { tools, given, terminal };
      const asked =
        labels === undefined ? ids : ids.filter((id) => (labels.get(id) ?? []).length > 0);
      let isAllWell = true;
      for (const deviceId of asked) {
        const device = await findDevice(tools, keyring, deviceId);
        if (given.flag('list')) await list(run, device);
        else isAllWell = (await label(run, device, labels?.get(deviceId))) && isAllWell;
      }
      return isAllWell ? 0 : 1;
    } finally {
      await tools.client.close();
    }
  },
};

interface Run {
  readonly tools: FieldTools;
  readonly given: Arguments;
  readonly terminal: Terminal;
}

/** The labels of a file by device. Throws `device-unknown` where it names a device that is not asked. */
function readLabels(
  file: string,
  ids: readonly string[],
): ReadonlyMap<string, readonly KnownLabel[]> {
  const labels = parseLabelFile(new TextDecoder().decode(readNamedFile(file)));
  const stranger = labels.find(({ deviceId }) => !ids.includes(deviceId));
  if (stranger !== undefined) {
    throw new CodedError('device-unknown', `${file} names ${stranger.deviceId}`);
  }
  return new Map(ids.map((id) => [id, labels.filter(({ deviceId }) => deviceId === id)] as const));
}

async function list({ tools, given, terminal }: Run, device: FoundDevice): Promise<void> {
  const open = await openOf({ tools, given }, device);
  for (const { boot, window, t, champion, challenger } of open) {
    if (given.flag('json')) {
      const { deviceId } = device;
      terminal.printJson({ device: deviceId, boot, window, t, champion, challenger });
    } else {
      terminal.print(wordsOf(device, { boot, window, t, champion, challenger }));
    }
  }
  if (!given.flag('json')) {
    terminal.print(`${device.deviceId}: ${open.length} windows wait for a label`);
  }
}

async function openOf(
  { tools, given }: Pick<Run, 'tools' | 'given'>,
  device: FoundDevice,
): Promise<readonly KeptDisagreement[]> {
  const slot = given.requiredText('slot');
  const kept = await readDisagreements(tools, device, { slot, timeoutMs: answerTimeoutMs(given) });
  return kept.filter(({ truth }) => truth === undefined);
}

/** Publishes labels, and says which the device has taken. False where it did not take all. */
async function label(
  { tools, given, terminal }: Run,
  device: FoundDevice,
  known: readonly KnownLabel[] | undefined,
): Promise<boolean> {
  const { deviceId } = device;
  const slot = given.requiredText('slot');
  const topic = truthTopicOf(tools, device.facts, { deviceId, slot });
  const before = await openOf({ tools, given }, device);
  const labels = known ?? (await askForLabels(device, before));
  await publishLabels(tools, topic, slot, labels);
  await new Promise<void>((resolve) => {
    tools.scheduler.after(takenAfterMs, resolve);
  });
  const after = await openOf({ tools, given }, device);
  const isOpen = (of: readonly KeptDisagreement[], { boot, window }: KnownLabel): boolean =>
    of.some((each) => each.boot === boot && each.window === window);
  const refused = labels.filter((each) => isOpen(after, each));
  const unknown = labels.filter((each) => !isOpen(before, each));
  const taken = labels.length - refused.length - unknown.length;
  if (given.flag('json')) {
    const idsOf = (some: readonly KnownLabel[]): readonly object[] =>
      some.map(({ boot, window, label: word }) => ({ boot, window, label: word }));
    terminal.printJson({
      ...{ device: deviceId, sent: labels.length, taken, open: after.length },
      ...{ refused: idsOf(refused), notOpen: idsOf(unknown) },
    });
  } else {
    terminal.print(
      `${deviceId}: ${labels.length} labels sent, ${taken} taken, ${after.length} windows wait`,
    );
    for (const { boot, window, label: word } of refused) {
      terminal.print(
        `  not taken: start ${boot} window ${window}, ${JSON.stringify(printable(word))}: the device says why in its events and its log`,
      );
    }
    if (unknown.length > 0) {
      terminal.print(`  ${unknown.length} are of windows that did not wait for a label`);
    }
  }
  return refused.length === 0;
}

async function askForLabels(
  device: FoundDevice,
  open: readonly KeptDisagreement[],
): Promise<readonly KnownLabel[]> {
  const { deviceId } = device;
  const person = findPerson();
  if (person === undefined) {
    throw new CodedError('usage-invalid', 'nobody to ask here: give --csv FILE, or --list');
  }
  const labels: KnownLabel[] = [];
  try {
    for (const entry of open) {
      const { boot, window } = entry;
      const text = await person.ask(
        `${wordsOf(device, entry)}\n  1 champion right, 2 challenger right, a label, Enter to skip, q to end: `,
      );
      if (text === undefined || text === 'q') break;
      const word = wordOf(text, entry);
      if (word !== undefined) labels.push({ deviceId, boot, window, label: word });
    }
  } finally {
    person.leave();
  }
  return labels;
}

function wordOf(
  text: string,
  { champion, challenger }: Pick<KeptDisagreement, 'champion' | 'challenger'>,
): string | undefined {
  if (text === '1') return champion.label;
  if (text === '2') return challenger.label;
  return text === '' ? undefined : text;
}

/** One window, in words that are safe to show. */
function wordsOf(
  { deviceId }: FoundDevice,
  { boot, window, t, champion, challenger }: Omit<KeptDisagreement, 'truth'>,
): string {
  const when = t <= 8.64e15 ? new Date(t).toISOString() : 'at no time';
  const said = `champion ${answerOf(champion)}, challenger ${answerOf(challenger)}`;
  return `${deviceId} start ${boot} window ${window} ${when}  ${said}`;
}

function answerOf({ label: word, scorePermille }: GivenAnswer): string {
  if (word === undefined) return '(none)';
  const score = scorePermille === undefined ? '' : ` ${(scorePermille / 1000).toFixed(3)}`;
  return `${printable(word, 40)}${score}`;
}
