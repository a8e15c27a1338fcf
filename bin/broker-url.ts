import { CodedError } from '../protocol/coded-error.js';

/** The address of a broker from the command line, as it was given. Throws `usage-invalid` for others. */
export function checkBrokerUrl(url: string): string {
  // The pattern leaves out user names and passwords, which other users of the machine could read there.
  if (/^mqtts?:\/\/[^/?#@\s]+\/?$/.test(url) && URL.canParse(url)) return url;
  throw new CodedError(
    'usage-invalid',
    `--broker ${url} is not mqtt://HOST:PORT or mqtts://HOST:PORT`,
  );
}
