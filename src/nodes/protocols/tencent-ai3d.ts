import { z } from 'zod';
import type { NodeAnswer, NodeClient } from './client.ts';
import { NodeFault } from './fault.ts';
import type { Call, MadeByKind, MadeFile, NodeProtocol, Readiness } from './protocol.ts';
import { badAnswer } from './support/answer.ts';
import { download } from './support/download.ts';
import { picture } from './support/images.ts';
import { pictureAsBase64 } from './support/input-picture.ts';
import { MAX_MODEL_BYTES, modelFiles } from './support/models.ts';
import { poll } from './support/poll.ts';
import { checkReadiness, notReady, READY } from './support/readiness.ts';
import { failed, refusal, rejected } from './support/refusal.ts';
import { submitOnce } from './support/submit-once.ts';
import { signTc3 } from './support/tc3.ts';
import { cleanText } from './support/text.ts';

const CONTENT_TYPE = 'application/json';
const MAX_INPUT_BYTES = 6_000_000;
const MAX_PREVIEW_BYTES = 16 * 1024 * 1024;
/** How long an account's place stays taken after its job has ended, as seen. */
const BUSY_MS = 30_000;

type Made = MadeByKind['IMAGE_TO_3D'];
type Job = z.infer<typeof jobShape>;

const apiError = z.object({ Code: z.string(), Message: z.string() });
const envelope = z.object({ Response: z.looseObject({ Error: apiError.optional() }) });
const submitted = z.object({ JobId: z.string().min(1) });
const file = z.object({ Type: z.string(), Url: z.string(), PreviewImageUrl: z.string().nullish() });
const jobShape = z.object({
  Status: z.enum(['WAIT', 'RUN', 'FAIL', 'DONE']),
  ErrorCode: z.string().nullish(),
  ErrorMessage: z.string().nullish(),
  // Older versions have a list inside each element.
  ResultFile3Ds: z
    .array(
      z.union([
        file.transform((one) => [one]),
        z.object({ File3D: z.array(file) }).transform((a) => a.File3D),
      ]),
    )
    .nullish()
    .transform((files) => files?.flat() ?? []),
});

/** The three sorts of jobs: each takes other fields, and has other limits. */
const tiers = {
  Rapid: ({ format, texture }) => ({
    ResultFormat: format,
    ...(texture === false ? { EnableGeometry: true } : {}),
  }),
  // It makes GLB and OBJ at once; other formats beside them.
  Pro: ({ format, texture }) => ({
    ...(format === 'STL' ? { ResultFormat: format } : {}),
    ...(texture === false ? { GenerateType: 'Geometry' } : {}),
  }),
  '': ({ format }) => ({ ResultFormat: format }),
} as const satisfies Record<string, (input: Call<'IMAGE_TO_3D'>['input']) => object>;

/** By the model's name: `hunyuan3d-rapid`, `hunyuan3d-pro-3.1`; the standard sort for others. */
function tierOf(model: string): keyof typeof tiers {
  if (/rapid/i.test(model)) return 'Rapid';
  return /\bpro\b/i.test(model) ? 'Pro' : '';
}

async function imageTo3d(call: Call<'IMAGE_TO_3D'>): Promise<Made> {
  const { remote } = call;
  const job = await ended(call, remote.handle ?? (await submit(call)));
  if (job.Status === 'FAIL') {
    await remote.forget();
    throw faultOf(job.ErrorCode ?? '', job.ErrorMessage ?? '');
  }
  return mirror(call, job);
}

/** Not the model's seed: there is none to give. */
async function submit(call: Call<'IMAGE_TO_3D'>): Promise<string> {
  const { node, model, input, media } = call;
  const tier = tierOf(model);
  const version = tier === 'Pro' ? /\d\.\d/.exec(model)?.[0] : undefined;
  const body = {
    ImageBase64: await pictureAsBase64(media, { maxBytes: MAX_INPUT_BYTES }),
    Model: version,
    ...tiers[tier](input),
  };
  return submitOnce(call, async (signal) => {
    const answer = await ask(node, `SubmitHunyuanTo3D${tier}Job`, { body, signal });
    const job = submitted.safeParse(answer);
    if (!job.success) throw badAnswer('names no job');
    return job.data.JobId;
  });
}

