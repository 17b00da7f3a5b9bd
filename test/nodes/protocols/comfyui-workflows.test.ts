import { describe, expect, it } from 'vitest';
import type { SimulatorOptions } from '../../../simulator/index.ts';
import { protocols, workflowFor } from '../../../src/nodes/protocols/index.ts';
import { openSimulated, perform, type Report } from './calls.ts';
import { template } from './comfyui-template.ts';

const protocol = protocols.COMFYUI;
const small = { width: 64, height: 64 };

const open = (options: Partial<SimulatorOptions> = {}) => openSimulated({ protocol: 'COMFYUI', ...options });

describe('comfyui workflows', () => {
  it('are the built-in one where there is no other, with the checkpoint of the model', async () => {
    await using place = await open({ models: ['anime', 'photo'] });
    const input = { ...small, steps: 8, guidanceScale: 3.5, seed: 11, negativePrompt: 'blurry', count: 2 };
    const made = await perform(protocol, 'TEXT_TO_IMAGE', {
      ...place,
      input,
      model: 'photo',
      attemptId: 'one',
    });
    expect(made).toMatchObject({ seed: 11, images: [{ mimeType: 'image/png' }, {}] });
    // The whole workflow stood in it.
    expect(Buffer.from(made.images[0]?.bytes ?? []).includes('zTXt')).toBe(false);
    const { prompt } = place.simulator.history[0]?.input ?? {};
    expect(prompt).toMatchObject({
      '1': { inputs: { ckpt_name: 'photo.safetensors' } },
      '2': { inputs: { text: 'a lighthouse at dawn' } },
      '3': { inputs: { text: 'blurry' } },
      '4': { inputs: { width: 64, height: 64, batch_size: 2 } },
      '5': { inputs: { seed: 11, steps: 8, cfg: 3.5 } },
    });
  });

  it('have values in the place of placeholders, or defaults, and never look for placeholders in values', async () => {
    await using place = await open();
    const input = { prompt: 'a {{seed}} of "doubt"', width: 64, seed: 5 };
    const made = await perform(protocol, 'TEXT_TO_IMAGE', {
      ...place,
      input,
      workflow: template,
      model: 'me',
    });
    expect(made.images).toHaveLength(1);
    expect(place.simulator.history[0]?.input.prompt).toEqual({
      ...template,
      '11': {
        ...template[11],
        inputs: { text: 'masterpiece, a {{seed}} of "doubt", by me', clip: ['10', 1] },
      },
      '12': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 256, batch_size: 1 } },
      '13': { class_type: 'KSampler', inputs: { ...template[13].inputs, seed: 5, steps: 4 } },
    });
  });

  it('run once for each picture where they know no count, with other seeds and one progress', async () => {
    await using place = await open();
    const reports: Report[] = [];
    const input = { ...small, seed: 7, count: 3 };
    const made = await perform(protocol, 'TEXT_TO_IMAGE', { ...place, input, workflow: template, reports });
    expect(new Set(made.images.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).size).toBe(3);
    expect(place.simulator.history.map((call) => call.input.seed)).toEqual([7, 8, 9]);
    const values = reports.flatMap(({ value }) => value ?? []);
    expect(values).toEqual([...values].sort((a, b) => a - b));
  });

  it.each([
    ['the format of the editor', { nodes: [], links: [] }, /API format|class_type/],
    ['no prompt', { '1': { class_type: 'A', inputs: { text: 'fixed' } } }, /has no \{\{prompt\}\}/],
    [
      'an unknown placeholder',
      { '1': { class_type: 'A', inputs: { a: '{{prompt}} {{size}}' } } },
      /\{\{size\}\} is none of/,
    ],
  ])('are refused with %s', (_, workflow, message) => {
    const parsed = workflowFor('TEXT_TO_IMAGE')?.safeParse(workflow);
    expect(parsed?.error?.message).toMatch(message);
  });
});
