import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { Client, Task } from '../../sdk/src/index.ts';

type Artifact = Extract<NonNullable<Task['result']>, { __typename: 'ImageResult' }>['images'][number];

const extensions: Readonly<Record<string, string>> = {
  'image/png': 'png',
  'image/jpeg': 'jpg',
  'image/webp': 'webp',
  'application/json': 'json',
  'application/pdf': 'pdf',
  'application/zip': 'zip',
  'audio/wav': 'wav',
  'model/gltf-binary': 'glb',
  'model/mtl': 'mtl',
  'model/obj': 'obj',
  'model/stl': 'stl',
  'text/plain': 'txt',
};

/**
 * Saves what a task made under `folder`, which is made where it is missing.
 * @param name of the files, without an extension
 * @returns their paths
 */
export async function saveResult(
  client: Client,
  { id, result }: Task,
  { folder, name, signal }: { folder: string; name: string; signal: AbortSignal },
): Promise<string[]> {
  if (result === null) return [];
  await mkdir(folder, { recursive: true });
  switch (result.__typename) {
    case 'ImageResult':
      return saveArtifacts(client, result.images, path.join(folder, name), signal);
    case 'CustomResult': {
      const files = await saveArtifacts(client, result.files, path.join(folder, name), signal);
      return result.value === null ? files : [...files, await saveJson(folder, name, result.value)];
    }
    case 'ModelResult': {
      const files = await saveArtifacts(client, result.files, path.join(folder, name), signal);
      const preview = result.preview === null ? [] : [result.preview];
      return [
        ...files,
        ...(await saveArtifacts(client, preview, path.join(folder, `${name}-preview`), signal)),
      ];
    }
    case 'EmbeddingResult': {
      const vectors = await client.vectors(id, { signal });
      return [await saveJson(folder, name, { dimensions: result.dimensions, vectors })];
    }
    case 'TextResult':
      return [await saveText(folder, name, result.text)];
    case 'TranscriptResult': {
      const text = await saveText(folder, name, result.text);
      return result.segments.length === 0 ? [text] : [text, await saveJson(folder, name, result)];
    }
    default:
      // A kind that is newer than this command.
      return [await saveJson(folder, name, result)];
  }
}

async function saveText(folder: string, name: string, text: string): Promise<string> {
  const file = path.join(folder, `${name}.txt`);
  await writeFile(file, `${text}\n`);
  return file;
}

async function saveJson(folder: string, name: string, value: unknown): Promise<string> {
  const file = path.join(folder, `${name}.json`);
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`);
  return file;
}

/** Numbered where there are several. */
async function saveArtifacts(
  client: Client,
  artifacts: readonly Artifact[],
  file: string,
  signal: AbortSignal,
): Promise<string[]> {
  const several = artifacts.length > 1;
  return Promise.all(
    artifacts.map((artifact, n) =>
      saveArtifact(client, artifact, several ? `${file}-${n + 1}` : file, signal),
    ),
  );
}

async function saveArtifact(
  client: Client,
  artifact: Artifact,
  file: string,
  signal: AbortSignal,
): Promise<string> {
  const target = `${file}.${extensions[artifact.mimeType] ?? 'bin'}`;
  const { body } = await client.download(artifact, { signal });
  const bytes = body === null ? Readable.from([]) : Readable.fromWeb(body as ReadableStream);
  await pipeline(bytes, createWriteStream(target), { signal });
  return target;
}
