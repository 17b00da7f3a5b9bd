import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { createSimulator, drawPicture } from '../../../simulator/index.ts';
import { protocols } from '../../../src/nodes/protocols/index.ts';
import { clientOf, faultOf, perform, pictureOf } from './calls.ts';

const speakers = ['OPENAI', 'SD_CPP', 'A1111', 'COMFYUI', 'JSON'] as const;
const original = await drawPicture({ prompt: 'a clay pot', seed: 3, width: 96, height: 64 });

/** How much two pictures are alike, from their shades: 1 the same, 0 nothing in common. */
async function likeness(one: Uint8Array, other: Uint8Array): Promise<number> {
  const [a, b] = await Promise.all(
    [one, other].map((bytes) => sharp(bytes).resize(32, 32, { fit: 'fill' }).greyscale().raw().toBuffer()),
  );
  const centred = (bytes: Buffer | undefined) => {
    const values = [...(bytes ?? [])];
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return values.map((value) => value - mean);
  };
  const [x, y] = [centred(a), centred(b)];
  const dot = (p: number[], q: number[]) => p.reduce((sum, value, n) => sum + value * (q[n] ?? 0), 0);
  return dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
}

describe.each(speakers)('changed pictures of %s', (name) => {
  const protocol = protocols[name];
  const change = async (input: object = {}) => {
    await using simulator = await createSimulator({ protocol: name });
    await using node = clientOf(simulator.url);
    const media = [pictureOf(original)];
    const made = await perform(protocol, 'IMAGE_TO_IMAGE', { node, media, input });
    const bytes = made.images.map((image) => image.bytes);
    return { bytes, sizes: await Promise.all(bytes.map((one) => sharp(one).metadata())) };
  };

  it('are recognisable, in the size of the original, and others for another prompt', async () => {
    const [gold, glass] = [
      await change({ strength: 0.5 }),
      await change({ strength: 0.5, prompt: 'of glass' }),
    ];
    expect(gold.sizes).toMatchObject([{ width: 96, height: 64 }]);
    const [first = Buffer.alloc(0)] = gold.bytes;
    expect(await likeness(first, original)).toBeGreaterThan(0.7);
    expect(Buffer.from(first).equals(original)).toBe(false);
    expect(gold.bytes).not.toEqual(glass.bytes);
  });

  it('are as many and as large as was asked for', async () => {
    const { sizes, bytes } = await change({ width: 128, height: 128, count: 2, seed: 5, steps: 4 });
    expect(sizes).toMatchObject([
      { width: 128, height: 128 },
      { width: 128, height: 128 },
    ]);
    expect(bytes[0]).not.toEqual(bytes[1]);
  });

  it('are refused as the fault of the task where the file is no picture', async () => {
    await using simulator = await createSimulator({ protocol: name });
    await using node = clientOf(simulator.url);
    const media = [pictureOf(Buffer.from('no picture'), 'text/plain')];
    expect(await faultOf(perform(protocol, 'IMAGE_TO_IMAGE', { node, media }))).toMatchObject({
      side: 'task',
      code: 'NODE_REJECTED',
    });
    expect(simulator.history).toEqual([]);
  });
});
