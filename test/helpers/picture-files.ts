import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Resize } from '../../protocol/documents/pipeline.js';

const folder = path.resolve(import.meta.dirname, '../../../test/fixtures/pictures');

/** What `test/oracle/pictures.py` wrote. */
interface PictureIndex {
  readonly pictures: readonly {
    readonly file: string;
    readonly width: number;
    readonly height: number;
    /** By how much a value may differ. */
    readonly tolerance: number;
    readonly rgb: readonly number[];
  }[];
  readonly resized: readonly {
    readonly from: { readonly width: number; readonly height: number; readonly channels: 1 | 3 };
    readonly data: readonly number[];
    readonly to: Resize;
    readonly values: readonly number[];
  }[];
}

/** What is in the pictures of the fixtures. */
export function pictureIndex(): PictureIndex {
  return JSON.parse(readFileSync(path.join(folder, 'index.json'), 'utf8')) as PictureIndex;
}

/** A picture of the fixtures. */
export function pictureFile(name: string): Uint8Array {
  return new Uint8Array(readFileSync(path.join(folder, name)));
}
