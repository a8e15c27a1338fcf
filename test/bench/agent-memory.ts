import { setTimeout as pass } from 'node:timers/promises';
import { residentBytes } from '../helpers/resident-memory.js';
import { AgentWorld, spread } from './agent-world.js';
import type { Bench } from './bench.js';

/** Until what was only needed at the start has been given back. */
const settleMs = 1_500;
const inferences = 50;

/** Resident memory of the whole agent process: without a release, and after inferences with one model. */
export function createAgentMemoryBench(runs: number): Bench {
  return {
    name: 'agent-memory',
    async run(report) {
      const idle: number[] = [];
      const running: number[] = [];
      for (let i = 0; i < runs; i++) {
        // A broker of its own for each run: the next device must begin without a release.
        const world = await AgentWorld.open();
        try {
          const { agent, onlooker } = await world.startFreshAgent();
          await pass(settleMs);
          idle.push(residentBytes(agent.pid));
          await world.site.publish(world.release);
          await onlooker.events.find(({ event }) => event === 'trial');
          await world.answerPictures(onlooker, inferences);
          await pass(settleMs);
          running.push(residentBytes(agent.pid));
          await agent.end();
          await onlooker.leave();
        } finally {
          await world.close();
        }
      }
      const model = `person_detect, after ${inferences} inferences`;
      for (const figure of spread('idle', 'Rss', 'Bytes', idle, 'connected, no release'))
        report(figure);
      for (const figure of spread('one-model', 'Rss', 'Bytes', running, model)) report(figure);
    },
  };
}

export const agentMemoryBench = createAgentMemoryBench(5);
