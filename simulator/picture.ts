import sharp from 'sharp';
import { randomFrom } from './random.ts';

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

export interface EditRequest extends Omit<PictureRequest, 'width' | 'height'> {
  readonly picture: Uint8Array;
  /** Left out: as the picture is. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** 0 to 1: how much of the landscape shines through. */
  readonly strength?: number | undefined;
}

/** The picture with the prompt's landscape shining through it: still recognisable, and another one for another prompt. */
export async function editPicture({
  picture,
  strength = 0.75,
  format = 'png',
  ...request
}: EditRequest): Promise<Buffer> {
  const own = (await sharp(picture).metadata()).autoOrient;
  const { width = own.width, height = own.height } = request;
  const landscape = await sharp(await drawPicture({ ...request, width, height }))
    .ensureAlpha(strength / 2)
    .png()
    .toBuffer();
  return sharp(picture)
    .autoOrient()
    .resize(width, height, { fit: 'fill' })
    .flatten({ background: 'white' })
    .composite([{ input: landscape }])
    .removeAlpha()
    .toFormat(format)
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
