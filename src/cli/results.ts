import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { Client, Task } from '../../sdk/src/index.ts';

type Image = Extract<NonNullable<Task['result']>, { __typename: 'ImageResult' }>['images'][number];

const extensions: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
};

/**
 * Saves what a task made under `folder`, which is made where it is missing.
 * @param name of the files, without an extension
 * @returns their paths
 */
export async function saveResult(
  client: Client,
  { result }: Task,
  { folder, name, signal }: { folder: string; name: string; signal: AbortSignal },
): Promise<string[]> {
  if (result === null) return [];
  await mkdir(folder, { recursive: true });
  switch (result.__typename) {
    case 'ImageResult':
      return Promise.all(
        result.images.map((image, n) => {
          const suffix = result.images.length === 1 ? '' : `-${n + 1}`;
          return saveArtifact(client, image, path.join(folder, name + suffix), signal);
        }),
      );
    case 'TranscriptResult': {
      const text = path.join(folder, `${name}.txt`);
      await writeFile(text, `${result.text}\n`);
      if (result.segments.length === 0) return [text];
      const segments = path.join(folder, `${name}.json`);
      await writeFile(segments, `${JSON.stringify(result, null, 2)}\n`);
      return [text, segments];
    }
    default: {
      // A kind that is newer than this command.
      const everything = path.join(folder, `${name}.json`);
      await writeFile(everything, `${JSON.stringify(result, null, 2)}\n`);
      return [everything];
    }
  }
}

async function saveArtifact(
  client: Client,
  image: Image,
  file: string,
  signal: AbortSignal,
): Promise<string> {
  const target = `${file}.${extensions[image.mimeType] ?? 'bin'}`;
  const { body } = await client.download(image, { signal });
  const bytes = body === null ? Readable.from([]) : Readable.fromWeb(body as ReadableStream);
  await pipeline(bytes, createWriteStream(target), { signal });
  return target;
}
