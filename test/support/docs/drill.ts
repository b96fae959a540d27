import { expect } from 'vitest';
import type { Result } from '../program/process.ts';

export interface DrillOptions {
  /** Replaces the word UID. */
  uid?: string | (() => Promise<string>) | undefined;
  /** Exit codes by the start of a command; others MUST be 0. */
  codes?: Record<string, number>;
  /** Starts of commands that are left out. */
  leaveOut?: readonly string[];
}

const UID = /\bUID\b/;

/** Runs a command line of a page. */
export type Shell = (line: string) => Promise<Result>;

/** @returns the text below a heading of a page, up to the next one of its level. */
export function sectionOf(page: string, title: string): string {
  const heading = new RegExp(`^(#+) ${title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`, 'm').exec(page);
  if (heading === null) throw new Error(`The page has no section ${title}`);
  const rest = page.slice(heading.index + heading[0].length);
  const [, level = ''] = heading;
  return rest.split(new RegExp(`^#{1,${level.length}} `, 'm'))[0] ?? '';
}

/**
 * @returns the text of a page before its first section, or of a section before the first one below.
 */
export function introOf(text: string): string {
  return text.split(/^##+ /m)[0] ?? '';
}

/** Blocks of code, fenced or indented; those of lists are indented further. */
export function codeBlocks(markdown: string): string[] {
  const blocks: string[][] = [];
  let [isFenced, isOpen] = [false, false];
  for (const line of markdown.split('\n')) {
    if (line.startsWith('```')) {
      isFenced = !isFenced;
      if (isFenced) blocks.push([]);
      isOpen = false;
    } else if (isFenced || (/^ {4,}(?!- |\d+\. )\S/.test(line) && isOpen)) blocks.at(-1)?.push(line);
    else if (/^ {4,}(?!- |\d+\. )\S/.test(line)) {
      blocks.push([line]);
      isOpen = true;
    } else if (line === '' && isOpen) blocks.at(-1)?.push(line);
    else isOpen = false;
  }
  return blocks.map(unindented);
}

/**
 * The command lines of a page or section, in order. Configuration, scripts, crontabs and output are
 * none.
 */
export function shellLines(markdown: string): string[] {
  return codeBlocks(markdown).filter(isShell).flatMap(linesOf);
}

/** The block of configuration that begins with a line. */
export function configBlock(markdown: string, firstLine: string): string {
  const block = codeBlocks(markdown).find((text) => text.startsWith(`${firstLine}\n`));
  if (block === undefined) throw new Error(`The page has no block that begins with ${firstLine}`);
  return block;
}

/**
 * Runs command lines one after the other and expects their exit codes.
 * @returns stdout by command line.
 */
export async function drill(lines: readonly string[], run: Shell, options: DrillOptions = {}): Promise<Record<string, string>> {
  const { uid, codes = {}, leaveOut = [] } = options;
  const outputs: Record<string, string> = {};
  for (const line of lines) {
    if (leaveOut.some((start) => line.startsWith(start))) continue;
    const meant = typeof uid === 'function' && UID.test(line) ? await uid() : uid;
    const { code, stdout, stderr } = await run(typeof meant === 'string' ? line.replace(UID, meant) : line);
    const expected = Object.entries(codes).find(([start]) => line.startsWith(start))?.[1] ?? 0;
    expect(code, `${line}\n${stdout}${stderr}`).toBe(expected);
    outputs[line] = stdout;
  }
  return outputs;
}

function unindented(lines: readonly string[]): string {
  const indent = /^ */.exec(lines[0] ?? '')?.[0].length ?? 0;
  return `${lines
    .map((line) => line.slice(indent))
    .join('\n')
    .trimEnd()}\n`;
}

/** The first line that is no comment decides. */
function isShell(block: string): boolean {
  if (block.startsWith('#!')) return false;
  const first = block.split('\n').find((line) => line.trim() !== '' && !/^# /.test(line)) ?? '';
  return /^[a-z./~\w-]+( |$)/.test(first) && !/^(\w+:|[\d*]|[A-Z_]+=|lvm:|\w+:\/\/|ERROR|WARNING|INFO)/.test(first);
}

/** A loop is one command; a backslash continues a line. */
function linesOf(block: string): string[] {
  if (/^(done|fi)\b/m.test(block)) return [block];
  return block
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'));
}
