import { readFileSync, writeFileSync } from 'node:fs';
import { renderCodesPage } from './codes-page.js';
import { drawTerminal } from './terminal-picture.js';

// Compiled to dist/docs/generate: the pages lie beside the sources.
const page = (name: string): URL => new URL(`../../../docs/${name}`, import.meta.url);

writeFileSync(page('codes.md'), renderCodesPage());
writeFileSync(page('demo.svg'), drawTerminal(readFileSync(page('demo.txt'), 'utf8'), 'npm start'));
