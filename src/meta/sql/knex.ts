/**
 * All that we take of knex, which the build makes a bundle of its own of: commands that only read load none of it. Dialects are
 * imported by themselves: all of knex takes 30 ms more to load.
 */
export { default as makeKnex } from 'knex/lib/knex-builder/make-knex.js';

/** Loads the dialect of SQLite. */
export async function sqliteDialect() {
  return (await import('knex/lib/dialects/better-sqlite3/index.js')).default;
}

/** Loads the dialect of PostgreSQL. */
export async function postgresDialect() {
  return (await import('knex/lib/dialects/postgres/index.js')).default;
}
