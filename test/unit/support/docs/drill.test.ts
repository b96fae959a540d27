import { expect, test } from 'vitest';
import { codeBlocks, configBlock, drill, introOf, sectionOf, shellLines } from '../../../support/docs/drill.ts';

const PAGE = `# Page

    mkdir /a        # a comment stays

## First (of two)

Text, and a list:

1. Do

       backy2 ls \\
         web

   - not code
    - a list that is far in

### Below

    [DEFAULTS]
    a: b

    [run]
    c: d

    30 6 * * *  root  backy2 sla

## Second

\`\`\`bash
for x in 1 2; do
  echo $x
done
\`\`\`

    #!/bin/sh
    # A script.
    echo no

Text.

    # name   source
    lvm://a  b

Text.

    # A comment line goes.
    backy2 rm UID
`;

test('command lines are found; configuration, scripts, crontabs and lists are none', () => {
  expect(shellLines(PAGE)).toEqual([
    'mkdir /a        # a comment stays',
    'backy2 ls web',
    'for x in 1 2; do\n  echo $x\ndone\n',
    'backy2 rm UID',
  ]);
  expect(shellLines(sectionOf(PAGE, 'First (of two)'))).toEqual(['backy2 ls web']);
  expect(shellLines(introOf(PAGE))).toEqual(['mkdir /a        # a comment stays']);
  expect(introOf(sectionOf(PAGE, 'First (of two)'))).toMatch(/^\n\nText.*far in\n\n$/s);
  expect(() => sectionOf(PAGE, 'Third')).toThrow('no section Third');
});

test('a block of configuration keeps its empty lines', () => {
  expect(configBlock(PAGE, '[DEFAULTS]')).toBe('[DEFAULTS]\na: b\n\n[run]\nc: d\n\n30 6 * * *  root  backy2 sla\n');
  expect(codeBlocks(PAGE).length).toBe(7);
});

test('a drill runs the lines in order, and expects their exit codes', async () => {
  const seen: string[] = [];
  const run = async (line: string) => {
    seen.push(line);
    return { code: line.startsWith('scrub') ? 20 : 0, signal: null, stdout: `out of ${line}`, stderr: '' };
  };
  const options = { uid: '7', codes: { scrub: 20 }, leaveOut: ['rm'] };
  expect(await drill(['scrub UID', 'rm x', 'ls GUID'], run, options)).toEqual({
    'scrub UID': 'out of scrub 7',
    'ls GUID': 'out of ls GUID',
  });
  expect(seen).toEqual(['scrub 7', 'ls GUID']);
  await expect(drill(['scrub UID'], run)).rejects.toThrow('expected 20 to be +0');
});
