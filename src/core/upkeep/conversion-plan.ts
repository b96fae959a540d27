import type { Layout } from '../../model/layout.ts';
import type { Context } from '../context.ts';
import type { ConversionResult } from './conversion-result.ts';

/** Measured costs of a conversion to each layout: bytes, and seconds for a million. */
const COSTS: Record<Layout, { bytesPerBlock: number; bytesPerBlob: number; secondsPerMillion: number }> = {
  classic: { bytesPerBlock: 520, bytesPerBlob: 0, secondsPerMillion: 40 },
  compact: { bytesPerBlock: 8, bytesPerBlob: 220, secondsPerMillion: 30 },
};

/** Estimates time and space of a conversion. Reads the database, and changes nothing. */
export async function planConversion(
  { meta, logger }: Context,
  { from, to }: { from: Layout; to: Layout },
): Promise<ConversionResult> {
  const versions = await meta.listVersions({});
  const { bytes, blocks, blobs } = await meta.databaseSize();
  const { bytesPerBlock, bytesPerBlob, secondsPerMillion } = COSTS[to];
  const bytesAfter = blocks * bytesPerBlock + blobs * bytesPerBlob;
  const seconds = Math.ceil((blocks * secondsPerMillion) / 1e6);
  logger.info(
    `Would convert ${blocks} blocks (versions: ${versions.length}) from ${from} to ${to}: about ${minutes(seconds)}, ` +
      `and ${mib(bytesAfter)} MiB of space for the new database beside the old one (${mib(bytes)} MiB).`,
  );
  const sizes = { bytesBefore: bytes, bytesAfter };
  return { from, to, dryRun: true, versions: versions.length, blocks, versionsKept: 0, ...sizes, oldDatabase: null, seconds };
}

function mib(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20);
}

function minutes(seconds: number): string {
  return seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} minutes`;
}
