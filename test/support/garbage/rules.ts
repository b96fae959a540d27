/**
 * Rules of the garbage protocol (docs/spec/semantics.md, cleanup). The model takes them out one by
 * one: each must turn out to be needed.
 */
export interface Rules {
  /** A commit that uses a found blob deletes its candidate. */
  rescue: boolean;
  /** A commit refuses blobs that are doomed or forgotten. */
  refusal: boolean;
  /** It refuses blobs that a scan found unused: a killed full cleanup leaves some without bytes. */
  refusesUnused: boolean;
  /** Cleanup lists candidates before it scans leaves. */
  listsBeforeScan: boolean;
  /** Cleanup drops and marks only candidates on its list, which later ones are not. */
  judgesOnlyListed: boolean;
  /** A removal takes a blob that is a candidate already off the list of a running cleanup. */
  unlists: boolean;
  /** Cleanup reads leaves by ascending id, and goes on until there are no more. */
  scansUpwards: boolean;
  /** Bytes are deleted only with the last blob row that has their uid. */
  lastRowOfUid: boolean;
  /** A removal looks at its neighbours in the transaction that deletes its references. */
  removesAtOnce: boolean;
}

/** All of them. */
export const ALL_RULES: Rules = {
  ...{ rescue: true, refusal: true, refusesUnused: true, listsBeforeScan: true, judgesOnlyListed: true },
  ...{ unlists: true, scansUpwards: true, lastRowOfUid: true, removesAtOnce: true },
};

/** A broken promise: a block whose bytes are gone, or rows and bytes that no cleanup ever finds. */
export class Violation extends Error {
  readonly kind: 'lost' | 'leaked';

  constructor(kind: 'lost' | 'leaked', message: string) {
    super(`${kind}: ${message}`);
    this.kind = kind;
  }
}
