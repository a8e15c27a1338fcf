import { fromHex, toHex } from '../../protocol/bytes.js';
import { sameComparison, type ComparisonName } from '../../protocol/assignment/comparison.js';
import { openSign1 } from '../../protocol/cose/sign1.js';
import { limits } from '../../protocol/limits.js';
import { parseEvidence, type Evidence } from '../../protocol/messages/evidence.js';
import { accept, refuse, type Result } from '../../protocol/result.js';
import type { Crypto } from '../../agent/ports/crypto.js';

/** Whose evidence it must be, and of what. */
export interface EvidenceBinding {
  readonly deviceId: string;
  readonly slot: string;
  readonly comparison: ComparisonName;
  /** The public key of the device, in hexadecimal. */
  readonly key: string;
}

/**
 * Reads evidence of a device. Whoever may write to its topic, or is another device, cannot make any up: refuses with
 * `evidence-forged` what its key has not signed, or what is signed for another device, slot or comparison, and with what the
 * codecs say.
 */
export function readEvidence(
  envelope: Uint8Array,
  { deviceId, slot, comparison, key }: EvidenceBinding,
  crypto: Pick<Crypto, 'verifyEd25519'>,
): Result<Evidence> {
  if (envelope.length > limits.evidenceBytes) {
    return refuse('evidence-too-large', `${envelope.length} bytes of ${deviceId}`);
  }
  const opened = openSign1(envelope, 'evidence');
  if (!opened.ok) return opened;
  const { toBeSigned, signature, payload } = opened.value;
  if (!crypto.verifyEd25519(fromHex(key), toBeSigned, signature)) {
    return refuse('evidence-forged', `not signed by the key of ${deviceId}`);
  }
  const parsed = parseEvidence(payload);
  if (!parsed.ok) return parsed;
  const evidence = parsed.value;
  if (evidence.deviceId !== deviceId || evidence.slot !== slot) {
    return refuse('evidence-forged', `evidence of ${evidence.deviceId} on a topic of ${deviceId}`);
  }
  if (!sameComparison(evidence, comparison)) {
    return refuse('evidence-of-another', `of ${deviceId}, salt ${toHex(evidence.salt)}`);
  }
  return accept(evidence);
}