/** A provider that can't be asked is asked again: the job is paid for, and goes on meanwhile. */
function ended({ node, model, remote, signal, progress }: Call<'IMAGE_TO_3D'>, JobId: string): Promise<Job> {
  const action = `QueryHunyuanTo3D${tierOf(model)}Job`;
  let told = '';
  const look = async (): Promise<Job | undefined> => {
    const job = jobShape.safeParse(await ask(node, action, { body: { JobId }, signal }));
    if (!job.success) throw badAnswer('is no job');
    const { Status } = job.data;
    if (Status === 'DONE' || Status === 'FAIL') return job.data;
    if (Status !== told) progress(null, Status === 'WAIT' ? 'waiting at the provider' : 'working');
    told = Status;
    return undefined;
  };
  const lookPatiently = async (): Promise<Job | undefined> => {
    try {
      return await look();
    } catch (error) {
      if (!(error instanceof NodeFault)) throw error;
      if (!(error instanceof ApiFault)) return undefined;
      // Jobs are known for a day.
      if (/NotE?xist|NotFound/i.test(error.apiCode)) await remote.forget();
      throw error;
    }
  };
  return poll(lookPatiently, { signal });
}

/** The files themselves: their links expire. */
async function mirror({ node, input, signal }: Call<'IMAGE_TO_3D'>, { ResultFile3Ds }: Job): Promise<Made> {
  const wanted = ResultFile3Ds.find(({ Type }) => Type.toUpperCase() === input.format);
  const model = wanted ?? ResultFile3Ds.find(({ Type }) => /^(GLB|OBJ|STL)$/i.test(Type));
  if (model === undefined) throw badAnswer('names no model');
  const { bytes } = await download(node, model.Url, { signal, maxBytes: MAX_MODEL_BYTES });
  const files = await modelFiles(bytes);
  const link = [model, ...ResultFile3Ds].find(({ PreviewImageUrl }) => PreviewImageUrl)?.PreviewImageUrl;
  const preview = link ? await previewFrom(node, link, signal) : null;
  return { files, ...(preview === null ? {} : { preview }) };
}

/** A model is worth having without its picture, too. */
async function previewFrom(node: NodeClient, link: string, signal: AbortSignal): Promise<MadeFile | null> {
  try {
    const { bytes } = await download(node, link, { signal, maxBytes: MAX_PREVIEW_BYTES });
    return await picture(bytes);
  } catch (error) {
    if (error instanceof NodeFault) return null;
    throw error;
  }
}

interface Asked {
  readonly body: object;
  readonly signal: AbortSignal;
}

/**
 * What the API answers to an action.
 * @throws NodeFault; of its own refusals, which are errors inside of a 200, an ApiFault
 */
async function ask(node: NodeClient, action: string, { body, signal }: Asked): Promise<unknown> {
  const { Response } = await send(node, action, { body, signal });
  if (Response.Error) throw faultOf(Response.Error.Code, Response.Error.Message);
  return Response;
}

async function send(node: NodeClient, action: string, { body, signal }: Asked) {
  const text = JSON.stringify(body);
  const answer = await node.request({
    method: 'POST',
    path: '/',
    headers: headersOf(node, action, text),
    body: text,
    signal,
  });
  const parsed = envelope.safeParse(goodAnswer(answer).json());
  if (!parsed.success) throw badAnswer('is none of Tencent Cloud');
  return parsed.data;
}

/** Of the API itself everything is a 200: an error of a gateway before it does not say what became of the call. */
function goodAnswer(answer: NodeAnswer): NodeAnswer {
  if (answer.status === 200) return answer;
  throw answer.status >= 500 ? badAnswer(`came with the status ${answer.status}`) : refusal(answer);
}

