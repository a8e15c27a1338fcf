/** What a disk holds when nobody uses it: files by path, and the folders. */
export interface DiskImage {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly folders: ReadonlySet<string>;
}

/** One change that a call made, durable only after a sync of the file or folder that it changed. */
export type Change =
  | {
      readonly kind: 'write';
      readonly inode: Inode;
      readonly position: number;
      readonly bytes: Uint8Array;
    }
  | {
      readonly kind: 'entry';
      readonly inode: Inode;
      readonly name: string;
      /** What the name stands for afterwards; undefined where it is gone. */
      readonly target: Inode | undefined;
    };

/** What became of a change that was not durable when the power failed. */
export type Fate =
  | 'lost'
  | 'kept'
  /** The file has grown, and holds zeros where the bytes were to come. */
  | 'sized'
  /** Of a write, only its first bytes. */
  | { readonly prefix: number }
  /** Of a write, only those sectors of which this says so. */
  | { readonly sectors: (sector: number) => boolean };

/** The unit in which a disk writes; a smaller part is never torn by it, and each may come without the others. */
export const sectorBytes = 512;

/** A file or a folder, whatever its names are. */
export type Inode =
  | { readonly kind: 'file'; bytes: Uint8Array }
  | { readonly kind: 'folder'; readonly entries: Map<string, Inode> };

export type Folder = Extract<Inode, { kind: 'folder' }>;

/** An empty disk. */
export const emptyImage: DiskImage = { files: new Map(), folders: new Set() };

/** Carries out of a change what its fate says. */
export function applyPart(change: Change, fate: Fate, twinOf: (inode: Inode) => Inode): void {
  if (fate === 'lost') return;
  const inode = twinOf(change.inode);
  if (change.kind === 'entry') {
    if (inode.kind !== 'folder') throw new Error('only folders have entries');
    if (change.target === undefined) inode.entries.delete(change.name);
    else inode.entries.set(change.name, twinOf(change.target));
    return;
  }
  if (inode.kind !== 'file') throw new Error('only files hold bytes');
  const { position, bytes } = change;
  const length = typeof fate === 'object' && 'prefix' in fate ? fate.prefix : bytes.length;
  if (length === 0) return;
  const before = inode.bytes;
  const after = new Uint8Array(Math.max(before.length, position + length));
  after.set(before);
  for (let at = 0; at < length;) {
    // Sectors lie at fixed places of a file, wherever a write begins.
    const sector = Math.floor((position + at) / sectorBytes);
    const end = Math.min(length, (sector + 1) * sectorBytes - position);
    const written =
      fate === 'sized'
        ? false
        : typeof fate === 'object' && 'sectors' in fate
          ? fate.sectors(sector)
          : true;
    if (written) after.set(bytes.subarray(at, end), position + at);
    at = end;
  }
  inode.bytes = after;
}

/** The tree that an image describes. */
export function treeOf(image: DiskImage): Folder {
  const root: Folder = { kind: 'folder', entries: new Map() };
  for (const folder of image.folders) put(root, folder, { kind: 'folder', entries: new Map() });
  for (const [file, bytes] of image.files) put(root, file, { kind: 'file', bytes });
  return root;
}

function put(root: Folder, path: string, inode: Inode): void {
  const names = namesOf(path);
  folderAt(root, pathOf(names.slice(0, -1))).entries.set(names.at(-1) ?? '', inode);
}

/** What a path leads to; undefined where nothing is there. Throws `ENOTDIR`. */
export function findAt(root: Folder, path: string): Inode | undefined {
  let inode: Inode | undefined = root;
  for (const name of namesOf(path)) {
    if (inode === undefined) return undefined;
    if (inode.kind === 'file') throw errno('ENOTDIR', path);
    inode = inode.entries.get(name);
  }
  return inode;
}

/** The folder that a path leads to. Throws `ENOENT` and `ENOTDIR`. */
export function folderAt(root: Folder, path: string): Folder {
  const inode = findAt(root, path);
  if (inode === undefined) throw errno('ENOENT', path);
  if (inode.kind === 'file') throw errno('ENOTDIR', path);
  return inode;
}

/** What a tree holds. */
export function imageOf(root: Folder): DiskImage {
  const files = new Map<string, Uint8Array>();
  const folders = new Set<string>();
  const visit = (folder: Folder, path: string): void => {
    for (const [name, inode] of folder.entries) {
      const inner = `${path}/${name}`;
      if (inode.kind === 'file') files.set(inner, inode.bytes);
      else {
        folders.add(inner);
        visit(inode, inner);
      }
    }
  };
  visit(root, '');
  return { files, folders };
}

/** What the system says that it takes. */
export function sizeOf(inode: Inode): number {
  return inode.kind === 'file' ? inode.bytes.length : 4096;
}

export function namesOf(path: string): readonly string[] {
  return path.split('/').filter((name) => name !== '');
}

export function pathOf(names: readonly string[]): string {
  return `/${names.join('/')}`;
}

/** An error as the system gives it. */
export function errno(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}
