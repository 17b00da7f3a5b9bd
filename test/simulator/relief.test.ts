import sharp from 'sharp';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { drawModel } from '../../simulator/relief.ts';

const accessor = z.object({
  bufferView: z.number(),
  componentType: z.number(),
  type: z.string(),
  count: z.number(),
});
const document = z.object({
  asset: z.object({ version: z.literal('2.0') }),
  scenes: z.array(z.object({ nodes: z.tuple([z.literal(0)]) })).length(1),
  meshes: z.tuple([
    z.object({
      primitives: z.tuple([
        z.object({
          attributes: z.object({ POSITION: z.number(), COLOR_0: z.number() }),
          indices: z.number(),
        }),
      ]),
    }),
  ]),
  accessors: z.array(accessor),
  bufferViews: z.array(z.object({ byteOffset: z.number(), byteLength: z.number() })),
  buffers: z.tuple([z.object({ byteLength: z.number() })]),
});

/** Reads a GLB as its specification says, checking what it says. */
function readGlb(glb: Buffer) {
  expect(glb.toString('latin1', 0, 4)).toBe('glTF');
  expect([glb.readUInt32LE(4), glb.readUInt32LE(8)]).toEqual([2, glb.length]);
  const jsonBytes = glb.readUInt32LE(12);
  expect(glb.toString('latin1', 16, 20)).toBe('JSON');
  const binary = 20 + jsonBytes;
  expect([jsonBytes % 4, glb.length % 4]).toEqual([0, 0]);
  expect(glb.toString('latin1', binary + 4, binary + 8)).toBe('BIN\0');
  const gltf = document.parse(JSON.parse(glb.toString('utf8', 20, binary)));
  expect(gltf.buffers[0].byteLength).toBe(glb.readUInt32LE(binary));
  const part = (index: number): Buffer => {
    const view = gltf.bufferViews[gltf.accessors[index]?.bufferView ?? -1];
    if (view === undefined) throw new Error('an accessor names no part of the buffer');
    return glb.subarray(binary + 8 + view.byteOffset, binary + 8 + view.byteOffset + view.byteLength);
  };
  const [{ attributes, indices }] = gltf.meshes[0].primitives;
  const points = gltf.accessors[attributes.POSITION]?.count ?? 0;
  expect(part(attributes.POSITION).length).toBe(points * 12);
  const corners = part(indices);
  for (let at = 0; at < corners.length; at += 2) expect(corners.readUInt16LE(at)).toBeLessThan(points);
  const positions = part(attributes.POSITION);
  const colours = part(attributes.COLOR_0);
  return {
    points,
    position: (n: number) => [0, 4, 8].map((axis) => positions.readFloatLE(n * 12 + axis)),
    colour: (n: number) => [...colours.subarray(n * 4, n * 4 + 3)],
  };
}

const picture = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#202020' } })
  .composite([
    { input: { create: { width: 32, height: 64, channels: 3, background: '#ff8000' } }, left: 32, top: 0 },
  ])
  .png()
  .toBuffer();

test('a model is a relief of its picture: in its colours, the bright above the dark', async () => {
  const { points, position, colour } = readGlb(await drawModel('glb', { picture, seed: 1, texture: true }));
  const left = points / 2 - 22;
  const right = points / 2 - 2;
  expect(colour(left)).toEqual([0x20, 0x20, 0x20]);
  expect(colour(right)).toEqual([0xff, 0x80, 0x00]);
  expect(position(right)[2]).toBeGreaterThan((position(left)[2] ?? 0) * 2);
});

test('the same request gives the same bytes, another seed another shape, and no picture no model', async () => {
  const draw = (seed: number) => drawModel('glb', { picture, seed, texture: true });
  expect((await draw(1)).equals(await draw(1))).toBe(true);
  expect((await draw(1)).equals(await draw(2))).toBe(false);
  await expect(drawModel('glb', { picture: Buffer.from('x'), seed: 1, texture: true })).rejects.toThrow();
});
