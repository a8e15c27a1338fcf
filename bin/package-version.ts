import { readFileSync } from 'node:fs';
import type { Version } from '../protocol/documents/manifest.js';

/** The version of this package, as releases may demand it. */
export function packageVersion(): Version {
  const text = readFileSync(new URL(import.meta.resolve('#package')), 'utf8');
  const { version } = JSON.parse(text) as { version: string };
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((part) => parseInt(part, 10));
  return [major, minor, patch];
}
