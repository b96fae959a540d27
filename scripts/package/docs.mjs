import { cpSync, mkdirSync } from 'node:fs';

/** Pages whose links to each other are relative. */
const PAGES = ['README.md', 'docs', 'backy.cfg.example'];

/** Copies the documentation for users. @param {string} folder */
export function addDocs(folder) {
  mkdirSync(folder, { recursive: true });
  for (const page of PAGES) cpSync(page, `${folder}/${page}`, { recursive: true });
}
