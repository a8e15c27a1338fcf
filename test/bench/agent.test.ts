import assert from 'node:assert/strict';
import { requires } from '../helpers/requires.js';
import { createAgentMemoryBench } from './agent-memory.js';
import { createAgentUpdateBench } from './agent-update.js';
import type { BenchFigure } from './bench.js';

describe('the benches of the agent', () => {
  before(function () {
    requires(this, 'mosquitto');
    requires(this, 'shared');
  });

  for (const bench of [createAgentMemoryBench(1), createAgentUpdateBench(1)]) {
    it(`measure with real processes: ${bench.name}`, async () => {
      const figures: BenchFigure[] = [];
      await bench.run((figure) => figures.push(figure));
      assert.equal(figures.length, 6);
      for (const { subject, metric, value } of figures) {
        assert.ok(value > 0, `${subject} ${metric}`);
        assert.match(metric, /^(min|median|max).*(Bytes|Ms)$/);
      }
    });
  }
});
