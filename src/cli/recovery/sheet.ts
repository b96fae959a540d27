import type { Config } from '../../config/config.ts';
import type { RecoveryFacts } from '../../core/catalogue/recovery-facts.ts';
import { programVersion } from '../words/version.ts';

/** A part of a recovery sheet. */
export interface SheetPart {
  title: string;
  /** Sentences above the lines. */
  text: string;
  /** Lines to type or to copy, as they are. */
  lines: string[];
}

/** The content of a recovery sheet. */
interface SheetSource {
  config: Config;
  facts: RecoveryFacts;
  /** Print the master key itself. */
  withKey: boolean;
}

/** The parts of a recovery sheet, in the order in which they are needed. */
export function sheetOf(source: SheetSource): SheetPart[] {
  return [storePart(source), keyPart(source), configPart(source), commandsPart(source)];
}

function storePart({ facts: { storeIds, place, time } }: SheetSource): SheetPart {
  const lines = [
    `store id:  ${storeIds.length === 0 ? 'none yet' : storeIds.join(', ')}`,
    `place:     ${place}`,
    `made:      ${time.toISOString().slice(0, 10)} by backy2 ${programVersion()}`,
  ];
  return { title: 'The store', text: 'The data backend holds all backups, and a catalogue of them.', lines };
}

function keyPart({ config, facts: { keyFingerprint }, withKey }: SheetSource): SheetPart {
  const title = 'The key';
  const { encryptionKey: key, recovery } = config;
  if (key === undefined)
    return { title, text: 'The backups are not encrypted: everybody who can read the store can read them.', lines: [] };
  const lines = [`fingerprint:  ${keyFingerprint}`, `master key:   ${withKey ? key : ''}`];
  if (recovery !== undefined) lines.push(`recovery ${recovery.by}: ${' '.repeat(10 - recovery.by.length)}`.trimEnd());
  const keep = withKey
    ? 'This sheet and the store are enough to read all backups. Keep it locked away.'
    : 'Without the key, the backups are lost. Write it here by hand, or say where it is kept.';
  return { title, text: keep, lines };
}

function configPart({ config }: SheetSource): SheetPart {
  const { data, blockSize, hashFunction, encryptionVersion, layout } = config;
  const lines = [
    '[DEFAULTS]',
    'logfile: /var/log/backy2.log',
    `block_size: ${blockSize}`,
    `hash_function: ${hashFunction}`,
    `encryption_version: ${encryptionVersion}`,
    ...(config.encryptionKey === undefined ? [] : ['encryption_key: <the master key>']),
    ...(config.recovery === undefined ? [] : [`recovery_${config.recovery.by}_file: <a file with it>`]),
    '',
    '[MetaBackend]',
    'engine: sqlite:////var/lib/backy2/backy.sqlite',
    ...(layout === undefined ? [] : [`layout: ${layout}`]),
    '',
    '[DataBackend]',
    ...backendLines(data.backend),
  ];
  return { title: 'The configuration', text: 'Write this to /etc/backy.cfg on the new host, and fill in the gaps.', lines };
}

function backendLines(backend: Config['data']['backend']): string[] {
  switch (backend.type) {
    case 'null':
      return ['type: null'];
    case 'file':
      return ['type: file', `path: ${backend.path}`];
    case 's3':
      return [
        'type: s3',
        `bucket_name: ${backend.bucket}`,
        `region_name: ${backend.region}`,
        ...(backend.endpoint === undefined ? [] : [`endpoint_url: ${backend.endpoint}`]),
        `addressing_style: ${backend.pathStyle ? 'path' : 'virtual'}`,
        'aws_access_key_id: <of the object store>',
        'aws_secret_access_key: <of the object store>',
      ];
  }
}

function commandsPart({ config: { layout } }: SheetSource): SheetPart {
  const lines = [
    'backy2 check-storage',
    'backy2 ls --from-store',
    'backy2 restore --from-store VERSION_UID file:///tmp/image',
    `backy2 rebuild-db${layout === undefined ? '' : ` --layout ${layout}`}`,
    'backy2 scrub --all',
  ];
  const text =
    'Install backy2, then run these in order. The third restores one version at once; the fourth makes the database for everything else.';
  return { title: 'The way back', text, lines };
}
