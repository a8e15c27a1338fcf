import { existsSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';

// The compiler never removes what it compiled from a file that was moved or deleted since; mocha would go on
// running such a test, and the package would go on carrying such a module. This does, after each build.

const root = path.resolve(import.meta.dirname, '..');
const compiled = /\.(js|js\.map|d\.ts)$/;

for (const entry of readdirSync(path.join(root, 'dist'), { recursive: true })) {
  if (!compiled.test(entry)) continue;
  const source = path.join(root, entry.replace(compiled, '.ts'));
  if (!existsSync(source)) rmSync(path.join(root, 'dist', entry));
}
