import { Worker } from 'node:worker_threads';
import { OUT_OF_MEMORY, OUT_OF_TIME } from './report.ts';

export interface Bounds {
  readonly maxMemoryBytes: number;
  readonly maxSeconds: number;
}

const EVERY_MS = 50;

/** A thread's worth of JavaScript: it looks on while the main thread is in a loop that does not end. */
const source = `
const { writeSync } = require('node:fs');
const { workerData: { parent, maxMemoryBytes, maxSeconds } } = require('node:worker_threads');
const until = performance.now() + maxSeconds * 1000;
function end(reason) {
  if (reason) writeSync(2, reason + '\\n');
  process.kill(process.pid, 'SIGKILL');
}
setInterval(() => {
  if (process.ppid !== parent) end();
  if (performance.now() > until) end('${OUT_OF_TIME}');
  if (process.memoryUsage.rss() > maxMemoryBytes) end('${OUT_OF_MEMORY}');
}, ${EVERY_MS});
`;

/** Ends this process where it takes too long or too much memory, or is left alone by the one that started it. */
export function watch(bounds: Bounds): void {
  new Worker(source, { eval: true, workerData: { ...bounds, parent: process.ppid } }).unref();
}
