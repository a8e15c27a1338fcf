import type { Topics } from '../../protocol/topics.js';
import type { WithheldDocuments } from '../scenario/scenario.js';
import type { Simulation } from '../simulation/simulation.js';

/** Who sends what the broker makes up. */
export const brokerItself = 'broker';

/** The broker shows documents again as they were so long ago, as if they were the latest. */
export function replayDocuments({ broker, documents, time }: Simulation, ageMs: number): void {
  for (const [topic, payload] of documents.at(time.nowMs - ageMs))
    broker.publish({ topic, payload, retained: true }, brokerItself);
}

/** The broker keeps documents back from all who subscribe to them. What it then still has they get when it is over. */
export function withholdDocuments(
  { broker, topics }: Simulation,
  what: WithheldDocuments,
): () => void {
  return broker.withhold((topic) => isMeant(topic, what, topics));
}

function isMeant(topic: string, what: WithheldDocuments, topics: Topics): boolean {
  if (what === 'beacon') return topic === topics.beacon();
  // Of blocks, not what devices say about them.
  return topic.includes(`/${what}/`) && !topic.endsWith('/want');
}
