import { type InputIssue, InvalidInputError } from '../errors.ts';

/** Raw signed 16-bit little-endian samples, the channels interleaved. */
export interface PcmFormat {
  /** Frames a second. */
  readonly sampleRate: number;
  readonly channels: number;
}

const BYTES_PER_SAMPLE = 2;

const outside = (value: number, min: number, max: number) =>
  !Number.isInteger(value) || value < min || value > max;

const at = (field: string, name: string) => (field === '' ? name : `${field}.${name}`);

/** @param field the input that holds the three. @throws InvalidInputError */
export function assertPcmFormat({ sampleRate, channels }: PcmFormat, field: string): void {
  const issues: InputIssue[] = [];
  if (outside(sampleRate, 8_000, 192_000)) {
    issues.push({ path: at(field, 'sampleRate'), message: 'must be a whole number from 8000 to 192000' });
  }
  if (outside(channels, 1, 8)) {
    issues.push({ path: at(field, 'channels'), message: 'must be a whole number from 1 to 8' });
  }
  if (issues.length > 0) throw new InvalidInputError(issues);
}

/** Seconds. @throws InvalidInputError where the bytes are no whole number of frames, or none */
export function pcmDuration({ sampleRate, channels }: PcmFormat, size: number, field: string): number {
  const frameBytes = channels * BYTES_PER_SAMPLE;
  if (size === 0 || size % frameBytes !== 0) {
    const message = `must hold at least one frame, and whole ones of ${frameBytes} bytes (${channels} × 16 bit); it has ${size} bytes`;
    throw new InvalidInputError([{ path: at(field, 'data'), message }]);
  }
  return size / frameBytes / sampleRate;
}

export function pcmMimeType({ sampleRate, channels }: PcmFormat): string {
  return `audio/L16;rate=${sampleRate};channels=${channels}`;
}

/** The format that {@link pcmMimeType} wrote, or null for another type. */
export function pcmFormatOf(mimeType: string): PcmFormat | null {
  const [, rate, channels] = /^audio\/L16;rate=(\d+);channels=(\d+)$/i.exec(mimeType) ?? [];
  return rate === undefined ? null : { sampleRate: Number(rate), channels: Number(channels) };
}
