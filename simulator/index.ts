export type { CallOutcome, SimulatedCall } from './calls.ts';
export type { Failure, SimulatorSettings } from './settings.ts';
export { createSimulator, type Simulator, type SimulatorOptions } from './simulator.ts';
export { speak, speakPcm } from './speech.ts';
