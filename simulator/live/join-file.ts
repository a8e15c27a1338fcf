import { appendFileSync, readFileSync } from 'node:fs';
import { v } from '../../agent/adapters/schema-library.js';
import { CodedError } from '../../protocol/coded-error.js';
import type { LivePart } from './summary.js';

const counts = v.record(v.string(), v.number());

const partSchema = v.object({
  seed: v.number(),
  first: v.string(),
  devices: v.number(),
  started: v.number(),
  seconds: v.number(),
  connected: v.number(),
  neverConnected: counts,
  committed: v.number(),
  connectedAfterS: v.exactOptional(v.number()),
  committedAfterS: v.exactOptional(v.number()),
  windows: v.object({
    completed: v.number(),
    answered: v.number(),
    late: v.number(),
    dropped: v.number(),
    cut: v.number(),
    lost: v.number(),
    wrong: v.number(),
  }),
  messages: v.record(v.string(), v.object({ count: v.number(), bytes: v.number() })),
  arrivals: v.record(
    v.string(),
    v.object({
      published: v.number(),
      accepted: v.number(),
      dropped: v.number(),
      heard: v.number(),
    }),
  ),
  unheard: v.number(),
  latencyBins: counts,
  events: counts,
  processorS: v.number(),
  rssBytes: v.number(),
  loopLagMs: v.object({ p99: v.number(), most: v.number() }),
});

/**
 * Writes the part of a process into a file that several write, a line each, and gives all parts that are there: of one first
 * device the last, because a run may have been repeated. Throws `file-unreadable`.
 */
export function joinFile(file: string, part: LivePart): readonly LivePart[] {
  try {
    // One write of a line that is appended: those of other processes stay whole.
    appendFileSync(file, `${JSON.stringify(part)}\n`);
    const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
    const parts = lines.map((line): LivePart => v.parse(partSchema, JSON.parse(line)));
    return [...new Map(parts.map((each) => [each.first, each])).values()];
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new CodedError('file-unreadable', `${file}: ${detail}`);
  }
}
