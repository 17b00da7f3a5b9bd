import { randomUUID } from 'node:crypto';
import { signTc3 } from '../../src/nodes/protocols/support/tc3.ts';
import type { Job, Jobs } from '../jobs.ts';
import { drawModel, drawPreview } from '../relief.ts';
import { type Answer, fields, json, type Request, type SimulatedProtocol, type Work } from './protocol.ts';

const ACTION = /^(Submit|Query)HunyuanTo3D(Rapid|Pro|)Job$/;
const MAX_SKEW_SECONDS = 300;

type Format = 'GLB' | 'OBJ' | 'STL';

function answer(body: object): Answer {
  return json(200, { Response: { ...body, RequestId: randomUUID() } });
}

/** Whatever is wrong is said in a 200. */
function error(Code: string, Message: string): Answer {
  return answer({ Error: { Code, Message } });
}

function actionOf({ route, headers }: Request): { verb: string; tier: string } | null {
  const [, verb, tier = ''] = ACTION.exec(headers['x-tc-action'] ?? '') ?? [];
  return route !== 'POST /' || verb === undefined ? null : { verb, tier };
}

async function submit(request: Request, tier: string): Promise<Work | Answer> {
  const { ImageBase64, ...input } = fields(request);
  if (typeof ImageBase64 !== 'string') {
    return error('InvalidParameterValue', 'One of Prompt, ImageBase64 and ImageUrl must be given.');
  }
  const picture = Buffer.from(ImageBase64, 'base64');
  const texture = input.EnableGeometry !== true && input.GenerateType !== 'Geometry';
  const format = ['GLB', 'STL'].includes(String(input.ResultFormat)) ? input.ResultFormat : 'OBJ';
  const formats = tier === 'Pro' ? ['OBJ', 'GLB', ...(format === 'STL' ? ['STL'] : [])] : [format];
  return {
    input: { ...input, tier, picture: ImageBase64, formats },
    units: texture ? 3 : 1,
    job: `${Date.now()}${Math.floor(Math.random() * 1_000_000)}`,
    accepted: ({ id }) => answer({ JobId: id }),
    // Drawn when they are fetched; here it is only seen whether that can be.
    make: async () => ({ status: 200, type: 'image/png', body: await drawPreview(picture) }),
  };
}

function query({ JobId }: Record<string, unknown>, jobs: Jobs, here: URL): Answer {
  const job = jobs.get(JobId);
  if (job === undefined) return error('FailedOperation.JobNotExist', 'The job does not exist.');
  switch (job.state) {
    case 'queued':
      return answer({ Status: 'WAIT', ErrorCode: '', ErrorMessage: '', ResultFile3Ds: [] });
    case 'working':
      return answer({ Status: 'RUN', ErrorCode: '', ErrorMessage: '', ResultFile3Ds: [] });
    case 'done':
      return answer({ Status: 'DONE', ErrorCode: '', ErrorMessage: '', ResultFile3Ds: filesOf(job, here) });
    case 'failed':
    case 'canceled':
      return answer({
        Status: 'FAIL',
        ErrorCode: 'FailedOperation.InnerError',
        ErrorMessage: 'Internal service error.',
      });
    default:
      return job.state satisfies never;
  }
}

function filesOf({ id, input }: Job, here: URL): object[] {
  const PreviewImageUrl = new URL(`/files/${id}.png`, here).href;
  const formats = Array.isArray(input.formats) ? input.formats : [];
  return formats.map((Type) => ({ Type, Url: new URL(`/files/${id}.${Type}`, here).href, PreviewImageUrl }));
}

async function fileAt({ url }: Request, jobs: Jobs): Promise<Answer | null> {
  const [, id, type] = /^\/files\/(\d+)\.(png|GLB|OBJ|STL)$/.exec(url.pathname) ?? [];
  const job = jobs.get(id);
  if (job?.state !== 'done' || job.result === null) return null;
  // A result that is another one than was made is there in place of each file.
  if (type === 'png' || job.result.type !== 'image/png') return job.result;
  const picture = Buffer.from(String(job.input.picture), 'base64');
  const format = (type ?? 'GLB').toLowerCase() as Lowercase<Format>;
  const texture = job.input.EnableGeometry !== true && job.input.GenerateType !== 'Geometry';
  const body = await drawModel(format, { picture, texture, seed: 0 });
  return { status: 200, type: 'application/octet-stream', body };
}

/** Null where the request is signed with the secret key. */
function refusalOf({ url, headers, bytes }: Request, token: string): Answer | null {
  const [secretId = '', secretKey = ''] = token.split(':');
  const timestamp = Number(headers['x-tc-timestamp']);
  if (!(Math.abs(Date.now() / 1000 - timestamp) <= MAX_SKEW_SECONDS)) {
    return error('AuthFailure.SignatureExpire', 'The request has expired.');
  }
  const authorization = signTc3({
    ...{ secretId, secretKey, service: 'ai3d', host: headers.host ?? '', path: url.pathname },
    ...{ contentType: headers['content-type'] ?? '', body: bytes, timestamp },
  });
  if (headers.authorization === authorization) return null;
  return error('AuthFailure.SignatureFailure', `The signature of ${headers.authorization} is not right.`);
}

export const tencentAi3d: SimulatedProtocol = {
  stopsOnDisconnect: false,
  refuses: (request, token) => (request.route === 'POST /' ? refusalOf(request, token) : null),
  work: (request) => {
    const action = actionOf(request);
    return action?.verb === 'Submit' ? submit(request, action.tier) : null;
  },
  page: (request, { ready }, jobs) => {
    if (actionOf(request) === null) return fileAt(request, jobs);
    return ready ? query(fields(request), jobs, request.url) : error('InternalError', 'Internal error.');
  },
  says: {
    full: error('RequestLimitExceeded.JobNumExceed', 'The number of jobs exceeds the limit.'),
    failed: error('FailedOperation.InnerError', 'Internal service error.'),
    loading: error('InternalError', 'Internal error.'),
    errorInside: error('InternalError', 'Internal error.'),
    notFound: () => json(404, { message: 'no Route matched with those values' }),
  },
};
