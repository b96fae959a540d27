import type { DatedBlockRow } from '../../model/block.ts';
import type { Version } from '../../model/version.ts';
import type { CsvLine } from './csv-lines.ts';
import { bad, TransferReader } from './transfer-format.ts';

/** The first two lines of an export. */
interface ImportHead {
  /** Reads the lines that follow. */
  reader: TransferReader;
  version: Version;
}

/** Reads the format and the version of an import. */
export async function readHead(lines: AsyncIterator<CsvLine>): Promise<ImportHead> {
  const first = await lines.next();
  const reader = new TransferReader(first.done === true ? '' : first.value.fields.join(','));
  const second = await lines.next();
  if (second.done === true) throw bad(2, 'the file ends before the version');
  const version = reader.version(second.value.fields, second.value.number);
  return { reader, version };
}

/**
 * Reads the block lines. Their ids MUST be 0 to size - 1 in order, and their lengths MUST fit the
 * version.
 */
export async function* readBlocks(lines: AsyncIterable<CsvLine>, { reader, version }: ImportHead): AsyncIterable<DatedBlockRow> {
  let expected = 0;
  let sizeBytes = 0;
  let blockSize = 0;
  let lastLine = 2;
  for await (const { fields, number } of lines) {
    const row = reader.block(fields, version.uid, number);
    if (row.id !== expected) throw bad(number, `block ${row.id} stands where block ${expected} is due`);
    if (row.id > 0 && row.id < version.size - 1 && row.size !== blockSize)
      throw bad(number, `the block has ${row.size} bytes, those before ${blockSize}`);
    if (row.id === 0) blockSize = row.size;
    if (row.size > blockSize) throw bad(number, `the last block has ${row.size} bytes, those before ${blockSize}`);
    expected++;
    sizeBytes += row.size;
    lastLine = number;
    yield row;
  }
  if (expected !== version.size) throw bad(lastLine, `it is the last line, after ${expected} blocks of ${version.size}`);
  if (sizeBytes !== version.sizeBytes)
    throw bad(lastLine, `the blocks have ${sizeBytes} bytes together, the version has ${version.sizeBytes}`);
}
