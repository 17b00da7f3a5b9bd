import { drawPicture } from './picture.ts';
import type { SimulatorSettings } from './settings.ts';

/** What a simulated model of the kind CUSTOM makes: JSON, or a file. */
export type Made = { readonly value: unknown } | { readonly file: Uint8Array; readonly type: string };

/** `word-count` counts, `picture` draws, and any other type answers what it was given. */
export async function runModel(
  type: string,
  payload: Readonly<Record<string, unknown>>,
  { side }: Pick<SimulatorSettings, 'side'>,
): Promise<Made> {
  switch (type) {
    case 'word-count':
      return { value: { words: String(payload.text ?? '').match(/\S+/g)?.length ?? 0 } };
    case 'picture': {
      const picture = { prompt: String(payload.prompt ?? ''), seed: 0, width: side, height: side };
      return { file: await drawPicture(picture), type: 'image/png' };
    }
    default:
      return { value: payload };
  }
}

export function dataUrl(bytes: Uint8Array, type: string): string {
  return `data:${type};base64,${Buffer.from(bytes).toString('base64')}`;
}
