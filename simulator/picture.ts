import { createHash } from 'node:crypto';
import sharp from 'sharp';

export interface PictureRequest {
  readonly prompt: string;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  readonly format?: 'png' | 'jpeg' | 'webp';
}

const HILLS = 5;
const POINTS = 24;

/**
 * A landscape drawn from the hash of prompt and seed: sky, sun, clouds and hills. The same request gives the
 * same bytes, another prompt or seed another picture, in exactly the size asked for.
 */
export function drawPicture({
  prompt,
  seed,
  width,
  height,
  format = 'png',
}: PictureRequest): Promise<Buffer> {
  const random = randomFrom(`${seed}\n${prompt}`);
  return sharp(Buffer.from(landscape(random, width, height)))
    .removeAlpha()
    .toFormat(format, format === 'png' ? { compressionLevel: 3 } : {})
    .toBuffer();
}

function landscape(random: () => number, width: number, height: number): string {
  const hue = Math.floor(random() * 360);
  const night = random() < 0.3;
  const sky = night ? [12, 30] : [70, 88];
  const shapes = [
    `<linearGradient id="sky" x2="0" y2="1"><stop stop-color="${colour(hue, sky[0])}"/>` +
      `<stop offset="1" stop-color="${colour(hue + 40, sky[1])}"/></linearGradient>`,
    '<rect width="100" height="100" fill="url(#sky)"/>',
    disc(15 + random() * 70, 12 + random() * 30, 5 + random() * 9, colour(hue + 180, night ? 90 : 62), 0.95),
    ...Array.from({ length: 6 }, () =>
      disc(random() * 100, random() * 45, 2 + random() * 10, colour(hue + 20, 96), night ? 0.05 : 0.25),
    ),
    ...Array.from({ length: HILLS }, (_, index) => hill(random, index, hue)),
  ];
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 100 100" ` +
    `preserveAspectRatio="none">${shapes.join('')}</svg>`
  );
}

function hill(random: () => number, index: number, hue: number): string {
  const top = 45 + index * 11;
  const waves = Array.from({ length: 3 }, (_, octave) => ({
    height: (5 + random() * 7) / (octave + 1),
    length: (0.3 + random() * 1.2) * (octave + 1),
    phase: random() * Math.PI * 2,
  }));
  const points = Array.from({ length: POINTS + 1 }, (_, step) => {
    const x = step / POINTS;
    const y = waves.reduce(
      (sum, wave) => sum - wave.height * Math.sin(x * wave.length * 6.283 + wave.phase),
      top,
    );
    return `${(x * 100).toFixed(2)},${y.toFixed(2)}`;
  });
  return `<polygon points="0,100 ${points.join(' ')} 100,100" fill="${colour(hue + 100 + index * 18, 58 - index * 10)}"/>`;
}

function disc(x: number, y: number, radius: number, fill: string, opacity: number): string {
  return `<circle cx="${x.toFixed(2)}" cy="${y.toFixed(2)}" r="${radius.toFixed(2)}" fill="${fill}" opacity="${opacity}"/>`;
}

function colour(hue: number, lightness: number | undefined): string {
  return `hsl(${Math.round(hue) % 360}, 55%, ${lightness ?? 50}%)`;
}

/** Numbers from 0 up to 1 that depend on the text alone. */
function randomFrom(text: string): () => number {
  let hash = createHash('sha256').update(text).digest();
  let offset = 0;
  return () => {
    if (offset === hash.length) {
      hash = createHash('sha256').update(hash).digest();
      offset = 0;
    }
    offset += 4;
    return hash.readUInt32LE(offset - 4) / 2 ** 32;
  };
}
