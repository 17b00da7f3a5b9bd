import { describe, expect, it } from 'vitest';
import { parseProtocolName, protocolOf } from '../../../src/nodes/protocols/index.ts';

describe('names of protocols', () => {
  it('are read as in the enum and in lower case with dashes', () => {
    expect(parseProtocolName('QWEN_IMAGE_GGUF')).toBe('QWEN_IMAGE_GGUF');
    expect(parseProtocolName('qwen-image-gguf')).toBe('QWEN_IMAGE_GGUF');
    expect(parseProtocolName('openai')).toBe('OPENAI');
  });

  it('are null where there is no such protocol', () => {
    expect(parseProtocolName('grpc')).toBeNull();
    expect(parseProtocolName('constructor')).toBeNull();
    expect(() => protocolOf('GRPC')).toThrow('no such node protocol: GRPC');
  });
});
