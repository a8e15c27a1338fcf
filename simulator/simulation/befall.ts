import { chanceOf } from '../devices/draws.js';
import { atInstants, type DeviceFault } from '../faults/apply-fault.js';
import { replayDocuments, withholdDocuments } from '../faults/broker-faults.js';
import { forgeBeacon, forgePolicy } from '../people/thief.js';
import type { Prng } from '../prng.js';
import type { Fault } from '../scenario/scenario.js';
import { draw } from '../scenario/values.js';
import type { Stage } from './timeline.js';

/** Lets a fault that is none of single devices happen. @param index its place in the timeline, which names its chance */
export function befall(
  fault: Exclude<Fault, DeviceFault>,
  untilMs: number | undefined,
  index: number,
  stage: Stage,
): void {
  const { simulation } = stage;
  const chance = chanceOf(simulation.seed, `fault ${index}`);
  simulation.record('fault', undefined, { fault: fault.kind });
  switch (fault.kind) {
    case 'broker-restart':
      atInstants(fault.when, chance, simulation.hub, untilMs, () => {
        simulation.broker.stop(fault.store);
        if (fault.store === 'lost') simulation.inspect({ kind: 'store-lost' });
        simulation.hub.after(draw(fault.awayMs, chance), () => {
          simulation.record('broker-back');
          simulation.broker.start();
        });
      });
      return;
    case 'controller-kill':
      killController(fault, chance, untilMs, stage);
      return;
    case 'broker-withhold': {
      const handOver = withholdDocuments(simulation, fault.what);
      simulation.hub.after((untilMs ?? 0) - simulation.time.nowMs, () => {
        simulation.record('fault-over', undefined, { fault: fault.kind });
        handOver();
      });
      return;
    }
    case 'broker-replay':
      replayDocuments(simulation, fault.ageMs);
      return;
    case 'stolen-key': {
      const { topics, documents, broker } = simulation;
      const loot = { key: stage.key, topics, documents };
      const forged =
        fault.key === 'policy' ? forgePolicy(stage.scenario.slot, loot) : forgeBeacon(loot);
      if (forged !== undefined) broker.publish({ ...forged, retained: true }, 'thief');
      return;
    }
  }
}

function killController(
  { when, awayMs }: Extract<Fault, { kind: 'controller-kill' }>,
  chance: Prng,
  untilMs: number | undefined,
  stage: Stage,
): void {
  const { simulation, operator } = stage;
  const comeBack = (): void => {
    simulation.record('controller-killed');
    simulation.hub.after(draw(awayMs, chance), () => {
      goOn(stage);
    });
  };
  if (when.kind === 'now') {
    operator.kill();
    comeBack();
    return;
  }
  // Before the write or after it: neither must matter.
  const doom = (write: number, struck: () => void): void => {
    const fault = chance.uniform(0, 1) < 0.5 ? 'killed-before' : 'killed-after';
    operator.doom({ write, fault }, struck);
  };
  if (when.kind === 'write') {
    doom(when.number, comeBack);
    return;
  }
  // Each life ends one write later than the one before: so each write is somebody's last.
  const next = (write: number): void => {
    doom(write, () => {
      comeBack();
      if (simulation.time.nowMs < (untilMs ?? 0)) next(write + 1);
    });
  };
  next(1);
}

/** The operator is back after its processes were killed: what they had not ended is gone on with. */
function goOn({ simulation, unfinished }: Stage): void {
  simulation.record('controller-back');
  for (const again of [...unfinished.values()]) again();
}
