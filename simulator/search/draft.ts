import path from 'node:path';
import { formatYaml, readYamlTexts } from '../../agent/adapters/yaml.js';

/** A map of a scenario file, as it was written. */
type Tree = Readonly<Record<string, unknown>>;

/** A scenario file that is made smaller: all its values are texts, as they were written. */
export class Draft {
  readonly #tree: Tree;

  private constructor(tree: Tree) {
    this.#tree = tree;
  }

  /** Of a file that is a scenario. */
  static of(text: string): Draft {
    return new Draft(readYamlTexts(text).value as Tree);
  }

  get text(): string {
    return formatYaml(this.#tree);
  }

  /** The names of faults that a seed may draw. */
  get swarm(): readonly string[] {
    return Object.keys(this.#tree['swarm'] ?? {});
  }

  get entries(): number {
    return this.#timeline.length;
  }

  /** Whether an entry is a fault. */
  isFault(entry: number): boolean {
    return (this.#timeline[entry] as Tree | undefined)?.['fault'] !== undefined;
  }

  withSeed(seed: number): Draft {
    return this.#with({ seed: String(seed) });
  }

  /** Only these devices exist. */
  withOnly(ids: readonly string[]): Draft {
    return this.#with({ only: ids });
  }

  withDuration(ms: number): Draft {
    return this.#with({ duration: `${Math.ceil(ms / 1000)} s` });
  }

  withoutEntry(entry: number): Draft {
    return this.#with({ timeline: this.#timeline.filter((_, i) => i !== entry) });
  }

  withoutSwarm(name: string): Draft {
    const swarm = { ...(this.#tree['swarm'] as Tree) };
    return this.#with({
      swarm: Object.fromEntries(Object.entries(swarm).filter(([each]) => each !== name)),
    });
  }

  /** For another folder: what is named relative to the old one is named relative to the new one. */
  movedTo(folder: string, from: string): Draft {
    const move = (name: unknown): unknown => {
      if (Array.isArray(name)) return name.map(move);
      if (typeof name !== 'string' || name.startsWith('demo:')) return name;
      return path.relative(folder, path.resolve(from, name)) || '.';
    };
    const moved = (tree: unknown, keys: readonly string[]): Tree =>
      Object.fromEntries(
        Object.entries(tree as Tree).map(([key, value]) => [
          key,
          keys.includes(key) ? move(value) : value,
        ]),
      );
    const releases = Object.entries((this.#tree['releases'] ?? {}) as Tree).map(
      ([name, release]) => [name, moved(release, releaseFiles)] as const,
    );
    const fleet = ((this.#tree['fleet'] ?? []) as Tree[]).map((group) => ({
      ...moved(group, isBoardFile(group['profile']) ? ['profile'] : []),
      sensor: moved(group['sensor'] ?? {}, sensorFiles),
    }));
    return this.#with({ releases: Object.fromEntries(releases), fleet });
  }

  get #timeline(): readonly unknown[] {
    return (this.#tree['timeline'] ?? []) as unknown[];
  }

  #with(changes: Tree): Draft {
    return new Draft({ ...this.#tree, ...changes });
  }
}

const releaseFiles = ['model', 'labels', 'pipeline', 'reference'];
const sensorFiles = ['file', 'folder'];

/** Shipped boards have names without dots. */
function isBoardFile(profile: unknown): boolean {
  return typeof profile === 'string' && /[./\\]/.test(profile);
}
