import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { renderCodesPage } from '../docs/generate/codes-page.js';
import { demoMargins, readBoundCourses } from '../docs/generate/bound-courses.js';
import { drawBounds } from '../docs/generate/bound-picture.js';
import { drawSpeed, readSpeedFigures } from '../docs/generate/speed-picture.js';
import { drawTerminal } from '../docs/generate/terminal-picture.js';
import { renderConfigurationPage } from '../docs/generate/configuration-page.js';
import { renderOperatorsPage } from '../docs/generate/operators-page.js';

/**
 * What a reader relies on without looking: arrows between layers go one way, each dependency comes in at
 * one door, the core is pure, no file is dead, and what is documented is what is there.
 */

const root = path.resolve(import.meta.dirname, '../..');
const folders = [
  'agent',
  'bin',
  'docs',
  'library',
  'operator',
  'protocol',
  'simulator',
  'wasm',
  'test',
];
const tracked = listFiles('');
const files = listSources();
const imports = new Map(files.map((file) => [file, importsOf(file)]));

describe('the tree', () => {
  /** For each layer, what its files may import besides packages; the first layer that fits a file counts. */
  const layers: readonly (readonly [layer: string, mayImport: readonly string[]])[] = [
    ['protocol/', ['protocol/']],
    ['agent/core/', ['agent/core/', 'agent/ports/', 'protocol/']],
    ['agent/ports/', ['protocol/']],
    ['agent/adapters/', ['agent/adapters/', 'agent/ports/', 'protocol/', 'wasm/loader/']],
    ['agent/runtime.ts', ['agent/core/', 'agent/ports/', 'protocol/']],
    ['agent/', ['agent/', 'protocol/']],
    ['operator/ports/', ['protocol/']],
    ['operator/adapters/', ['operator/ports/', 'protocol/', 'agent/ports/', 'agent/adapters/']],
    [
      'operator/',
      ['operator/', 'protocol/', 'agent/ports/', 'agent/runtime.ts', 'agent/adapters/'],
    ],
    ['simulator/', ['simulator/', 'operator/', 'agent/', 'protocol/', 'wasm/loader/']],
    ['wasm/loader/', ['wasm/loader/']],
    ['wasm/', ['wasm/']],
    ['library/', ['library/', 'protocol/', 'wasm/loader/', 'agent/adapters/engine/wasm-core.ts']],
    ['docs/', ['docs/', 'protocol/', 'agent/adapters/configuration/']],
    ['bin/', ['agent/', 'bin/', 'operator/', 'protocol/', 'simulator/', 'wasm/']],
    ['test/', ['']],
  ];

  it('has arrows that go one way', () => {
    const wrong: string[] = [];
    for (const [file, imported] of imports) {
      const [, mayImport = []] = layers.find(([layer]) => file.startsWith(layer)) ?? [];
      for (const { target } of imported.filter((each) => each.kind === 'file')) {
        if (!mayImport.some((allowed) => target.startsWith(allowed)))
          wrong.push(`${file} -> ${target}`);
      }
    }
    assert.deepEqual(wrong, []);
  });

  it('has a core that takes nothing but types from the ports', () => {
    const wrong: string[] = [];
    for (const [file, imported] of imports) {
      if (!file.startsWith('agent/core/')) continue;
      for (const { target, typeOnly } of imported) {
        if (target.startsWith('agent/ports/') && !typeOnly) wrong.push(`${file} -> ${target}`);
      }
    }
    assert.deepEqual(wrong, []);
  });

  it('has no cycle of files that import values of each other', () => {
    const graph = new Map<string, Set<string>>();
    for (const [file, imported] of imports) {
      const targets = imported.filter(({ kind, typeOnly }) => kind === 'file' && !typeOnly);
      graph.set(file, new Set(targets.map(({ target }) => target)));
    }
    assert.deepEqual(findCycles(graph), []);
  });

  it('has no cycle of folders in the core, not by types either', () => {
    assert.deepEqual(findCycles(foldersOf('agent/core/')), []);
    assert.deepEqual(findCycles(foldersOf('protocol/')), []);
  });

  it('imports each package in one file outside test/', () => {
    const doors = new Map<string, string[]>();
    for (const [file, imported] of imports) {
      if (file.startsWith('test/')) continue;
      for (const { kind, target } of imported) {
        if (kind !== 'package') continue;
        const name = target
          .split('/')
          .slice(0, target.startsWith('@') ? 2 : 1)
          .join('/');
        doors.set(name, [...(doors.get(name) ?? []), file]);
      }
    }
    assert.deepEqual(
      [...doors].filter(([, importers]) => importers.length > 1),
      [],
    );
    const { dependencies } = JSON.parse(read('package.json')) as { dependencies: object };
    assert.deepEqual([...doors.keys()].sort(), Object.keys(dependencies).sort());
  });

  /** What is started: by the command line, by npm, as a worker by its URL, by a browser, or by who imports the package. */
  const isProgram = (file: string): boolean =>
    ['bin/main.ts', 'docs/generate/main.ts', 'library/node.ts', 'library/browser.ts'].includes(
      file,
    ) || file.endsWith('-worker.ts');

  /** Made for the simulator's program, and used by tests until there is one. */
  const isOfSimulator = (file: string): boolean =>
    file.startsWith('simulator/ports/') || file === 'simulator/simulated-device.ts';

  /** Files that these reach by imports, and they themselves. */
  const reachedFrom = (entries: readonly string[]): ReadonlySet<string> => {
    const reached = new Set<string>();
    const follow = (file: string): void => {
      if (reached.has(file)) return;
      reached.add(file);
      for (const { kind, target } of imports.get(file) ?? []) if (kind === 'file') follow(target);
    };
    entries.forEach(follow);
    return reached;
  };

  it('has no file outside test/ that no program reaches', () => {
    const product = files.filter((file) => !file.startsWith('test/'));
    const reached = reachedFrom(product.filter((file) => isProgram(file) || isOfSimulator(file)));
    assert.deepEqual(
      product.filter((file) => !reached.has(file)),
      [],
    );
  });

  it('has no file in test/ that no test and no program of the tests reaches', () => {
    const started =
      /\.test\.ts$|-worker\.ts$|-page\.ts$|^test\/[a-z]+\/main\.ts$|\/(flooder|hostile-agent|log-writer)\.ts$/;
    const ofTests = files.filter((file) => file.startsWith('test/'));
    const reached = reachedFrom(ofTests.filter((file) => started.test(file)));
    assert.deepEqual(
      ofTests.filter((file) => !reached.has(file)),
      [],
    );
  });

  it('has no export outside test/ that only tests use, and none that nobody imports', () => {
    const dead: string[] = [];
    for (const file of files) {
      if (file.startsWith('test/') || isProgram(file) || isOfSimulator(file)) continue;
      const text = withoutComments(read(file));
      for (const { name, isType } of exportsOf(text)) {
        const importers = importersOf(file, name);
        if (importers.some((importer) => !importer.startsWith('test/'))) continue;
        // A type may describe another export; a value may be exported for a test besides its own use.
        const isUsedWithin = text.match(new RegExp(`\\b${name}\\b`, 'g'))?.length !== 1;
        if (isUsedWithin && (isType || importers.length > 0)) continue;
        dead.push(`${file}: ${name}`);
      }
    }
    assert.deepEqual(dead, []);
  });
});

