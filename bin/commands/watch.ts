import { createCronScheduler } from '../../agent/adapters/cron-scheduler.js';
import { CodedError } from '../../protocol/coded-error.js';
import type { Rejection } from '../../protocol/result.js';
import { createTopics, slotPattern } from '../../protocol/topics.js';
import { fleetChannels, FleetView, type FleetRow } from '../../operator/fleet/fleet-view.js';
import { subscribeFleet } from '../../operator/fleet/subscribe-fleet.js';
import { readRoster } from '../../operator/roster/roster.js';
import { brokerOptions, createBrokerTransport } from '../broker-options.js';
import {
  jsonOption,
  type Arguments,
  type Command,
  type Screen,
  type Terminal,
} from '../command.js';
import { describeDevice, drawFleet } from '../fleet-table.js';
import { createDiskFiles } from '../../operator/adapters/disk-files.js';

/** Retained messages follow SUBACK at once; a broker that is far away gets this long. */
const retainedTimeoutMs = 500;

/** Between two pictures on a terminal, and between two where nothing was heard: ages grow. */
const redrawMs = 250;
const ageMs = 1_000;

/** Time for a DISCONNECT. */
const goodbyeMs = 2_000;

/** `tinylamp watch`: the fleet as it is. */
export const watchCommand: Command = {
  words: 'watch',
  summary: 'Watch what the devices of the fleet run, and how they fare.',
  options: {
    ...brokerOptions,
    keys: {
      type: 'text',
      describe: 'The folder with the roster of `enrol`.',
      alias: 'k',
      required: true,
    },
    slot: { type: 'text', describe: 'Only this slot.', alias: 's' },
    once: { type: 'flag', describe: 'Print what the broker retains, once, and end.' },
    all: { type: 'flag', describe: 'Devices that are not enrolled too, by one wildcard.' },
    ...jsonOption,
  },
  examples: [
    ['$0 watch --broker mqtt://localhost --keys keys', 'a live table until Ctrl-C'],
    ['$0 watch --broker mqtt://localhost --keys keys --once --json', 'one object per device'],
  ],
  async run(given, terminal) {
    const { devices } = readRoster(createDiskFiles(), given.requiredText('keys'));
    if (devices.length === 0 && !given.flag('all')) {
      throw new CodedError('device-unknown', `nobody is enrolled in ${given.requiredText('keys')}`);
    }
    const topics = createTopics(given.requiredText('prefix'));
    const slot = checkSlot(given.text('slot'));
    const view = new FleetView(devices);
    const picture = createPicture(view, slot, given, terminal);
    const scheduler = createCronScheduler();
    const transport = createBrokerTransport(given, scheduler);
    const ready = new Promise<void>((resolve, reject) => {
      const deviceIds = given.flag('all') ? 'all' : devices.map(({ deviceId }) => deviceId);
      subscribeFleet(transport, topics, deviceIds, scheduler, {
        message: ({ deviceId, channel: said }, { payload, retained }) => {
          const channel = fleetChannels.find((each) => each === said);
          if (channel === undefined) return;
          const wallMs = Date.now();
          const arrival = { deviceId, channel, payload, retained, wallMs };
          if (view.receive(arrival) === 'changed') picture.changed(deviceId);
        },
        subscribed: () => {
          picture.session(undefined);
          resolve();
        },
        refused: (_, { code, detail }) => {
          terminal.progress(`${code}: ${detail}`);
        },
        disconnected: (rejection) => {
          picture.session(rejection);
          // Whoever never had a session hears why; later on, the transport tries again by itself.
          reject(new CodedError(rejection.code, rejection.detail));
        },
      });
    });
    try {
      await Promise.race([ready, terminal.interrupted]);
      if (given.flag('once')) {
        const retained = new Promise<void>((resolve) => {
          scheduler.after(retainedTimeoutMs, resolve);
        });
        await Promise.race([retained, terminal.interrupted]);
        picture.drawOnce();
      } else {
        picture.begin();
        await terminal.interrupted;
      }
    } finally {
      picture.end();
      await transport.close(goodbyeMs);
    }
    return 0;
  },
};

interface Drawing {
  problem?: Rejection | undefined;
  timer?: NodeJS.Timeout;
  /** Whether something was heard since it was drawn. */
  stale: boolean;
  drawnMs: number;
}

