/** The parts of D3 that are used. The build makes a bundle of them, which only `report` loads. */
export { scaleLinear, scaleUtc } from 'd3-scale';
export { line } from 'd3-shape';
