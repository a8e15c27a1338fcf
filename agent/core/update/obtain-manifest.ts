import { toHex } from '../../../protocol/bytes.js';
import { parseManifest, type Manifest } from '../../../protocol/documents/manifest.js';
import type { WantMessage } from '../../../protocol/messages/want.js';
import { accept, refuse, type Result } from '../../../protocol/result.js';
import { BackOff } from '../back-off.js';
import type { Device } from '../device.js';
import { ask, type Process } from '../process.js';
import type { StoredRelease } from '../state/record.js';
import type { Course } from '../store/artifact-fetch.js';
import { manifestName } from '../store/file-names.js';
import { readManifest } from '../store/read-release.js';
import { fetchRetained } from '../store/retained-fetch.js';

/**
 * The manifest of a release from disk, or from the broker, however long that takes; verified and then kept as it was
 * carried. What comes and is not what the policy names says nothing about what it names.
 *
 * @param course told how it comes
 */
export function* obtainManifest(
  device: Device,
  slot: string,
  release: StoredRelease,
  course: Course,
): Process<Result<Manifest>> {
  const stored = yield* readManifest(release);
  // What cannot be read now is not asked for again: without the broker that would have no end.
  if (stored.ok || stored.rejection.code === 'storage-failed') return stored;
  const { topics, tasks, exchange, trust, settings } = device;
  const { sequence } = release;
  const topic = topics.manifest(slot, sequence);
  let manifest: Result<Manifest> = stored;
  let isTroubled = false;
  const fetched = yield* fetchRetained(
    {
      wanted: [sequence],
      topic: () => topic,
      *check(_, bytes) {
        if (toHex(yield* ask('digest', { bytes })) === release.manifest) return accept(undefined);
        const verified = yield* trust.verify(bytes, 'manifest', slot, device.believedMs());
        if (!verified.ok) return verified;
        return refuse(
          'manifest-digest-mismatch',
          `the retained manifest of release ${sequence} is not the one that the policy names`,
        );
      },
      *keep(_, bytes) {
        if (isTroubled) course.goesOn();
        manifest = yield* believe(device, slot, release, bytes);
        return manifest.ok ? accept(undefined) : manifest;
      },
      missing: () => refuse('manifest-missing', `nothing is retained on ${topic}`).rejection,
      trouble: (rejection) => {
        isTroubled = true;
        course.trouble(rejection);
      },
      request: () => {
        const json: WantMessage = { device: settings.deviceId, blocks: [] };
        tasks.ask('publish', {
          channel: 'other',
          topic: topics.want(release.manifest),
          payload: { json },
          retained: false,
        });
      },
      givesUp: () => false,
    },
    tasks,
    exchange,
    new BackOff(),
    () => device.now().monotonicMs,
  );
  return fetched.ok ? manifest : fetched;
}

/** Verifies the bytes that the policy names, and keeps them as they were carried. */
function* believe(
  device: Device,
  slot: string,
  release: StoredRelease,
  bytes: Uint8Array,
): Process<Result<Manifest>> {
  const payload = yield* device.trust.verify(bytes, 'manifest', slot, device.believedMs());
  if (!payload.ok) return payload;
  const manifest = parseManifest(payload.value);
  if (!manifest.ok) return manifest;
  const { slot: namedSlot, sequence } = manifest.value;
  if (namedSlot !== slot || sequence !== release.sequence) {
    return refuse(
      'manifest-misplaced',
      `the manifest is of release ${sequence} for slot ${namedSlot}, and was found as ${release.sequence} of ${slot}`,
    );
  }
  const written = yield* ask('write', { name: manifestName(release.manifest), bytes });
  return written.ok ? manifest : written;
}