/** How the fleet is shown: drawn, printed, or told line by line. */
interface Picture {
  changed(deviceId: string): void;
  /** There is a session, or why there is none. */
  session(problem: Rejection | undefined): void;
  begin(): void;
  drawOnce(): void;
  end(): void;
}

function createPicture(
  view: FleetView,
  slot: string | undefined,
  given: Arguments,
  terminal: Terminal,
): Picture {
  if (given.flag('json')) return createJsonPicture(view, slot, !given.flag('once'), terminal);
  const { screen } = terminal;
  return screen === undefined || given.flag('once')
    ? createLinePicture(view, slot, terminal)
    : createScreenPicture(view, slot, screen);
}

/** A table on a terminal, drawn over the one before. */
function createScreenPicture(view: FleetView, slot: string | undefined, screen: Screen): Picture {
  const drawing: Drawing = { stale: true, drawnMs: 0 };
  const show = (): void => {
    drawing.stale = false;
    drawing.drawnMs = performance.now();
    const { columns, rows } = screen.size;
    const frame = { columns: columns - 1, rows: rows - 2, nowMs: Date.now(), slot };
    const { problem } = drawing;
    const session = problem && `no session: ${problem.code}; trying again`.slice(0, frame.columns);
    // The last line stays free for the cursor, one more for the state of the session.
    screen.show([...drawFleet(view.rows, frame), ...(session === undefined ? [] : [session])]);
  };
  return {
    changed: () => {
      drawing.stale = true;
    },
    session: (problem) => {
      drawing.problem = problem;
      drawing.stale = true;
    },
    begin: () => {
      show();
      drawing.timer = setInterval(() => {
        // Ages grow even when nothing is heard.
        if (drawing.stale || performance.now() - drawing.drawnMs >= ageMs) show();
      }, redrawMs);
    },
    drawOnce: show,
    end: () => {
      clearInterval(drawing.timer);
    },
  };
}

/** The table once, then a line for each change: what is written into a file is read later, and once. */
function createLinePicture(view: FleetView, slot: string | undefined, terminal: Terminal): Picture {
  const columns = terminal.screen?.size.columns ?? Infinity;
  const told = new Map<string, string>();
  let isBegun = false;
  const print = (text: string): void => {
    terminal.print(`${new Date().toISOString()}  ${text}`);
  };
  const changed = (deviceId: string): void => {
    const row = view.row(deviceId);
    const text = row && describeDevice(row, slot).join('\n');
    if (row === undefined || text === undefined || told.get(deviceId) === text) return;
    told.set(deviceId, text);
    if (isBegun) for (const line of describeDevice(row, slot)) print(line);
  };
  const draw = (): void => {
    const frame = { columns, rows: Infinity, nowMs: Date.now(), slot };
    for (const line of drawFleet(view.rows, frame)) terminal.print(line);
  };
  return {
    changed,
    session: (problem) => {
      if (isBegun && problem !== undefined) print(`no session: ${problem.code}; trying again`);
    },
    begin: () => {
      draw();
      isBegun = true;
    },
    drawOnce: draw,
    end: () => undefined,
  };
}

/** A line of JSON for each device that has changed. */
function createJsonPicture(
  view: FleetView,
  slot: string | undefined,
  isLive: boolean,
  terminal: Terminal,
): Picture {
  const printRow = (row: FleetRow | undefined): void => {
    if (row !== undefined) terminal.printJson(slot === undefined ? row : onlySlot(row, slot));
  };
  return {
    changed: (deviceId) => {
      if (isLive) printRow(view.row(deviceId));
    },
    session: (problem) => {
      if (problem !== undefined && isLive) terminal.progress(`no session: ${problem.code}`);
    },
    begin: () => undefined,
    drawOnce: () => {
      view.rows.forEach(printRow);
    },
    end: () => undefined,
  };
}

function onlySlot(row: FleetRow, slot: string): FleetRow {
  const slots = Object.entries(row.slots).filter(([name]) => name === slot);
  return { ...row, slots: Object.fromEntries(slots) };
}

function checkSlot(slot: string | undefined): string | undefined {
  if (slot === undefined || slotPattern.test(slot)) return slot;
  throw new CodedError('topic-invalid', `the slot ${JSON.stringify(slot)}`);
}
