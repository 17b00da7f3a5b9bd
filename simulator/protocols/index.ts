import type { ProtocolName } from '../../src/nodes/protocols/index.ts';
import { cog } from './cog.ts';
import { a1111 } from './a1111.ts';
import { fastWhisper } from './fast-whisper.ts';
import { json } from './json.ts';
import { openai } from './openai.ts';
import type { SimulatedProtocol } from './protocol.ts';
import { qwenImageGguf } from './qwen-image-gguf.ts';
import { sdCpp } from './sd-cpp.ts';
import { whisperCpp } from './whisper-cpp.ts';

/** Every protocol of Switchyard has its simulation: a file of its own, and one line here. */
export const simulatedProtocols: Readonly<Record<ProtocolName, SimulatedProtocol>> = {
  QWEN_IMAGE_GGUF: qwenImageGguf,
  FAST_WHISPER: fastWhisper,
  OPENAI: openai,
  WHISPER_CPP: whisperCpp,
  COG: cog,
  JSON: json,
  SD_CPP: sdCpp,
  A1111: a1111,
};
