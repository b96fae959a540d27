/**
 * The parts of prom-client that are used. The build makes a bundle of them, which only `metrics`
 * loads. They are imported by themselves: the rest is a server, a push client and histograms.
 */
export { default as Gauge } from 'prom-client/lib/gauge.js';
export { default as Registry } from 'prom-client/lib/registry.js';
