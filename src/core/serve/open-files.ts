import type { OpenFile } from '../../fuse/files.ts';
import type { TaggedVersion } from '../../model/version.ts';
import { copyBytes } from '../../native/copy-bytes.ts';
import type { ImageView } from './image-view.ts';
import type { OpenImages } from './open-images.ts';

/** Opens the image of a version as a file. */
export async function openData(images: OpenImages, uid: string): Promise<OpenFile> {
  const view = await images.open(uid);
  return {
    read: (into, offset) => readImage(view, into, offset),
    write: (bytes, offset) => view.write(offset, bytes),
    close: () => images.release(view),
  };
}

/** Opens a read-only file with this text. */
export function openText(text: Buffer): OpenFile {
  return {
    read: async (into, offset) => text.copy(into, 0, Math.min(offset, text.length)),
    write: async () => {
      throw new Error('this file is read-only');
    },
    close: async () => {},
  };
}

/** Contents of the small files of a version, by file name. */
export function textFiles(version: TaggedVersion): Map<string, Buffer> {
  const validity = version.valid ? 'valid' : 'invalid';
  const texts: [string, string][] = [
    ['name', version.name],
    ['snapshot_name', version.snapshotName],
    ['expire', version.expire?.toISOString().slice(0, 19) ?? ''],
    ['tags', version.tags.join(',')],
    [validity, validity],
  ];
  if (version.protected) texts.push(['protected', 'protected']);
  return new Map(texts.map(([file, text]) => [file, Buffer.from(text)]));
}

async function readImage(view: ImageView, into: Uint8Array, offset: number): Promise<number> {
  const length = Math.max(0, Math.min(into.length, view.geometry.sizeBytes - offset));
  let failure: Error | undefined;
  await view.read(offset, length, (piece) => {
    const at = piece.offset - offset;
    if (piece.kind === 'data') {
      copyBytes(into.subarray(at, at + piece.bytes.length), piece.bytes);
      piece.release();
    } else if (piece.kind === 'zeros') into.fill(0, at, at + piece.length);
    else failure ??= piece.error;
  });
  if (failure !== undefined) throw failure;
  return length;
}
