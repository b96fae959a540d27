/**
 * The parts of knex that are used. The build makes a bundle of them, which commands that only read
 * do not load. The dialect is imported by itself: all of knex takes 30 ms more to load.
 */
export { default as PostgresDialect } from 'knex/lib/dialects/postgres/index.js';
export { default as makeKnex } from 'knex/lib/knex-builder/make-knex.js';
