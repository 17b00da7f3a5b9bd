import type { z } from 'zod';
import { custom } from './custom.ts';
import { document } from './document.ts';
import { embedding } from './embedding.ts';
import { imageTo3d } from './image-to-3d.ts';
import { imageToImage } from './image-to-image.ts';
import type { Kind } from './kind.ts';
import { speechToText } from './speech-to-text.ts';
import { textGeneration } from './text-generation.ts';
import { textToImage } from './text-to-image.ts';

export type { CustomInput } from './custom.ts';
export type { DocumentInput, DocumentOutput } from './document.ts';
export { type EmbeddingInput, type EmbeddingOutput, packVectors, unpackVectors } from './embedding.ts';
export type { ImageTo3dInput, ModelOutput } from './image-to-3d.ts';
export type { ImageToImageInput } from './image-to-image.ts';
export type { Kind } from './kind.ts';
export type { MadeFileId, Media, MediaReference, TaskFile } from './media.ts';
export { fillPlaceholders, placeholderName, placeholdersIn } from './placeholders.ts';
export type { SpeechToTextInput, TranscriptOutput } from './speech-to-text.ts';
export {
  type ChatMessage,
  conversationOf,
  type TextGenerationInput,
} from './text-generation.ts';
export type { ImageOutput, TextToImageInput } from './text-to-image.ts';

/** Every kind of task. A new kind is a file of its own, and one line here. */
const kinds = {
  TEXT_TO_IMAGE: textToImage,
  SPEECH_TO_TEXT: speechToText,
  IMAGE_TO_3D: imageTo3d,
  CUSTOM: custom,
  TEXT_GENERATION: textGeneration,
  EMBEDDING: embedding,
  IMAGE_TO_IMAGE: imageToImage,
  DOCUMENT: document,
} as const;

export type KindName = keyof typeof kinds;
export type KindInput<K extends KindName> = z.infer<(typeof kinds)[K]['input']>;
export type KindOutput<K extends KindName> = z.infer<(typeof kinds)[K]['output']>;

export const kindNames = Object.keys(kinds) as KindName[];

export function isKindName(name: string): name is KindName {
  return Object.hasOwn(kinds, name);
}

/** The kind of that name with its types erased, for code that treats all kinds alike. Throws for a name that is none. */
export function kindOf(name: string): Kind<KindName> {
  if (!isKindName(name)) throw new Error(`no such task kind: ${name}`);
  return kinds[name] as unknown as Kind<KindName>;
}

/** For people: `text-to-image/qwen-image`. */
export function queueLabel(kind: string, model: string): string {
  return `${kindOf(kind).slug}/${model}`;
}
