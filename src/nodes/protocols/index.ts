import { a1111 } from './a1111.ts';
import { cog } from './cog.ts';
import { comfyui } from './comfyui/index.ts';
import { fastWhisper } from './fast-whisper.ts';
import { hunyuan3d } from './hunyuan3d.ts';
import { json } from './json.ts';
import { local } from './local.ts';
import { openai } from './openai/index.ts';
import type { NodeProtocol } from './protocol.ts';
import { qwenImageGguf } from './qwen-image-gguf.ts';
import { sdCpp } from './sd-cpp.ts';
import { tencentAi3d } from './tencent-ai3d.ts';
import { whisperCpp } from './whisper-cpp.ts';

export type { NodeClient } from './client.ts';
export { type Workflow, workflowFor } from './comfyui/index.ts';
export { type FaultCode, type FaultSide, NodeFault } from './fault.ts';
export { createNodeClient } from './http-client.ts';
export { localClient } from './local.ts';
export type {
  Call,
  MadeByKind,
  MadeFile,
  NodeProtocol,
  Readiness,
  RemoteJob,
  StopCapability,
  StopRequest,
} from './protocol.ts';

/** Every protocol. A new one is a file of its own, and one line here. */
export const protocols = {
  QWEN_IMAGE_GGUF: qwenImageGguf,
  FAST_WHISPER: fastWhisper,
  OPENAI: openai,
  WHISPER_CPP: whisperCpp,
  SD_CPP: sdCpp,
  A1111: a1111,
  COMFYUI: comfyui,
  COG: cog,
  JSON: json,
  HUNYUAN3D: hunyuan3d,
  TENCENT_AI3D: tencentAi3d,
} as const satisfies { readonly [Name in string]: NodeProtocol<Name> };

export type ProtocolName = keyof typeof protocols;

export const protocolNames = Object.keys(protocols) as ProtocolName[];

/** How workers do a task by themselves. No node of anybody's speaks it. */
export const LOCAL = 'LOCAL';

/** The protocol of that name, or null where there is none. */
export function findProtocol(name: string): NodeProtocol<ProtocolName | typeof LOCAL> | null {
  if (name === LOCAL) return local;
  return isProtocolName(name) ? protocols[name] : null;
}

/** The protocol of that name. Throws for a name that is none. */
export function protocolOf(name: string): NodeProtocol<ProtocolName | typeof LOCAL> {
  const protocol = findProtocol(name);
  if (protocol === null) throw new Error(`no such node protocol: ${name}`);
  return protocol;
}

/** A protocol's name as people write it, `OPENAI` or `qwen-image-gguf`, or null where it is none. */
export function parseProtocolName(text: string): ProtocolName | null {
  const name = text.trim().toUpperCase().replaceAll('-', '_');
  return isProtocolName(name) ? name : null;
}

function isProtocolName(name: string): name is ProtocolName {
  return Object.hasOwn(protocols, name);
}
