import { CodedError } from '../../protocol/coded-error.js';
import { deviceIdPattern } from '../../protocol/topics.js';
import type { WindowId } from '../../protocol/messages/command.js';
import { parseCsv } from './csv.js';

/** A true label of a window, by whoever knows. */
export interface KnownLabel extends WindowId {
  readonly deviceId: string;
  readonly label: string;
}

const columns = ['device', 'boot', 'window', 'label'] as const;

/** The text of a label in a message. */
const mostLabel = 256;

/** Reads labels from a table whose first line names its columns; others than ours are left alone. Throws `labels-unreadable`. */
export function parseLabelFile(text: string): readonly KnownLabel[] {
  const [head, ...rows] = parseCsv(text.replace(/^\ufeff/, '')) ?? [];
  if (head === undefined)
    throw new CodedError('labels-unreadable', 'a quote has no end, or it is empty');
  const places = columns.map((name) => head.indexOf(name));
  const missing = columns.filter((_, i) => places[i] === -1);
  if (missing.length > 0) {
    throw new CodedError('labels-unreadable', `there is no column ${missing.join(', ')}`);
  }
  return rows.flatMap((row, i): KnownLabel[] => {
    const [deviceId = '', boot = '', window = '', label = ''] = places.map((at) => row[at] ?? '');
    // A window that nobody has labelled yet.
    if (label === '') return [];
    const isWindow = /^\d{1,15}$/.test(boot) && /^\d{1,15}$/.test(window);
    if (!deviceIdPattern.test(deviceId) || !isWindow || label.length > mostLabel) {
      throw new CodedError(
        'labels-unreadable',
        `row ${i + 2}: ${JSON.stringify(row).slice(0, 200)}`,
      );
    }
    return [{ deviceId, boot: Number(boot), window: Number(window), label }];
  });
}
