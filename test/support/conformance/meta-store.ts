import { metaBackupSuite } from './meta-backup.ts';
import { metaBlocksSuite } from './meta-blocks.ts';
import { metaCleanupSuite } from './meta-cleanup.ts';
import { metaEncryptionSuite } from './meta-encryption.ts';
import { metaFillSuite } from './meta-fill.ts';
import { MetaLab, type MetaStoreFixture } from './meta-lab.ts';
import { metaReportsSuite } from './meta-reports.ts';
import { metaRunsSuite } from './meta-runs.ts';
import { metaTransferSuite } from './meta-transfer.ts';
import { metaVersionsSuite } from './meta-versions.ts';

/**
 * All of MetaStore but HealStore, VerificationStore and IdentityStore, which have suites of their
 * own.
 */
export function metaStoreSuite(create: () => Promise<MetaStoreFixture>): void {
  const lab = new MetaLab(create);
  metaVersionsSuite(lab);
  metaBackupSuite(lab);
  metaBlocksSuite(lab);
  metaCleanupSuite(lab);
  metaTransferSuite(lab);
  metaReportsSuite(lab);
  metaRunsSuite(lab);
  metaEncryptionSuite(lab);
  metaFillSuite(lab);
}
