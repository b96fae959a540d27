export type Language = 'script' | 'shell' | 'markdown';
export type Finding = { line: number; what: string };
export function checkCode(text: string, language: Language, options?: { messages?: boolean }): Finding[];
export function checkMarkdown(text: string): Finding[];
export function languageOf(path: string, text: string): Language | undefined;
export function fix(text: string, language: Language): string;
