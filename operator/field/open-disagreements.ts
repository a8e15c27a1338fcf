import type { KeptDisagreement } from '../../protocol/messages/response.js';
import { CodedError } from '../../protocol/coded-error.js';
import { askDevice, type AskedDevice, type FieldTools } from './ask-device.js';

/** All windows of a slot on which the two differ that the device has kept. Throws what {@link askDevice} throws. */
export async function readDisagreements(
  tools: FieldTools,
  device: AskedDevice,
  { slot, timeoutMs }: { readonly slot: string; readonly timeoutMs: number },
): Promise<readonly KeptDisagreement[]> {
  const question = { slot, request: 'disagreements', windows: [], timeoutMs } as const;
  const { contents, isWhole } = await askDevice(tools, device, question);
  if (!isWhole) {
    throw new CodedError('command-unanswered', `${device.deviceId}: not all of its answer came`);
  }
  return contents.flatMap((content) => (content.kind === 'disagreements' ? content.entries : []));
}
