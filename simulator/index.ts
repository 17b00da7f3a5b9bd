export type { SimulatedCall } from './calls.ts';
export { drawPicture } from './picture.ts';
export { createSimulator, type Simulator, type SimulatorOptions } from './simulator.ts';
export { speak, speakPcm } from './speech.ts';
