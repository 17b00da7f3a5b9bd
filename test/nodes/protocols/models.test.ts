import { describe, expect, test } from 'vitest';
import { drawPicture } from '../../../simulator/index.ts';
import { drawModel, zip } from '../../../simulator/relief.ts';
import { glbLength, modelFiles, modelType } from '../../../src/nodes/protocols/support/models.ts';
import { unzip } from '../../../src/nodes/protocols/support/zip.ts';

const picture = await drawPicture({ prompt: 'a clay pot', seed: 3, width: 64, height: 64 });
const request = { picture, seed: 7, texture: true };
const text = (content: string): Buffer => Buffer.from(content);
const types = (files: readonly { mimeType: string }[]) => files.map(({ mimeType }) => mimeType);

test('a model is known by its bytes', async () => {
  const glb = await drawModel('glb', request);
  expect(modelType(glb)).toBe('model/gltf-binary');
  expect(glbLength(glb.subarray(0, 100))).toBe(glb.length);
  expect(modelType(glb.subarray(0, 100))).toBe(null);
  expect(modelType(await drawModel('stl', request))).toBe('model/stl');
  expect(modelType(text('solid pot\n  facet normal 0 0 1\n'))).toBe('model/stl');
  expect(modelType(text('# made by hand\nv 0 0 1.5\nv 1 0 0\n'))).toBe('model/obj');
  expect(modelType(text('{"error": "out of memory"}'))).toBe(null);
  expect(modelType(picture)).toBe(null);
});

test('an archive is the model with its material and textures, and last the archive itself', async () => {
  const archive = await drawModel('obj', request);
  const files = await modelFiles(archive);
  expect(types(files)).toEqual(['model/obj', 'model/mtl', 'image/png', 'application/zip']);
  expect(files[3]?.bytes).toBe(archive);
  expect(Buffer.from(files[1]?.bytes ?? []).toString()).toContain('map_Kd texture.png');
});

test('of an archive nothing but its bytes counts: names that lead elsewhere lead nowhere', async () => {
  const obj = text('v 0 0 1\nv 1 0 0\nv 0 1 0\nf 1 2 3\n');
  const archive = zip([
    ['../../../../etc/cron.d/job', text('* * * * * root reboot')],
    ['C:\\windows\\a.exe', text('MZ')],
    ['/root/.ssh/../model.obj', obj],
  ]);
  const files = await modelFiles(archive);
  expect(types(files)).toEqual(['model/obj', 'application/zip']);
  expect(files[0]?.bytes).toEqual(obj);
});

describe('an archive is refused', () => {
  const refusal = (archive: Buffer, limits = { maxEntries: 4, maxBytes: 1_000_000 }) =>
    expect(unzip(archive, limits)).rejects;

  test('that unpacks to more than it may, whatever it says of itself', async () => {
    const bomb = zip([['model.obj', Buffer.alloc(2_000_000)]]);
    // It claims to hold nothing.
    bomb.writeUInt32LE(0, bomb.indexOf('PK\x01\x02') + 24);
    await refusal(bomb).toThrow('unpacks to more than it may');
    const several = zip(Array.from({ length: 3 }, (_, n) => [`${n}.obj`, Buffer.alloc(400_000)] as const));
    await refusal(several).toThrow('unpacks to more than it may');
  });

  test('before any of it is unpacked where it claims too much, and where there is more than it claims', async () => {
    const bomb = zip([['model.obj', Buffer.alloc(2_000_000)]]);
    // What is packed can't be read at all: nobody tried to.
    bomb.fill(0xff, 39, 44);
    await refusal(bomb).toThrow('unpacks to more than it may');
    const liar = zip([['model.obj', Buffer.alloc(500_000)]]);
    liar.writeUInt32LE(499_999, liar.indexOf('PK\x01\x02') + 24);
    await refusal(liar).toThrow('unpacks to more than it may');
  });

  test('that has too many files', async () => {
    await refusal(zip(Array.from({ length: 5 }, (_, n) => [`${n}`, text('x')] as const))).toThrow(
      'more than 4',
    );
  });

  test('that is damaged, encrypted, or without a model', async () => {
    const archive = zip([['model.obj', text('v 0 0 1\n')]]);
    await refusal(archive.subarray(0, -30)).toThrow('is a damaged archive');
    const beyond = Buffer.from(archive);
    beyond.writeUInt32LE(0x7fff_ffff, beyond.indexOf('PK\x01\x02') + 42);
    await refusal(beyond).toThrow('is a damaged archive');
    const garbled = Buffer.from(archive);
    garbled.fill(0xff, 39, 44);
    await refusal(garbled).toThrow('is a damaged archive');
    const locked = Buffer.from(archive);
    locked.writeUInt16LE(1, locked.indexOf('PK\x01\x02') + 8);
    await refusal(locked).toThrow('encrypted');
    await expect(modelFiles(zip([['readme.txt', text('hello')]]))).rejects.toThrow('without a model');
    await expect(modelFiles(text(''))).rejects.toThrow('is empty where a model was due');
    await expect(modelFiles(picture)).rejects.toThrow('is no model');
  });
});
