import type { Storage } from '../ports/storage.js';
import { carryOut, type Course } from './course.js';
import { createFileCourses, type FileStorageOptions } from './file-courses.js';
import { systemFiles, type FileSystem } from './file-system.js';

/** Opens the storage port on a folder; `createFileCourses` says what is promised. */
export async function openFileStorage(
  options: FileStorageOptions,
  fs: FileSystem = systemFiles,
): Promise<Storage> {
  const courses = createFileCourses(options, fs);
  await carryOut(courses.open());
  const serial = createSerial();
  const operate = <T>(course: Course<T>): Promise<T> => serial(() => carryOut(course));
  return {
    read: (name, limitBytes) => operate(courses.read(name, limitBytes)),
    write: (name, bytes) => operate(courses.write(name, bytes)),
    writeAt: (name, offset, bytes) => operate(courses.writeAt(name, offset, bytes)),
    move: (from, to) => operate(courses.move(from, to)),
    remove: (name) => operate(courses.remove(name)),
    list: (folder) => operate(courses.list(folder)),
    freeBytes: () => operate(courses.freeBytes()),
  };
}

/** Runs asynchronous work one after the other. */
function createSerial(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work);
    last = next.catch(() => undefined);
    return next;
  };
}
