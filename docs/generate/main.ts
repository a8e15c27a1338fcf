import { readFileSync, writeFileSync } from 'node:fs';
import { renderCodesPage } from './codes-page.js';
import { renderConfigurationPage } from './configuration-page.js';
import { renderOperatorsPage } from './operators-page.js';
import { demoMargins, readBoundCourses } from './bound-courses.js';
import { drawBounds } from './bound-picture.js';
import { drawSpeed, readSpeedFigures } from './speed-picture.js';
import { drawTerminal } from './terminal-picture.js';

// Compiled to dist/docs/generate: the pages lie beside the sources.
const page = (name: string): URL => new URL(`../../../docs/${name}`, import.meta.url);
const demo = readFileSync(page('demo.txt'), 'utf8');
const bounds = readBoundCourses(readFileSync(page('bound.jsonl'), 'utf8'));
const readTree = (name: string): string => readFileSync(new URL(`../${name}`, page('')), 'utf8');
const operators = renderOperatorsPage(
  readTree('wasm/README.md'),
  ['test/conformance/index.json', 'test/conformance/operators/index.json'].map(readTree),
);
const pages = {
  'bound.svg': drawBounds(bounds, demoMargins),
  'codes.md': renderCodesPage(),
  'configuration.md': renderConfigurationPage(),
  'demo.svg': drawTerminal(demo, 'npm start'),
  'operators.md': operators,
  'speed.svg': drawSpeed(readSpeedFigures(readFileSync(page('speed.jsonl'), 'utf8'))),
};

for (const [name, text] of Object.entries(pages)) writeFileSync(page(name), text);
