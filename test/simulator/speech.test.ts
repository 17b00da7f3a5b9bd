import { describe, expect, it } from 'vitest';
import { hear, readWav, samplesOf, speak, speakPcm } from '../../simulator/speech.ts';

describe("the simulator's speech", () => {
  it.each([8_000, 16_000, 22_050, 48_000])('is heard as it was spoken, at %i Hz', (sampleRate) => {
    const sound = readWav(speak('Grüße, 世界!', { sampleRate, channels: 2 }));
    expect(sound).toMatchObject({ sampleRate, channels: 2 });
    expect(sound && hear(sound)).toBe('Grüße, 世界!');
  });

  it('lasts at least a second', () => {
    expect(speakPcm('').length).toBe(32_000);
    expect(hear({ samples: samplesOf(speakPcm('')), sampleRate: 16_000, channels: 1 })).toBe('');
  });

  it('describes any other sound by its length and content', () => {
    const noise = (value: number) =>
      hear({ samples: new Int16Array(24_000).fill(value), sampleRate: 16_000, channels: 1 });
    expect(noise(1)).toMatch(/^1\.5 seconds of sound, [0-9a-f]{12}$/);
    expect(noise(1)).toBe(noise(1));
    expect(noise(1)).not.toBe(noise(2));
  });

  it('reads no WAV out of anything else', () => {
    expect(readWav(Buffer.from('ID3'))).toBeNull();
    expect(readWav(speak('x').subarray(0, 30))).toBeNull();
  });
});
