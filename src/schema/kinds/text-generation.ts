import type { ChatMessage } from '../../kinds/index.ts';
import { builder } from '../builder.ts';
import { given } from '../given.ts';
import { kindSchema, type TaggedOutput } from './kind-schema.ts';

const ChatRole = builder.enumType('ChatRole', {
  values: {
    SYSTEM: { description: 'How the model is to behave' },
    USER: { description: 'What somebody asks of it' },
    ASSISTANT: { description: 'What it answered before' },
  } satisfies Record<ChatMessage['role'], object>,
});

const ChatMessageInput = builder.inputType('ChatMessageInput', {
  description: 'A turn of a conversation',
  fields: (t) => ({
    role: t.field({ type: ChatRole, required: true, description: 'Whose turn it was' }),
    content: t.string({ required: true, description: 'What was said; up to 100,000 characters' }),
  }),
});

const TextGenerationInput = builder.inputType('TextGenerationInput', {
  description: 'Exactly one of prompt and messages',
  fields: (t) => ({
    prompt: t.string({ description: 'What the model is asked; up to 100,000 characters' }),
    messages: t.field({
      type: [ChatMessageInput],
      description: 'A conversation that goes on: up to 256 turns, of 400,000 characters together',
    }),
    model: t.string({ description: 'One of Query.models; left out: the default of the kind' }),
    maxTokens: t.int({ description: 'Of the answer, 1 to 131,072; left out: as the node likes' }),
    temperature: t.float({
      description: 'How freely it chooses its words, 0 to 2; left out: as the node likes',
    }),
    seed: t.int({
      description: 'The same seed and input make the same text on the same node; left out: any',
    }),
  }),
});

const TextResult = builder.objectRef<TaggedOutput<'TEXT_GENERATION'>>('TextResult').implement({
  fields: (t) => ({
    text: t.exposeString('text', { description: 'The whole answer' }),
    promptTokens: t.exposeInt('promptTokens', {
      nullable: true,
      description: 'That the model read, where the node counts them',
    }),
    completionTokens: t.exposeInt('completionTokens', {
      nullable: true,
      description: 'That the model wrote, where the node counts them',
    }),
  }),
});

export const textGeneration = kindSchema({
  kind: 'TEXT_GENERATION',
  description:
    'Answers a prompt, or goes on with a conversation; Task.partialText shows the text as it grows',
  input: TextGenerationInput,
  result: TextResult,
  async read({ model, ...input }) {
    return { model: model ?? null, input: given(input) };
  },
});
