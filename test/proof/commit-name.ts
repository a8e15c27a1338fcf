import { execFileSync } from 'node:child_process';

/** What git calls the sources in a folder, and whether anything but the pages of proofs has been changed since. */
export function nameOfCommit(root: string): string {
  const pages = [':!docs/proofs.md', ':!docs/evidence.md'];
  const git = (...words: string[]): string => {
    try {
      return execFileSync('git', words, { cwd: root, encoding: 'utf8' }).trim();
    } catch {
      return '';
    }
  };
  const changed = git('status', '--porcelain', '--', '.', ...pages) !== '';
  return `${git('rev-parse', '--short', 'HEAD') || 'unknown'}${changed ? ' with changes' : ''}`;
}
