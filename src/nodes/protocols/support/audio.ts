import { setImmediate } from 'node:timers/promises';
import type { Media } from '../../../kinds/index.ts';
import { NodeFault } from '../fault.ts';
import type { FilePart } from './multipart.ts';

/** What speech models take: 16-bit mono samples at this rate. */
const SPEECH_RATE = 16_000;
/** One second: shorter sound is refused or ignored by some servers. */
const MIN_SPEECH_SAMPLES = SPEECH_RATE;

// Zero crossings of the windowed sinc on either side: more is sharper and slower.
const ZERO_CROSSINGS = 12;

/** The file of a call, read while it is sent; raw samples become a WAV file of 16 kHz mono. */
export async function audioFile(media: Media): Promise<FilePart> {
  const { pcm, fileName, mimeType } = media;
  if (pcm === undefined) return { blob: await openMedia(media), fileName, mimeType };
  const samples = await speechSamples(media, pcm);
  return {
    blob: new Blob([wavHeader(samples.byteLength), samples]),
    fileName: 'speech.wav',
    mimeType: 'audio/wav',
  };
}

/** Raw samples as 16 kHz mono, followed by silence up to one second where they are shorter. */
export async function speechSamples(
  media: Media,
  { sampleRate, channels }: NonNullable<Media['pcm']>,
): Promise<Int16Array<ArrayBuffer>> {
  const bytes = await (await openMedia(media)).arrayBuffer().catch((cause: unknown) => {
    throw inputUnavailable(cause);
  });
  const frames = Math.floor(bytes.byteLength / 2 / channels);
  const mono = mixDown(new Int16Array(bytes, 0, frames * channels), channels);
  const samples = await resample(mono, sampleRate, SPEECH_RATE);
  if (samples.length >= MIN_SPEECH_SAMPLES) return samples;
  const padded = new Int16Array(MIN_SPEECH_SAMPLES);
  padded.set(samples);
  return padded;
}

/** Seconds of sound in raw samples, before any padding; undefined for other files. */
export function secondsOf({ pcm, sizeBytes }: Media): number | undefined {
  return pcm === undefined ? undefined : sizeBytes / 2 / pcm.channels / pcm.sampleRate;
}

/** The mean of the channels. */
export function mixDown(samples: Int16Array<ArrayBuffer>, channels: number): Int16Array<ArrayBuffer> {
  if (channels === 1) return samples;
  const mono = new Int16Array(Math.floor(samples.length / channels));
  for (let frame = 0; frame < mono.length; frame++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) sum += samples[frame * channels + channel] ?? 0;
    mono[frame] = Math.round(sum / channels);
  }
  return mono;
}

/**
 * Another sampling rate by a windowed sinc, which cuts off what the lower rate can't hold. Lets other work
 * go on between seconds of output.
 */
export async function resample(
  samples: Int16Array<ArrayBuffer>,
  from: number,
  to: number,
): Promise<Int16Array<ArrayBuffer>> {
  if (from === to) return samples;
  const { phases, step, taps, table, weightsOf } = resampler(from, to);
  const output = new Int16Array(Math.floor((samples.length * to) / from));
  for (let index = 0; index < output.length; index++) {
    if (index % to === 0 && index > 0) await setImmediate();
    const position = index * step;
    const phase = position % phases;
    const first = (position - phase) / phases - taps / 2 + 1;
    const weights = weightsOf(phase);
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      sum += (samples[first + tap] ?? 0) * (table[weights + tap] ?? 0);
    }
    output[index] = Math.max(-32_768, Math.min(32_767, Math.round(sum)));
  }
  return output;
}

/** The filter's weights for each position that an output sample can have between two input samples. */
function resampler(from: number, to: number) {
  const divisor = greatestCommonDivisor(from, to);
  const phases = to / divisor;
  const cutoff = Math.min(1, to / from);
  const reach = Math.ceil(ZERO_CROSSINGS / cutoff);
  const taps = 2 * reach;
  const table = new Float32Array(phases * taps);
  const isKnown = new Uint8Array(phases);

  function fill(phase: number, start: number): void {
    const weights = Float64Array.from({ length: taps }, (_, tap) => {
      const distance = tap - reach + 1 - phase / phases;
      const window = Math.cos((Math.PI * distance) / (2 * reach)) ** 2;
      return Math.abs(distance) >= reach ? 0 : sinc(distance * cutoff) * window;
    });
    // Each phase lets a constant through unchanged.
    const sum = weights.reduce((total, weight) => total + weight, 0);
    for (let tap = 0; tap < taps; tap++) table[start + tap] = (weights[tap] ?? 0) / sum;
  }

  /** Where the weights of a phase begin in the table. Odd rates have thousands of phases: most sounds meet few of them. */
  function weightsOf(phase: number): number {
    const start = phase * taps;
    if (isKnown[phase] === 0) {
      fill(phase, start);
      isKnown[phase] = 1;
    }
    return start;
  }

  return { phases, step: from / divisor, taps, table, weightsOf };
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** The 44 bytes before `dataBytes` bytes of 16-bit samples. */
function wavHeader(dataBytes: number, sampleRate = SPEECH_RATE, channels = 1): Buffer<ArrayBuffer> {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + dataBytes, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE(sampleRate * channels * 2, 28);
  header.writeUInt16LE(channels * 2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(dataBytes, 40);
  return header;
}

async function openMedia(media: Media): Promise<Blob> {
  try {
    return await media.blob();
  } catch (cause) {
    throw cause instanceof NodeFault ? cause : inputUnavailable(cause);
  }
}

function inputUnavailable(cause: unknown): NodeFault {
  const message = 'a file of the task could not be read';
  return new NodeFault(message, { side: 'input', code: 'INPUT_UNAVAILABLE', sent: false, cause });
}
