import { writeFileSync } from 'node:fs';
import { renderCodesPage } from './codes-page.js';

// Compiled to dist/docs/generate: the pages lie beside the sources.
writeFileSync(new URL('../../../docs/codes.md', import.meta.url), renderCodesPage());
