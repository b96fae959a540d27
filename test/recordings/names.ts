/** A one-to-one pairing of names in the recording with names in this run. */
class Pairing {
  private readonly actualOf = new Map<string, string>();
  private readonly recordedOf = new Map<string, string>();

  /** Pairs the two, unless one of them is paired already. */
  offer(recorded: string, actual: string): void {
    if (this.actualOf.has(recorded) || this.recordedOf.has(actual)) return;
    this.actualOf.set(recorded, actual);
    this.recordedOf.set(actual, recorded);
  }

  toActual(recorded: string): string {
    return this.actualOf.get(recorded) ?? recorded;
  }

  /** A name without a partner is marked, so that it never equals a recorded one by chance. */
  toRecorded(actual: string): string {
    return this.recordedOf.get(actual) ?? `unpaired:${actual}`;
  }
}

/** No `\b`: in names of lock files an underscore stands before it. */
const VERSION = /(?<![0-9A-Za-z])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/;
/** docs/spec/formats.md §1: ten hex digits, then 22 letters of the short alphabet. */
const BLOB = /\b[0-9a-f]{10}[2-9A-HJ-NP-Za-km-z]{22}\b/;
/** Whole digests, and digests shortened by `cut`. */
const CHECKSUM = /\b[0-9a-f]{40,128}\b/;
const ANY = new RegExp(`(?<version>${VERSION.source})|(?<blob>${BLOB.source})|(?<checksum>${CHECKSUM.source})`, 'g');
const SHORT_CHECKSUM = /[0-9a-f]{8,128}/;

/** This many digits tell checksums apart, and every query shows at least these. */
const CHECKSUM_PREFIX = 8;

/** Pairs the version uids, blob uids and checksums of the recording with those of this run. */
export class Names {
  readonly versions = new Pairing();
  private readonly blobs = new Pairing();
  private readonly checksums = new Pairing();

  /** A recorded text with this run's names; names that are not paired stay. */
  toActual(recorded: string): string {
    return recorded.replaceAll(new RegExp(VERSION, 'g'), (uid) => this.versions.toActual(uid));
  }

  /**
   * This run's text with the recorded names. Both texts must have their names in the same order:
   * new names are paired by it.
   */
  toRecorded(actual: string, recorded: string): string {
    this.pairTexts(recorded, actual);
    return actual.replaceAll(ANY, (name, ...rest) => this.recordedName(name, rest.at(-1) as Groups));
  }

  /** The same for one cell of a query, where checksums may be cut short. */
  cellToRecorded(column: string, actual: string, recorded: string | undefined): string {
    if (!column.includes('checksum')) return this.toRecorded(actual, recorded ?? actual);
    const theirs = SHORT_CHECKSUM.exec(recorded ?? '')?.[0];
    return actual.replace(SHORT_CHECKSUM, (ours) => {
      if (theirs) this.checksums.offer(theirs.slice(0, CHECKSUM_PREFIX), ours.slice(0, CHECKSUM_PREFIX));
      return this.recordedChecksum(ours);
    });
  }

  private pairTexts(recorded: string, actual: string): void {
    const theirs = [...recorded.matchAll(ANY)];
    const ours = [...actual.matchAll(ANY)];
    if (theirs.length !== ours.length) return;
    for (const [i, match] of theirs.entries()) {
      const other = ours[i];
      if (other) this.offer(match, other);
    }
  }

  private offer(recorded: RegExpMatchArray, actual: RegExpMatchArray): void {
    const [theirs, ours] = [recorded.groups as Groups, actual.groups as Groups];
    if (theirs.version && ours.version) this.versions.offer(theirs.version, ours.version);
    if (theirs.blob && ours.blob) this.blobs.offer(theirs.blob, ours.blob);
    if (theirs.checksum && ours.checksum)
      this.checksums.offer(theirs.checksum.slice(0, CHECKSUM_PREFIX), ours.checksum.slice(0, CHECKSUM_PREFIX));
  }

  private recordedName(name: string, groups: Groups): string {
    if (groups.version) return this.versions.toRecorded(name);
    return groups.blob ? this.blobs.toRecorded(name) : this.recordedChecksum(name);
  }

  private recordedChecksum(actual: string): string {
    return checksumMark(this.checksums.toRecorded(actual.slice(0, CHECKSUM_PREFIX)), actual.length);
  }

  /** A recorded text in comparable form: of checksums only the first digits and the length. */
  static recordedText(text: string): string {
    return text.replaceAll(new RegExp(CHECKSUM, 'g'), recordedChecksum);
  }

  static recordedCell(column: string, text: string): string {
    return column.includes('checksum') ? text.replace(SHORT_CHECKSUM, recordedChecksum) : Names.recordedText(text);
  }
}

type Groups = { version?: string; blob?: string; checksum?: string };

function recordedChecksum(checksum: string): string {
  return checksumMark(checksum.slice(0, CHECKSUM_PREFIX), checksum.length);
}

function checksumMark(prefix: string, length: number): string {
  return `${prefix}…(${length} digits)`;
}
