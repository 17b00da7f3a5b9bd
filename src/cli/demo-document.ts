import type { Client, KnowledgeBase, SearchHit, TaskSpec } from '../../sdk/src/index.ts';

const BASE_NAME = 'Switchyard demo';
const FILE_NAME = 'workshop.md';
const CHUNK_SIZE = 300;
const CHUNK_OVERLAP = 60;

/** What the demo asks its document. */
export const QUESTION = 'Why does a print come off the plate?';

const text = `# Notes of a print workshop

## Before the first layer

Wipe the plate with alcohol and let it dry. Level it while it is warm, since
metal grows with heat. The first layer is printed slowly, and a little too
close rather than too far away.

## When a print comes off the plate

Corners lift where the plastic cools too fast: close the doors, and keep the
fan off for the first layers. A print that comes off whole stood on a dirty
plate, or touches it in too few places: give it a brim.

## Filament

Keep spools dry. Filament that crackles has drawn water: four hours at fifty
degrees make it good again.

## Models

A model needs a flat base, walls of at least one millimetre, and no parts
that hang in the air. Overhangs of up to forty-five degrees print without
supports.
`;

/** Puts the demo's document into a knowledge base, in place of the one that an earlier start put there. */
export function documentFor({ id: knowledgeBaseId }: KnowledgeBase): TaskSpec {
  const upload = new File([text], FILE_NAME, { type: 'text/markdown' });
  const sizes = { chunkSize: CHUNK_SIZE, chunkOverlap: CHUNK_OVERLAP };
  return { document: { file: { upload }, knowledgeBaseId, ...sizes } };
}

/** The demo's own knowledge base: that of an earlier start on the same data folder, or else a new one. */
export async function openDemoBase(client: Client, signal: AbortSignal): Promise<KnowledgeBase> {
  for await (const base of client.knowledgeBases({ signal })) if (base.name === BASE_NAME) return base;
  return client.createKnowledgeBase({ name: BASE_NAME }, { signal });
}

/** What answers the demo's question best; null where nothing does. */
export async function askDemoBase(
  client: Client,
  { id }: KnowledgeBase,
  signal: AbortSignal,
): Promise<SearchHit | null> {
  const [hit = null] = await client.search(id, QUESTION, { first: 1, signal });
  return hit;
}