describe('the core and the protocol', () => {
  it('has no clock, chance, I/O or waiting of its own', () => {
    const impure =
      /\b(Date\.now|new Date\(\)|performance\.|Math\.random|setTimeout|setInterval|setImmediate|queueMicrotask|process\.(?!js)|async |await |Promise\b|globalThis|fetch\()/;
    const wrong = files
      .filter((file) => /^(agent\/core|protocol)\//.test(file))
      .flatMap((file) =>
        withoutComments(read(file))
          .split('\n')
          .filter((line) => impure.test(line))
          .map((line) => `${file}: ${line.trim()}`),
      );
    assert.deepEqual(wrong, []);
    for (const [file, imported] of imports) {
      if (!/^(agent\/core|protocol)\//.test(file)) continue;
      for (const { kind, target } of imported) assert.equal(kind, 'file', `${file} -> ${target}`);
    }
  });

  it('keeps nothing in module scope that could change', () => {
    const wrong = files
      .filter((file) => !file.startsWith('test/'))
      .filter((file) => /^(export )?(let|var) /m.test(read(file)));
    assert.deepEqual(wrong, []);
  });
});

describe('the operator', () => {
  it('has files, locks, chance and time through its ports alone, so that a simulation can run it', () => {
    // A data set is made for another program, and nobody's decision.
    const isFree = (file: string): boolean =>
      file.startsWith('operator/adapters/') || file === 'operator/field/data-set.ts';
    const ofWorld =
      /^node:(fs|net|timers|child_process|worker_threads)|^operator\/adapters\/|^agent\/adapters\/(durable-file|state-lock|file-|system-|cron-)/;
    const impure =
      /\b(Date\.now|new Date\(\)|performance\.|Math\.random|setTimeout|setInterval|generateSigningKey|randomBytes.* from 'node)/;
    const wrong = files
      .filter((file) => file.startsWith('operator/') && !isFree(file))
      .flatMap((file) => [
        ...(imports.get(file) ?? [])
          .filter(({ target }) => ofWorld.test(target))
          .map(({ target }) => `${file} -> ${target}`),
        ...withoutComments(read(file))
          .split('\n')
          .filter((line) => impure.test(line))
          .map((line) => `${file}: ${line.trim()}`),
      ]);
    assert.deepEqual(wrong, []);
  });
});

describe('the loader of the inference core', () => {
  it('imports nothing from Node, so that it runs in a browser', () => {
    for (const [file, imported] of imports) {
      if (!file.startsWith('wasm/loader/')) continue;
      for (const { kind, target } of imported) assert.equal(kind, 'file', `${file} -> ${target}`);
    }
  });
});

describe('the documentation', () => {
  it('lists the codes of the one table (npm run docs writes the page)', () => {
    assert.equal(read('docs/codes.md'), renderCodesPage());
  });

  it('lists the keys of the configuration (npm run docs writes the page)', () => {
    assert.equal(read('docs/configuration.md'), renderConfigurationPage());
  });

  it('lists operators and types with the cases behind them (npm run docs writes the page)', () => {
    const indices = ['test/conformance/index.json', 'test/conformance/operators/index.json'];
    const page = renderOperatorsPage(read('wasm/README.md'), indices.map(read));
    assert.equal(read('docs/operators.md'), page);
  });

  it('describes every message and document in the schema of the wire', () => {
    const rules = new Set(
      [...read('docs/wire.cddl').matchAll(/^([a-z][a-z0-9-]*) =/gm)].map(([, rule]) => rule),
    );
    const modules = files
      .filter((file) => /^protocol\/(messages|documents)\//.test(file))
      .map((file) => path.basename(file, '.ts'));
    assert.ok(modules.length > 10);
    assert.deepEqual(
      modules.filter((name) => !rules.has(name) && !rules.has(`${name}-message`)),
      [],
    );
  });

  it('shows what npm start printed, as text and as the picture of it', () => {
    const printed = read('docs/demo.txt');
    assert.ok(read('README.md').includes(printed), 'README.md has another text');
    assert.equal(read('docs/demo.svg'), drawTerminal(printed, 'npm start'));
    const courses = readBoundCourses(read('docs/bound.jsonl'));
    assert.equal(read('docs/bound.svg'), drawBounds(courses, demoMargins));
  });

  it('shows how fast models run as the picture of what was measured', () => {
    const figures = readSpeedFigures(read('docs/speed.jsonl'));
    assert.equal(read('docs/speed.svg'), drawSpeed(figures));
  });

  it('has the same lines for one model on one gateway in both places', () => {
    const readme = read('README.md');
    const blocks = read('docs/own-model.md').match(/```(yaml|sh)\n[\s\S]*?```/g) ?? [];
    assert.equal(blocks.length, 2);
    for (const block of blocks) assert.ok(readme.includes(block), block);
  });

  it('is linked to files that exist', () => {
    const wrong: string[] = [];
    for (const page of tracked.filter((file) => file.endsWith('.md'))) {
      for (const [, target = ''] of read(page).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        const file = path.join(root, path.dirname(page), target);
        if (!existsSync(file)) wrong.push(`${page}: ${target}`);
      }
    }
    assert.deepEqual(wrong, []);
  });
});

describe('the repository', () => {
  it('names no machine path and no package registry', () => {
    const pattern =
      /\/(work|farm)\/|(registry\.npmjs|static\.crates|files\.pythonhosted|deb\.debian)\./;
    const wrong = tracked
      .filter((file) => /\.(ts|js|mjs|json|md|rs|toml|sh|py|ya?ml|cddl)$|^\.ci\//.test(file))
      .filter((file) => file !== 'test/tidy.test.ts' && pattern.test(read(file)));
    assert.deepEqual(wrong, []);
  });
});

interface Import {
  readonly kind: 'file' | 'package' | 'node';
  /** The source file from the root, the package's specifier, or the module of Node. */
  readonly target: string;
  readonly typeOnly: boolean;
}

/** What the folders of a tree import of each other; a file that lies in none stands for itself. */
function foldersOf(tree: string): ReadonlyMap<string, ReadonlySet<string>> {
  const partOf = (file: string): string => file.slice(tree.length).split('/')[0] ?? '';
  const graph = new Map<string, Set<string>>();
  for (const [file, imported] of imports) {
    if (!file.startsWith(tree)) continue;
    const targets = graph.get(partOf(file)) ?? new Set();
    for (const { target } of imported) {
      if (target.startsWith(tree) && partOf(target) !== partOf(file)) targets.add(partOf(target));
    }
    graph.set(partOf(file), targets);
  }
  return graph;
}

/** The cycles that a walk from every node runs into, each written out. */
function findCycles(graph: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  const cycles: string[] = [];
  const done = new Set<string>();
  const walk = (node: string, trail: readonly string[]): void => {
    if (trail.includes(node)) {
      cycles.push([...trail.slice(trail.indexOf(node)), node].join(' -> '));
      return;
    }
    if (done.has(node)) return;
    for (const next of graph.get(node) ?? []) walk(next, [...trail, node]);
    done.add(node);
  };
  for (const node of graph.keys()) walk(node, []);
  return cycles;
}

/** All files of the tree, from the root, without what is installed or built. */
function listFiles(folder: string): string[] {
  return readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = path.posix.join(folder, entry.name);
    if (/(^|\/)(node_modules|dist|target|pkg|\.git|__pycache__)$/.test(file)) return [];
    return entry.isDirectory() ? listFiles(file) : [file];
  });
}

function listSources(): readonly string[] {
  return tracked
    .filter((file) => folders.some((folder) => file.startsWith(`${folder}/`)))
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .sort();
}

function importsOf(file: string): readonly Import[] {
  const pattern =
    /^(?:import|export)\s+(type\s)?(?:[^'"]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(['"]([^'"]+)['"]\)/gm;
  return [...withoutComments(read(file)).matchAll(pattern)].map(
    ([, type, fromStatement, fromCall]): Import => {
      const specifier = fromStatement ?? fromCall ?? '';
      const typeOnly = type !== undefined;
      if (specifier.startsWith('node:')) return { kind: 'node', target: specifier, typeOnly };
      if (!specifier.startsWith('.')) return { kind: 'package', target: specifier, typeOnly };
      const target = path.join(path.dirname(file), specifier).replace(/\.js$/, '.ts');
      return { kind: 'file', target, typeOnly };
    },
  );
}

/** The names that a text declares and exports. */
function exportsOf(text: string): readonly { readonly name: string; readonly isType: boolean }[] {
  const pattern =
    /^export (?:async |abstract )?(function\*?|const|class|interface|type) ([A-Za-z]\w*)/gm;
  return [...text.matchAll(pattern)].map(([, kind = '', name = '']) => ({
    name,
    isType: kind === 'interface' || kind === 'type',
  }));
}

/** The files that import a name of a file, or load the whole file and mention the name. */
function importersOf(file: string, name: string): readonly string[] {
  const mention = new RegExp(`\\b${name}\\b`);
  return [...imports]
    .filter(([, imported]) => imported.some(({ target }) => target === file))
    .map(([importer]) => importer)
    .filter((importer) => mention.test(withoutComments(read(importer))));
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

function read(file: string): string {
  return readFileSync(path.join(root, file), 'utf8');
}
