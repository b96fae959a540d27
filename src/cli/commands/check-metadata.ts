import type { MetadataFinding } from '../../core/upkeep/findings.ts';
import { EXIT_CODES } from '../../errors.ts';
import type { Command } from '../command.ts';
import { fieldsOption } from '../options/fields-option.ts';
import { text } from '../options/option-values.ts';
import { chooseColumns, toTable } from '../output/select-fields.ts';
import type { Column } from '../output/table-data.ts';

const COLUMNS: Column<MetadataFinding>[] = [
  { name: 'version_uid', kind: 'text', align: 'center', value: ({ versionUid }) => versionUid },
  { name: 'name', kind: 'text', align: 'left', value: ({ name }) => name },
  { name: 'block', kind: 'number', align: 'right', value: ({ block }) => block },
  { name: 'count', kind: 'number', align: 'right', value: ({ count }) => count },
  { name: 'problem', kind: 'text', align: 'left', value: ({ problem }) => problem },
  { name: 'detail', kind: 'text', align: 'left', value: ({ detail }) => detail },
];

export const checkMetadataCommand: Command = {
  name: 'check-metadata',
  description: 'Check the database for damage.',
  args: [],
  options: [fieldsOption(COLUMNS)],
  examples: [['backy2 check-metadata', 'Checks every row of every version, and reads no blob.']],
  prepare({ options }) {
    const columns = chooseColumns(COLUMNS, text(options.fields));
    return async ({ backy }) => {
      const { versions, blocks, findings, more } = await backy.checkMetadata();
      const count = findings.length + more;
      return {
        table: toTable(findings, columns),
        message: `Checked ${blocks} blocks (versions: ${versions}, findings: ${count}).`,
        exitCode: count > 0 ? EXIT_CODES.blocksBad : 0,
      };
    };
  },
};
