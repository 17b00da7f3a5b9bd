/**
 * A process of its own that makes one file, on its standard input, into chunks of text, on its standard output: an
 * array [start, end, text] as a line of JSON each. What it has to say of itself goes over the IPC channel.
 */
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { chunksOf } from '../chunker.ts';
import { detect, mimeTypes } from './detect.ts';
import { Refusal } from './refusal.ts';
import type { ConverterReport, ConverterTask } from './report.ts';
import { textOf } from './text-of.ts';
import { watch } from './watchdog.ts';

const REPORT_EVERY_MS = 200;

const report = (message: ConverterReport): void => void process.send?.(message);

async function write(line: string): Promise<void> {
  if (!process.stdout.write(line)) await once(process.stdout, 'drain');
}

/** Answers how many chunks there are. */
async function convert({ size, overlap, ...claims }: ConverterTask): Promise<number> {
  const bytes = await buffer(process.stdin);
  const type = await detect(bytes, claims);
  report({ type: 'validated', mimeType: mimeTypes[type], sizeBytes: bytes.byteLength });
  let reportedAt = 0;
  const text = await textOf(type, bytes, (share) => {
    if (performance.now() - reportedAt < REPORT_EVERY_MS) return;
    reportedAt = performance.now();
    report({ type: 'progress', share });
  });
  report({ type: 'converted' });
  let chunks = 0;
  for (const { start, end } of chunksOf(text, { size, overlap })) {
    await write(`${JSON.stringify([start, end, text.slice(start, end)])}\n`);
    chunks++;
  }
  return chunks;
}

const [given = '{}'] = process.argv.slice(2);
// As the converter wrote it.
const task = JSON.parse(given) as ConverterTask;
watch(task);
try {
  report({ type: 'done', chunks: await convert(task) });
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  report({ type: 'refused', message: error.message });
}
process.disconnect?.();
