import { constants, openAsBlob } from 'node:fs';
import { access } from 'node:fs/promises';
import path from 'node:path';
import type { MediaSource } from '../../sdk/src/index.ts';
import { type OptionValues, UsageError } from './command.ts';

const rawExtensions: ReadonlySet<string> = new Set(['.pcm', '.raw', '.s16le']);

function wholeNumber(option: string, value: unknown): number {
  const number = Number(value);
  if (Number.isInteger(number) && number > 0) return number;
  throw new UsageError(`--${option}: must be a whole number above 0, not "${String(value)}"`);
}

/**
 * A file on this machine, a URL or the id of an artifact, as the API takes it. A file is read while it is sent.
 * @throws UsageError
 */
export async function readMedia(text: string, values: OptionValues): Promise<MediaSource> {
  if (/^https?:\/\//.test(text)) return { url: text };
  if (/^artifact_[0-9a-z]{26}$/.test(text)) return { artifactId: text };
  const file = await openFile(text);
  const sampleRate = values['sample-rate'];
  if (sampleRate !== undefined) {
    const channels = wholeNumber('channels', values.channels ?? 1);
    return { pcm: { data: file, sampleRate: wholeNumber('sample-rate', sampleRate), channels } };
  }
  if (rawExtensions.has(path.extname(text).toLowerCase())) {
    throw new UsageError(`${text} looks like raw samples: say their rate with --sample-rate, such as 16000`);
  }
  return { upload: file };
}

async function openFile(file: string): Promise<File> {
  try {
    // What keeps it from being read; openAsBlob does not say.
    await access(file, constants.R_OK);
    return new File([await openAsBlob(file)], path.basename(file));
  } catch (error) {
    throw new UsageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
