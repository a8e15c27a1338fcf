#!/usr/bin/env node
// The entry that npm links. It only starts the compiled program, and says clearly when there is none:
// `npm ci --ignore-scripts` does not build.
import { existsSync } from 'node:fs';

const compiled = new URL('../dist/bin/main.js', import.meta.url);
if (existsSync(compiled)) {
  const { main } = await import(compiled.href);
  const exitCode = await main(process.argv.slice(2));
  // A refused command may have opened something already; it must not live on half-started.
  if (exitCode === 0) process.exitCode = exitCode;
  else process.exit(exitCode);
} else {
  console.error('tinylamp is not built yet. Run `npm run build` in its folder, then try again.');
  process.exitCode = 2;
}
