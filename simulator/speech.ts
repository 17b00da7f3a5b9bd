import { createHash } from 'node:crypto';

/**
 * The simulator's speech: text as tones, so that it survives resampling and mixing down like a real voice.
 * Each bit sounds for 5 ms, 0 at 1 kHz and 1 at 2 kHz; before the text's UTF-8 bytes go a mark, their
 * number (2 bytes, big-endian) and a check of them.
 */
const BIT_SECONDS = 0.005;
const TONES = [1_000, 2_000] as const;
const MARK = Buffer.from('SIM');
const HEAD_BYTES = MARK.length + 2 + 4;
const LOUDNESS = 12_000;
const MAX_TEXT_BYTES = 65_535;
const MIN_SECONDS = 1;

export interface Sound {
  readonly samples: Int16Array;
  readonly sampleRate: number;
  readonly channels: number;
}

/** A WAV file in which the simulator hears this text (at most 65,535 bytes); 40 ms a byte, at least 1 second. */
export function speak(text: string, { sampleRate = 16_000, channels = 1 } = {}): Buffer {
  const data = speakPcm(text, { sampleRate, channels });
  const head = Buffer.alloc(44);
  head.write('RIFF', 0, 'latin1');
  head.writeUInt32LE(36 + data.length, 4);
  head.write('WAVEfmt ', 8, 'latin1');
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(channels, 22);
  head.writeUInt32LE(sampleRate, 24);
  head.writeUInt32LE(sampleRate * channels * 2, 28);
  head.writeUInt16LE(channels * 2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36, 'latin1');
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}

/** The same as raw signed 16-bit little-endian samples. */
export function speakPcm(text: string, { sampleRate = 16_000, channels = 1 } = {}): Buffer {
  const words = Buffer.from(text);
  if (words.length > MAX_TEXT_BYTES)
    throw new RangeError(`text: at most ${MAX_TEXT_BYTES} bytes, not ${words.length}`);
  const message = Buffer.concat([head(words), words]);
  const seconds = Math.max(MIN_SECONDS, message.length * 8 * BIT_SECONDS);
  const frames = Math.ceil(seconds * sampleRate);
  const pcm = Buffer.alloc(frames * channels * 2);
  for (let frame = 0; frame < frames; frame++) {
    const time = frame / sampleRate;
    const bit = bitAt(message, Math.floor(time / BIT_SECONDS));
    if (bit === undefined) break;
    const sample = Math.round(LOUDNESS * Math.sin(2 * Math.PI * TONES[bit] * time));
    for (let channel = 0; channel < channels; channel++)
      pcm.writeInt16LE(sample, (frame * channels + channel) * 2);
  }
  return pcm;
}

/** What the simulator hears: the spoken text, or else a description that depends on the samples alone. */
export function hear(sound: Sound): string {
  const { samples } = sound;
  if (listen(sound, 0, MARK.length).equals(MARK)) {
    const length = listen(sound, MARK.length, 2).readUInt16BE();
    const message = listen(sound, 0, HEAD_BYTES + length);
    const words = message.subarray(HEAD_BYTES);
    if (message.subarray(0, HEAD_BYTES).equals(head(words))) return words.toString();
  }
  const bytes = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
  return `${secondsOf(sound).toFixed(1)} seconds of sound, ${digest(bytes).toString('hex').slice(0, 12)}`;
}

export function secondsOf({ samples, sampleRate, channels }: Sound): number {
  return samples.length / channels / sampleRate;
}

/** The sound of a WAV file of 16-bit samples, or null where the bytes are none. */
export function readWav(file: Uint8Array): Sound | null {
  const bytes = Buffer.from(file);
  if (bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WAVE') return null;
  let format: { channels: number; sampleRate: number } | null = null;
  for (
    let at = 12;
    at + 8 <= bytes.length;
    at += 8 + bytes.readUInt32LE(at + 4) + (bytes.readUInt32LE(at + 4) % 2)
  ) {
    const name = bytes.toString('latin1', at, at + 4);
    const body = bytes.subarray(at + 8, at + 8 + bytes.readUInt32LE(at + 4));
    if (name === 'fmt ' && body.length >= 16 && body.readUInt16LE(14) === 16) {
      format = { channels: body.readUInt16LE(2), sampleRate: body.readUInt32LE(4) };
    }
    if (name === 'data' && format !== null) return { ...format, samples: samplesOf(body) };
  }
  return null;
}

/** Raw bytes as samples; an odd byte at the end is left out. */
export function samplesOf(bytes: Uint8Array): Int16Array {
  return new Int16Array(Uint8Array.from(bytes.subarray(0, bytes.length - (bytes.length % 2))).buffer);
}

function head(words: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(words.length);
  return Buffer.concat([MARK, length, digest(words).subarray(0, 4)]);
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

function bitAt(message: Buffer, index: number): 0 | 1 | undefined {
  const byte = message[index >> 3];
  if (byte === undefined) return undefined;
  return (byte >> (7 - (index & 7))) & 1 ? 1 : 0;
}

function listen(sound: Sound, firstByte: number, count: number): Buffer {
  const heard = Buffer.alloc(count);
  for (let bit = 0; bit < count * 8; bit++) {
    const [zero, one] = TONES.map((tone) => strength(sound, firstByte * 8 + bit, tone));
    if ((one ?? 0) > (zero ?? 0)) heard[bit >> 3] = (heard[bit >> 3] ?? 0) | (1 << (7 - (bit & 7)));
  }
  return heard;
}

/** How strongly a tone sounds within the first channel of one bit. */
function strength({ samples, sampleRate, channels }: Sound, bit: number, tone: number): number {
  const first = Math.ceil(bit * BIT_SECONDS * sampleRate);
  const end = Math.min(
    Math.ceil((bit + 1) * BIT_SECONDS * sampleRate),
    Math.floor(samples.length / channels),
  );
  let cosine = 0;
  let sine = 0;
  for (let frame = first; frame < end; frame++) {
    const angle = (2 * Math.PI * tone * frame) / sampleRate;
    cosine += (samples[frame * channels] ?? 0) * Math.cos(angle);
    sine += (samples[frame * channels] ?? 0) * Math.sin(angle);
  }
  return cosine * cosine + sine * sine;
}
