import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { drawPicture } from '../../simulator/picture.ts';

describe("the simulator's pictures", () => {
  const request = { prompt: 'a lighthouse', seed: 1, width: 96, height: 64 };

  it('are the same for the same prompt and seed', async () => {
    const [first, second] = await Promise.all([drawPicture(request), drawPicture(request)]);
    expect(first.equals(second)).toBe(true);
  });

  it('look different for another prompt or seed', async () => {
    const pixels = async (change: Partial<typeof request>) =>
      sharp(await drawPicture({ ...request, ...change }))
        .raw()
        .toBuffer();
    const plain = await pixels({});
    for (const change of [{ prompt: 'a forest' }, { seed: 2 }]) {
      const other = await pixels(change);
      const changed = plain.filter((value, index) => Math.abs(value - (other[index] ?? 0)) > 8).length;
      expect(changed / plain.length).toBeGreaterThan(0.3);
    }
  });

  it.each(['png', 'jpeg', 'webp'] as const)('have the size and format asked for: %s', async (format) => {
    const picture = await drawPicture({ ...request, width: 333, height: 17, format });
    expect(await sharp(picture).metadata()).toMatchObject({ format, width: 333, height: 17 });
  });
});
