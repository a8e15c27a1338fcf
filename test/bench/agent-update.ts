import { AgentWorld, spread } from './agent-world.js';
import type { Bench } from './bench.js';

/**
 * From publishing the policy of a release with a model of 300 KB, over loopback, until the agent is ready to
 * answer (trial), and until its first answer is on the broker. The picture is sent when the
 * agent is ready.
 */
export function createAgentUpdateBench(runs: number): Bench {
  return {
    name: 'agent-update',
    async run(report) {
      const ready: number[] = [];
      const answered: number[] = [];
      for (let i = 0; i < runs; i++) {
        const world = await AgentWorld.open();
        try {
          const { agent, onlooker } = await world.startFreshAgent();
          let sinceMs = NaN;
          const published = world.site.publish(world.release, (message) => {
            if (message.startsWith('policy')) sinceMs = performance.now();
          });
          await onlooker.events.find(({ event }) => event === 'trial');
          ready.push(performance.now() - sinceMs);
          await world.answerPictures(onlooker, 1);
          answered.push(performance.now() - sinceMs);
          await published;
          await onlooker.events.find(({ event }) => event === 'committed');
          await agent.end();
          await onlooker.leave();
        } finally {
          await world.close();
        }
      }
      const note = 'person_detect, 300,568 bytes in 10 blocks, Mosquitto on loopback';
      for (const figure of spread('policy-to-trial', '', 'Ms', ready, note)) report(figure);
      for (const figure of spread('policy-to-first-result', '', 'Ms', answered, note))
        report(figure);
    },
  };
}

export const agentUpdateBench = createAgentUpdateBench(7);
