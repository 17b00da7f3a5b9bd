import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readWav } from '../../../simulator/speech.ts';
import { audioFile, mixDown, resample, speechSamples } from '../../../src/nodes/protocols/support/audio.ts';
import { mediaOf } from './calls.ts';

function tone(hertz: number, sampleRate: number, seconds: number): Int16Array<ArrayBuffer> {
  return Int16Array.from({ length: seconds * sampleRate }, (_, index) =>
    Math.round(10_000 * Math.sin((2 * Math.PI * hertz * index) / sampleRate)),
  );
}

/** Root mean square without the edges, where the filter meets silence. */
function loudness(samples: Int16Array): number {
  const middle = samples.slice(100, -100);
  return Math.sqrt(middle.reduce((sum, sample) => sum + sample * sample, 0) / middle.length);
}

describe('resampling', () => {
  it.each([8_000, 11_025, 22_050, 44_100, 44_101, 48_000, 96_000])(
    'keeps a tone of 1 kHz at %i Hz as it is',
    async (rate) => {
      const resampled = await resample(tone(1_000, rate, 1), rate, 16_000);
      const exact = tone(1_000, 16_000, 1);
      expect(resampled.length).toBe(16_000);
      const difference = resampled.map((sample, index) => sample - (exact[index] ?? 0));
      expect(loudness(difference)).toBeLessThan(loudness(exact) / 100);
    },
  );

  it('takes out what 16 kHz cannot hold, in place of folding it into the voice', async () => {
    const resampled = await resample(tone(11_000, 48_000, 1), 48_000, 16_000);
    expect(loudness(resampled)).toBeLessThan(loudness(tone(11_000, 48_000, 1)) / 100);
  });

  it('never overflows, and gives as many samples as the time takes', async () => {
    // With a divisor in common: the filter of any other rate takes long to make.
    const rates = fc.integer({ min: 40, max: 960 }).map((hundreds) => hundreds * 100);
    const sound = fc.array(fc.constantFrom(-32_768, 0, 32_767), { maxLength: 2_000 });
    await fc.assert(
      fc.asyncProperty(rates, sound, async (rate, values) => {
        const resampled = await resample(Int16Array.from(values), rate, 16_000);
        expect(resampled.length).toBe(Math.floor((values.length * 16_000) / rate));
      }),
      { numRuns: 30, examples: [[44_101, Array(2_000).fill(32_767)]] },
    );
  });

  it('mixes channels down to their mean', () => {
    expect([...mixDown(Int16Array.of(100, 300, -32_768, -32_768, 1, 2), 2)]).toEqual([200, -32_768, 2]);
  });
});

describe('speech for a node', () => {
  it('leaves out an incomplete frame at the end', async () => {
    const pcm = { sampleRate: 16_000, channels: 2 };
    const samples = await speechSamples(mediaOf(Buffer.alloc(4 * 20_000 + 3, 1), pcm), pcm);
    expect(samples.length).toBe(20_000);
  });

  it('makes a WAV file of samples, and leaves files as they are', async () => {
    const pcm = { sampleRate: 32_000, channels: 1 };
    const file = await audioFile(mediaOf(Buffer.from(tone(440, 32_000, 2).buffer), pcm));
    expect(file).toMatchObject({ fileName: 'speech.wav', mimeType: 'audio/wav' });
    const sound = readWav(new Uint8Array(await file.blob.arrayBuffer()));
    expect(sound).toMatchObject({ sampleRate: 16_000, channels: 1 });
    expect(sound?.samples.length).toBe(32_000);
    const mp3 = mediaOf(Buffer.from('ID3'));
    expect(await (await audioFile(mp3)).blob.text()).toBe('ID3');
  });
});
