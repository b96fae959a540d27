import type { Layout } from '../model/layout.ts';
import type { BackupStore } from './backup-store.ts';
import type { BlockStore } from './block-store.ts';
import type { CatalogueStore } from './catalogue-store.ts';
import type { CleanupStore } from './cleanup-store.ts';
import type { ConversionStore } from './conversion.ts';
import type { EncryptionStore } from './encryption-store.ts';
import type { FillStore } from './fill-store.ts';
import type { HealStore } from './heal-store.ts';
import type { IdentityStore } from './identity-store.ts';
import type { IntegrityStore } from './integrity-store.ts';
import type { NameStore } from './name-store.ts';
import type { ReportStore } from './report-store.ts';
import type { RunStore } from './run-store.ts';
import type { TransferStore } from './transfer-store.ts';
import type { VerificationStore } from './verification-store.ts';
import type { VersionStore } from './version-store.ts';

/** How a store is opened. */
export interface OpenOptions {
  /** Create and upgrade nothing. An old or missing database is an error `database`. */
  asItIs?: boolean;
  /** Accept a database whose filling was stopped: see {@link FillStore}. */
  fills?: boolean;
  /** Refuse a database of another layout, with nothing changed. A new one gets this layout. */
  layout?: Layout | undefined;
}

/** Methods that are the same in every layout. */
export type Lifecycle = 'initialize' | 'open' | 'layout' | 'readOnlyReason' | 'copyTo' | 'close' | keyof ConversionStore<unknown>;

/**
 * The metadata: versions, their blocks, tags, candidates for deletion, statistics.
 *
 * Every method is one transaction unless it says otherwise, and durable on return. A store waits
 * while another program writes, and logs that after some seconds; it MUST NOT fail for that alone.
 * Methods MAY be called again after they failed. Failures are BackyErrors with code `database`.
 */
export interface MetaStore
  extends VersionStore,
    BlockStore,
    BackupStore,
    CatalogueStore,
    CleanupStore,
    EncryptionStore,
    FillStore,
    HealStore,
    IdentityStore,
    IntegrityStore,
    NameStore,
    VerificationStore,
    TransferStore,
    ReportStore,
    RunStore,
    ConversionStore<MetaStore> {
  /**
   * Creates the schema, in the classic layout unless another is given. An initialised database is
   * an error and stays untouched.
   */
  initialize(layout?: Layout): Promise<void>;
  /**
   * Makes the database ready for use. An older revision is upgraded; an unknown one is refused,
   * with nothing changed. Without our tables, this is a NoDatabaseError, unless the store may
   * create the database. @returns whether it was created.
   */
  open(options?: OpenOptions): Promise<{ isNew: boolean }>;
  /** The layout of the database. Needs {@link open}. */
  layout(): Promise<Layout>;
  /**
   * Why nothing can be recorded: the database is on a read-only mount, for example. Undefined: it
   * can be written. Changes of a read-only database are errors `database`; reads work. Needs
   * {@link open}.
   */
  readOnlyReason(): Promise<string | undefined>;
  /**
   * Writes a copy of the whole database over the empty file `to`: its state at one moment, while
   * others may write. Does not sync the copy. Needs no {@link open}, and upgrades nothing. `signal`
   * ends it.
   */
  copyTo(to: string, signal: AbortSignal): Promise<void>;
  /** Closes the database. */
  close(): Promise<void>;
}
