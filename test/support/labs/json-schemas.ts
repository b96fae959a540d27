import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const FOLDER = fileURLToPath(new URL('../../../docs/json/', import.meta.url));

/** A schema of docs/json, as far as tests walk through it. */
export interface Schema {
  title?: string;
  description?: string;
  type?: string | string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
  $defs?: Record<string, Schema>;
  required?: string[];
  minProperties?: number;
  additionalProperties?: boolean;
  $schema?: string;
  enum?: unknown[];
}

/** All schemas of docs/json by name, which is the command's. */
export const SCHEMAS: Map<string, Schema> = new Map(
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .map((file) => [basename(file, '.json'), JSON.parse(readFileSync(`${FOLDER}${file}`, 'utf8'))]),
);

const ajv = new Ajv2020({ strict: true, allErrors: true });
addFormats.default(ajv);
for (const [name, schema] of SCHEMAS) ajv.addSchema(schema, `${name}.json`);

/**
 * The problems of a document, as one text; empty when it matches the schema.
 * @param ref e.g. `ls.json` or `ls.json#/$defs/row`.
 */
export function problemsOf(ref: string, document: unknown): string {
  const validate = ajv.getSchema(ref);
  if (validate === undefined) return `docs/json has no ${ref}`;
  return validate(document) === true ? '' : ajv.errorsText(validate.errors, { separator: '\n' });
}

/**
 * Parses all of `stdout` as one JSON document and checks it against a schema.
 * @throws Error for anything else.
 */
export function documentOf<T>(ref: string, stdout: string): T {
  let document: T;
  try {
    document = JSON.parse(stdout);
  } catch (error) {
    throw new Error(`stdout is not one JSON document (${error}):\n${stdout}`);
  }
  const problems = problemsOf(ref, document);
  if (problems !== '') throw new Error(`stdout is not what ${ref} says:\n${problems}\n${stdout}`);
  return document;
}

/** The document of a failure (docs/json/error.json). */
export interface Failure {
  error: { code: string; exit_code: number; message: string; hint: string | null };
  partial: Record<string, unknown> | null;
}

/** Parses all of `stdout` as one failure. */
export function failureIn(stdout: string): Failure {
  return documentOf<Failure>('error.json', stdout);
}
