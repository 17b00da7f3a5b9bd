import { expect, test } from 'vitest';
import { kindOf, packVectors, unpackVectors } from '../../src/kinds/index.ts';
import { check } from '../../src/validation.ts';

const issues = (kind: string, input: unknown) => {
  const { input: schema, field } = kindOf(kind);
  const checked = check(schema, input, `task.${field}`);
  return checked.isValid ? [] : checked.issues.map(({ path, message }) => `${path}: ${message}`);
};

const turn = (content: string, role = 'USER') => ({ role, content });

test.each([
  [{}, ['task.textGeneration.prompt: must be given, or else messages']],
  [
    { prompt: 'a', messages: [turn('b')] },
    ['task.textGeneration.messages: must be left out where there is a prompt'],
  ],
  [{ messages: [] }, [expect.stringMatching(/^task\.textGeneration\.messages: /)]],
  [
    { messages: [turn('a'), turn('')] },
    [expect.stringMatching(/^task\.textGeneration\.messages\.1\.content: /)],
  ],
  [
    { messages: Array.from({ length: 5 }, () => turn('x'.repeat(90_000))) },
    ['task.textGeneration.messages: must have at most 400000 characters together, not 450000'],
  ],
  [
    { prompt: 'a', maxTokens: 0, temperature: 3 },
    [expect.stringMatching(/maxTokens: /), expect.stringMatching(/temperature: /)],
  ],
  [{ messages: [turn('be brief', 'SYSTEM'), turn('hello')], temperature: 0 }, []],
])('a text generation of %j is checked by its fields', (input, expected) => {
  expect(issues('TEXT_GENERATION', input)).toEqual(expected);
});

test('embeddings are bounded in number, in length and in all', () => {
  const path = 'task.embedding.texts';
  expect(issues('EMBEDDING', { texts: ['a'] })).toEqual([]);
  expect(issues('EMBEDDING', { texts: [] })).toEqual([expect.stringContaining(`${path}: `)]);
  expect(issues('EMBEDDING', { texts: ['a', ''] })).toEqual([expect.stringContaining(`${path}.1: `)]);
  expect(issues('EMBEDDING', { texts: Array(1_001).fill('a') })).toEqual([
    expect.stringContaining(`${path}: `),
  ]);
  expect(issues('EMBEDDING', { texts: Array(11).fill('x'.repeat(100_000)) })).toEqual([
    `${path}: must have at most 1000000 characters together, not 1100000`,
  ]);
});

test('a picture to change must be a picture, and its strength a share', () => {
  const image = { artifactId: 'a' };
  const path = 'task.imageToImage';
  expect(issues('IMAGE_TO_IMAGE', { image, prompt: 'gold' })).toEqual([]);
  const pcm = { sampleRate: 16_000, channels: 1 };
  expect(issues('IMAGE_TO_IMAGE', { image: { ...image, pcm }, prompt: 'gold' })).toEqual([
    `${path}.image: must be a picture, not raw samples`,
  ]);
  expect(issues('IMAGE_TO_IMAGE', { image, prompt: 'gold', strength: 1.5 })).toEqual([
    expect.stringContaining(`${path}.strength: `),
  ]);
});

test('work costs more where there is more of it', () => {
  const cost = (kind: string, input: object): number => {
    const { input: schema, cost } = kindOf(kind);
    return cost(schema.parse(input));
  };
  const written = cost('TEXT_GENERATION', { prompt: 'hello', maxTokens: 100 });
  expect(cost('TEXT_GENERATION', { prompt: 'hello', maxTokens: 200 })).toBeGreaterThan(written);
  expect(cost('TEXT_GENERATION', { prompt: 'hello '.repeat(1_000), maxTokens: 100 })).toBeGreaterThan(
    written,
  );
  expect(cost('EMBEDDING', { texts: ['a', 'b'.repeat(8)] })).toBe(3);
  const image = { url: 'https://example.com/pot.png' };
  const edit = { image, prompt: 'gold', width: 1_000, height: 1_000, steps: 10 };
  expect(cost('IMAGE_TO_IMAGE', edit)).toBe(10);
  expect(cost('IMAGE_TO_IMAGE', { ...edit, strength: 0.5, count: 4 })).toBe(20);
});

test('numbers of a node that the API cannot tell are left out of the result', () => {
  const images = ['a'];
  expect(kindOf('TEXT_TO_IMAGE').output.parse({ images, seed: 7 })).toEqual({ images, seed: 7 });
  for (const seed of [4_294_967_295, -1, 0.5]) {
    expect(kindOf('TEXT_TO_IMAGE').output.parse({ images, seed })).toEqual({ images });
  }
  const counted = { text: 'a', promptTokens: 3, completionTokens: 1e12 };
  expect(kindOf('TEXT_GENERATION').output.parse(counted)).toEqual({ text: 'a', promptTokens: 3 });
});

test('packed vectors come back as 32-bit floats, and nothing else is taken for them', () => {
  const packed = packVectors([
    [0.5, -1.25, 0.1],
    [1e-20, 3, 0],
  ]);
  expect(packed).toHaveLength(12 + 2 * 3 * 4);
  expect(unpackVectors(packed).map((vector) => [...vector])).toEqual([
    [0.5, -1.25, Math.fround(0.1)],
    [Math.fround(1e-20), 3, 0],
  ]);
  expect(() => unpackVectors(packed.subarray(0, -1))).toThrow('no packed vectors');
  expect(() => unpackVectors(Buffer.from('something else'))).toThrow('no packed vectors');
});
