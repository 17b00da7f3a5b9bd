/** A worker thread: simulates what it is sent. */
import { parentPort } from 'node:worker_threads';
import { type Run, run } from './run.ts';

parentPort?.on('message', (one: Run) => parentPort?.postMessage(run(one)));
