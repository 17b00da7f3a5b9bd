import type { ProtocolName } from '../../src/nodes/protocols/index.ts';
import { a1111 } from './a1111.ts';
import { cog } from './cog.ts';
import { comfyui } from './comfyui.ts';
import { fastWhisper } from './fast-whisper.ts';
import { hunyuan3d } from './hunyuan3d.ts';
import { json } from './json.ts';
import { openai } from './openai.ts';
import type { SimulatedProtocol } from './protocol.ts';
import { qwenImageGguf } from './qwen-image-gguf.ts';
import { sdCpp } from './sd-cpp.ts';
import { tencentAi3d } from './tencent-ai3d.ts';
import { whisperCpp } from './whisper-cpp.ts';

/** Every protocol of Switchyard has its simulation: a file of its own, and one line here. */
export const simulatedProtocols: Readonly<Record<ProtocolName, SimulatedProtocol>> = {
  QWEN_IMAGE_GGUF: qwenImageGguf,
  FAST_WHISPER: fastWhisper,
  OPENAI: openai,
  WHISPER_CPP: whisperCpp,
  HUNYUAN3D: hunyuan3d,
  TENCENT_AI3D: tencentAi3d,
  COG: cog,
  JSON: json,
  SD_CPP: sdCpp,
  A1111: a1111,
  COMFYUI: comfyui,
};
