import { writeFileSync } from 'node:fs';
import { renderCodesPage } from './codes-page.js';
import { renderConfigurationPage } from './configuration-page.js';

const pages = { 'codes.md': renderCodesPage(), 'configuration.md': renderConfigurationPage() };

// Compiled to dist/docs/generate: the pages lie beside the sources.
for (const [name, page] of Object.entries(pages)) {
  writeFileSync(new URL(`../../../docs/${name}`, import.meta.url), page);
}