function headersOf({ url, token }: NodeClient, action: string, body: string): Record<string, string> {
  const [secretId, secretKey] = token?.split(/:(.*)/s) ?? [];
  if (!secretId || !secretKey) {
    const message = "the node's token must be SecretId:SecretKey";
    throw new NodeFault(message, { side: 'node', code: 'NODE_ERROR', sent: false });
  }
  const { service, version, region } = placeOf(url);
  const timestamp = Math.floor(Date.now() / 1000);
  const path = `${url.pathname.replace(/\/+$/, '')}/`;
  const signed = { service, path, body, timestamp, host: url.host, contentType: CONTENT_TYPE };
  return {
    'content-type': CONTENT_TYPE,
    authorization: signTc3({ secretId, secretKey, ...signed }),
    'x-tc-action': action,
    'x-tc-version': version,
    'x-tc-timestamp': String(timestamp),
    'x-tc-region': region,
    'x-tc-language': 'en-US',
  };
}

/** What a host of the API stands for: `ai3d.tencentcloudapi.com`, `hunyuan.intl.tencentcloudapi.com`; a region may stand in it. */
export function placeOf({ hostname }: URL): { service: string; version: string; region: string } {
  const isHunyuan = hostname.startsWith('hunyuan.');
  const isAbroad = hostname.includes('.intl.');
  const region = /\.([a-z]+-[a-z]+(?:-\d)?)\.tencentcloudapi\.com$/.exec(hostname)?.[1];
  return {
    service: isHunyuan ? 'hunyuan' : 'ai3d',
    version: isHunyuan ? '2023-09-01' : '2025-05-13',
    region: region ?? (isAbroad ? 'ap-singapore' : 'ap-guangzhou'),
  };
}

/** What the API itself says is wrong. */
class ApiFault extends NodeFault {
  readonly apiCode: string;

  constructor(apiCode: string, { message, side, code, retryAfterMs }: NodeFault) {
    super(message, { side, code, sent: true, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) });
    this.apiCode = apiCode;
  }
}

function faultOf(code: string, message: string): ApiFault {
  const said = cleanText(`${message} (${code})`);
  return new ApiFault(code, sideOf(code, said));
}

const OF_THE_TASK =
  /^(InvalidParameter|MissingParameter|UnknownParameter|OperationDenied|FailedOperation\.(Image|Moderation))(?!.*Timeout)/;
const OF_OUR_KEYS = /^(AuthFailure|UnauthorizedOperation)/;

function sideOf(code: string, said: string): NodeFault {
  if (code.startsWith('RequestLimitExceeded')) {
    const options = { side: 'busy', code: 'NODE_ERROR', sent: true } as const;
    const isFull = code === 'RequestLimitExceeded.JobNumExceed';
    return new NodeFault(`the node is full: ${said}`, {
      ...options,
      ...(isFull ? { retryAfterMs: BUSY_MS } : {}),
    });
  }
  // Their messages tend to repeat the credentials.
  if (OF_OUR_KEYS.test(code)) return failed(`it refused our credentials (${code})`);
  return OF_THE_TASK.test(code) ? rejected(said) : failed(said);
}

/** There is no page for it: asks for a job that nobody has, which says whether our credentials are good. */
async function ready(node: NodeClient, signal: AbortSignal): Promise<Readiness> {
  const { Response } = await send(node, 'QueryHunyuanTo3DProJob', { body: { JobId: '1' }, signal });
  const { Code = '' } = Response.Error ?? {};
  const isDown =
    OF_OUR_KEYS.test(Code) || /^(InternalError|ResourceUnavailable|ResourceInsufficient)/.test(Code);
  return isDown ? notReady(`the node says ${Code}`) : READY;
}

/**
 * Tencent Cloud's Hunyuan3D, in mainland China and abroad: each node is one account's places at one host. Jobs
 * are paid for when they are submitted, known for a day, and can't be stopped.
 */
export const tencentAi3d: NodeProtocol<'TENCENT_AI3D'> = {
  name: 'TENCENT_AI3D',
  description: 'The 3D jobs of Tencent Cloud, paid for by the job',
  stop: 'none',
  keepsJobs: true,
  run: { IMAGE_TO_3D: imageTo3d },
  ready: (node, signal) => checkReadiness(signal, () => ready(node, signal)),
};
