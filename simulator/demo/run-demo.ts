import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Narrator, type Printer } from './narrator.js';
import { openStage, periodMs, prefix, type Stage, type StageOptions } from './stage.js';
import { tellStory } from './story.js';

export interface DemoOptions extends StageOptions {
  readonly json: boolean;
  /** Whether to end when the story is told. */
  readonly exit: boolean;
  readonly printer: Printer;
  readonly interrupted: Promise<void>;
}

/** Runs the whole demo; gives whether all happened as told. */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-demo-'));
  try {
    return await runIn(folder, options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runIn(folder: string, options: DemoOptions): Promise<boolean> {
  const narrator = new Narrator(options.printer, options.json);
  const closers: (() => Promise<unknown>)[] = [];
  const ending = new AbortController();
  void options.interrupted.then(() => {
    ending.abort();
  });
  const crashes: string[] = [];
  let stage: Stage | undefined;
  let asTold = false;
  try {
    stage = await openStage(folder, options, narrator, crashes, closers);
    const { truth, broker } = stage;
    narrator.heading('tinylamp: models tested live, on real traffic');
    narrator.line(`broker ${broker}, one agent process, ${options.devices} simulated devices`);
    asTold = await tellStory({
      ...stage,
      narrator,
      devices: truth.size,
      windowsPerMinute: 60_000 / periodMs,
      now: () => Date.now(),
      signal: ending.signal,
    });
    if (!options.exit) {
      narrator.heading('The story is told; the fleet runs on until Ctrl-C.');
      narrator.line(
        `look on with: mosquitto_sub -p ${new URL(broker).port} -t '${prefix}/devices/+/results/#'`,
      );
      await options.interrupted;
    }
  } catch (error) {
    // Ctrl-C is a way to end, not a failure; but what was not told did not happen as told.
    if (!ending.signal.aborted) throw error;
  } finally {
    for (const close of closers.reverse()) await close();
  }
  const { inferences, missed } = stage?.ledger ?? { inferences: 0, missed: 0 };
  const devices = stage?.truth.size ?? 0;
  for (const crash of crashes) narrator.line(`a device crashed: ${crash}`);
  narrator.heading(`${inferences} inferences on ${devices} devices, ${missed} missed.`);
  const success = asTold && missed === 0 && crashes.length === 0;
  narrator.summary({ inferences, missed, devices, asTold: success });
  return success;
}
