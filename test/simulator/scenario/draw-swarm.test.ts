import assert from 'node:assert/strict';
import { Prng } from '../../../simulator/prng.js';
import { drawSwarm } from '../../../simulator/scenario/draw-swarm.js';
import type { Fault, SwarmFault } from '../../../simulator/scenario/scenario.js';
import { leastWith, parse } from './parse.js';

const quietMs = 9 * 3_600_000;
const swarmOf = (keys: string): readonly SwarmFault[] => parse(leastWith(`swarm: {${keys}}`)).swarm;
const drawOf = (keys: string, seed: number) =>
  drawSwarm(swarmOf(keys), quietMs, Prng.fromSeed(seed));

const everything =
  'loss: 1..5 %, duplicate: 1 %, reorder: 1 %, delay: 1..2 s, partition: 10..20 %, power-cut: 1..2/device/day, ' +
  'disk-full: 10 %, eio: 10 %, bit-rot: 5..10 %, slow: 2..20 x, clock-skew: -1 h..1 h, clock-jump: 1/day, broker-restart: 1/h';

describe('a swarm of faults', () => {
  const seeds = Array.from({ length: 400 }, (_, i) => i);
  const drawn = seeds.map((seed) => drawOf(everything, seed));

  it('has each fault on in half of the seeds, whatever the others are', () => {
    for (const { kind } of swarmOf(everything)) {
      const on = drawn.filter((faults) => faults.some(({ fault }) => fault.kind === kind));
      assert.ok(Math.abs(on.length / seeds.length - 0.5) < 0.1, `${kind}: ${on.length}`);
    }
    const counts = drawn.map((faults) => faults.length);
    assert.ok(Math.min(...counts) < 4 && Math.max(...counts) > 9);
  });

  it('is the same for the same seed, and a fault less changes nothing for the others', () => {
    for (const seed of seeds.slice(0, 50)) {
      const whole = drawOf(everything, seed);
      assert.deepEqual(drawOf(everything, seed), whole);
      const less = drawOf(everything.replace(/loss: 1..5 %, |delay: 1..2 s, /g, ''), seed);
      const others = whole.filter(({ fault }) => !['loss', 'delay'].includes(fault.kind));
      assert.deepEqual(less, others);
    }
  });

  it('lasts over all devices to 75 % of the run, with one value from the range', () => {
    const of = <const K extends Fault['kind']>(kind: K) =>
      drawn.flat().filter(({ fault }) => fault.kind === kind);
    for (const { fault, atMs, untilMs, share, where } of of('loss')) {
      assert.deepEqual([atMs, untilMs, share, where.conditions], [0, quietMs, 1, []]);
      assert.ok(fault.kind === 'loss' && typeof fault.share === 'number');
      assert.ok(fault.share >= 0.01 && fault.share <= 0.05);
    }
    for (const { fault } of of('power-cut')) {
      assert.ok(fault.kind === 'power-cut' && fault.when.kind === 'rate');
      const { per, perMs } = fault.when;
      assert.ok(per === 'device' && typeof perMs === 'number' && perMs >= 1 / 86_400_000);
    }
    for (const { fault } of of('broker-restart')) {
      assert.ok(fault.kind === 'broker-restart' && fault.when.kind === 'rate');
      assert.equal(fault.when.perMs, 1 / 3_600_000);
    }
    assert.ok(of('partition').every(({ share }) => share >= 0.1 && share <= 0.2));
  });

  it('lets bits rot once, at an instant that is drawn', () => {
    const rot = drawn.flat().filter(({ fault }) => fault.kind === 'bit-rot');
    assert.ok(rot.every(({ atMs, untilMs }) => atMs < quietMs && untilMs === undefined));
    assert.ok(rot.every(({ share }) => share >= 0.05 && share <= 0.1));
    assert.ok(new Set(rot.map(({ atMs }) => atMs)).size > 100);
  });

  it('takes nothing from the generator that it is given', () => {
    const prng = Prng.fromSeed(5);
    drawSwarm(swarmOf(everything), quietMs, prng);
    assert.equal(prng.uint32(), Prng.fromSeed(5).uint32());
  });
});
