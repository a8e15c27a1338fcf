import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A certificate and its private key, both PEM. */
export interface Certified {
  readonly cert: Uint8Array;
  readonly key: Uint8Array;
}

/** An authority of one test's own. */
export interface Authority {
  /** Its own certificate: who trusts it trusts what it issues. */
  readonly ca: Uint8Array;
  /** A certificate for a server on this machine, or (`subjectAltName` empty) for a client of that name. */
  issue(commonName: string, subjectAltName?: string): Certified;
  /** Removes its files. */
  close(): void;
}

/** Makes an authority with OpenSSL. Call `requires(this, 'openssl')` first. */
export function createAuthority(): Authority {
  const folder = mkdtempSync(path.join(tmpdir(), 'tinylamp-certificates-'));
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const read = (name: string): Uint8Array => new Uint8Array(readFileSync(path.join(folder, name)));
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const subject = (name: string): string[] => ['-subj', `/CN=${name}`];
  openssl(
    ...['req', '-x509', ...newKey, '-days', '2', ...subject('tinylamp test authority')],
    ...['-keyout', 'ca.key', '-out', 'ca.pem'],
  );
  return {
    ca: read('ca.pem'),
    issue(commonName, subjectAltName) {
      openssl(
        'req',
        '-new',
        ...newKey,
        ...subject(commonName),
        '-keyout',
        'key',
        '-out',
        'request',
      );
      const extension = subjectAltName === undefined ? '' : `subjectAltName=${subjectAltName}\n`;
      writeFileSync(path.join(folder, 'extensions'), extension);
      openssl(
        ...['x509', '-req', '-in', 'request', '-days', '2', '-extfile', 'extensions'],
        ...['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-out', 'cert'],
      );
      return { cert: read('cert'), key: read('key') };
    },
    close() {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
