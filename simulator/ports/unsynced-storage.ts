import type { Course } from '../../agent/adapters/course.js';
import { createFileCourses } from '../../agent/adapters/file-courses.js';
import type { Storage } from '../../agent/ports/storage.js';
import { refuse, type Result } from '../../protocol/result.js';
import { Later } from '../time/later.js';
import type { Lane } from '../time/lane.js';
import type { StorageFault, StorageMeter } from './memory-storage.js';
import type { UnsyncedDisk } from './unsynced-disk.js';

export interface UnsyncedStorageOptions {
  readonly disk: UnsyncedDisk;
  /** All files together may take so much. */
  readonly storageBytes: number;
  readonly beforeOperation: (what: string) => StorageFault;
  /** Told of what was carried out and changed something. */
  readonly meter: StorageMeter;
  /** The lane in which it answers. */
  readonly lane: Lane;
}

/** Where the storage of a device lies on its disk. */
export const stateFolder = '/state';

/** The agent's own storage adapter, on a disk that loses what was not synced. */
export function createUnsyncedStorage(options: UnsyncedStorageOptions): Storage {
  const { disk, storageBytes, beforeOperation, meter, lane } = options;
  const courses = createFileCourses({ folder: stateFolder, storageBytes }, disk.fileSystem);
  disk.carryOut(courses.open());
  let stopped = false;
  const operate = <T>(
    what: string,
    course: Course<Result<T>>,
    done: () => void = () => undefined,
  ): PromiseLike<Result<T>> => {
    const fault = stopped ? 'stop' : beforeOperation(what);
    if (fault === 'fail' || fault === 'full') {
      const code = fault === 'fail' ? 'storage-failed' : 'storage-full';
      return Later.of(lane, refuse(code, `${what}: a fault of the simulation`));
    }
    stopped = fault !== 'go';
    if (fault === 'stop') return new Later(lane);
    if (fault !== 'go') {
      // Never answered, however much of it was done.
      disk.carryOut(course, fault.calls);
      fault.cut();
      return new Later(lane);
    }
    const carried = disk.carryOut(course);
    if (carried === undefined) return new Later(lane);
    if (carried.given.ok) done();
    return Later.of(lane, carried.given);
  };
  return {
    read: (name, limitBytes) => operate(`read ${name}`, courses.read(name, limitBytes)),
    write: (name, bytes) =>
      operate(`write ${name}`, courses.write(name, bytes), () => {
        meter.write(name, bytes.length);
      }),
    writeAt: (name, offset, bytes) =>
      operate(`writeAt ${name}`, courses.writeAt(name, offset, bytes), () => {
        meter.writeAt(name, offset, bytes.length);
      }),
    move: (from, to) =>
      operate(`move ${from}`, courses.move(from, to), () => {
        meter.move(from, to);
      }),
    remove: (name) =>
      operate(`remove ${name}`, courses.remove(name), () => {
        meter.remove(name);
      }),
    list: (folder) => operate(`list ${folder}/all`, courses.list(folder)),
    freeBytes: () => operate('freeBytes state/all', courses.freeBytes()),
  };
}
