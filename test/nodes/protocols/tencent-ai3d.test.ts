import { describe, expect, test } from 'vitest';
import { createSimulator, drawPicture } from '../../../simulator/index.ts';
import { drawModel } from '../../../simulator/relief.ts';
import { placeOf, tencentAi3d } from '../../../src/nodes/protocols/tencent-ai3d.ts';
import { clientOf, faultOf, mediaOf, perform, pictureOf, remoteJob } from './calls.ts';
import { nodeAnswering, startNode, type TestNode } from './node.ts';

const picture = await drawPicture({ prompt: 'a vase', seed: 1, width: 32, height: 32 });
const glb = await drawModel('glb', { picture, seed: 1, texture: true });
const KIND = 'IMAGE_TO_3D';

const refusing = (Code: string) => nodeAnswering({ Response: { Error: { Code, Message: 'so it is' } } });

/** A provider whose job is done, with these files: their links begin with `here`. */
async function providerWith(files: (here: string) => object[]): Promise<TestNode> {
  let here = '';
  const node = await startNode((path, response) => {
    if (path === '/gone') return void response.writeHead(403).end('<Code>AccessDenied</Code>');
    if (path === '/model') return void response.writeHead(200).end(glb);
    if (path === '/preview') return void response.writeHead(200).end(picture);
    const body = { JobId: '42', Status: 'DONE', ResultFile3Ds: files(here) };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ Response: body }));
  });
  here = node.url;
  return node;
}

const types = ({ files }: { files: readonly { mimeType: string }[] }) =>
  files.map(({ mimeType }) => mimeType);

describe('which action, and with what', () => {
  test.each([
    ['hunyuan3d', { format: 'OBJ' }, 'SubmitHunyuanTo3DJob', { ResultFormat: 'OBJ' }],
    [
      'hunyuan3d-rapid',
      { format: 'STL', texture: false },
      'SubmitHunyuanTo3DRapidJob',
      { ResultFormat: 'STL', EnableGeometry: true },
    ],
    ['hunyuan3d-pro', { format: 'GLB' }, 'SubmitHunyuanTo3DProJob', {}],
    [
      'hunyuan3d-pro-3.1',
      { format: 'STL', texture: false },
      'SubmitHunyuanTo3DProJob',
      { Model: '3.1', ResultFormat: 'STL', GenerateType: 'Geometry' },
    ],
  ] as const)('%s', async (model, asked, action, fields) => {
    await using node = await providerWith((here) => [{ Type: 'GLB', Url: `${here}/model` }]);
    await using client = clientOf(node.url);
    const input = { texture: undefined, ...asked };
    await perform(tencentAi3d, KIND, { node: client, model, input });
    const [submit, query] = node.asked;
    expect(submit?.headers).toMatchObject({ 'x-tc-action': action, 'x-tc-version': '2025-05-13' });
    expect(query?.headers).toMatchObject({ 'x-tc-action': action.replace('Submit', 'Query') });
    const { ImageBase64, ...sent } = JSON.parse(String(submit?.body));
    expect(sent).toEqual(fields);
    expect(ImageBase64).toMatch(/^iVBOR/);
  });

  test('the host says which service, version and region', () => {
    const of = (host: string) => Object.values(placeOf(new URL(`https://${host}`))).join(' ');
    expect(of('ai3d.tencentcloudapi.com')).toBe('ai3d 2025-05-13 ap-guangzhou');
    expect(of('ai3d.ap-shanghai.tencentcloudapi.com')).toBe('ai3d 2025-05-13 ap-shanghai');
    expect(of('hunyuan.tencentcloudapi.com')).toBe('hunyuan 2023-09-01 ap-guangzhou');
    expect(of('hunyuan.intl.tencentcloudapi.com')).toBe('hunyuan 2023-09-01 ap-singapore');
  });
});

describe('what is kept of a job', () => {
  test('a mark before it is paid for, and its name after', async () => {
    await using simulator = await createSimulator({ protocol: 'TENCENT_AI3D', token: 'id:key' });
    await using node = clientOf(simulator.url, { token: 'id:key' });
    const remote = remoteJob();
    await perform(tencentAi3d, KIND, { node, remote });
    expect(remote.record).toEqual(['submitting', expect.stringMatching(/^keep \d+$/)]);
  });

  test('nothing where the provider says that it took none', async () => {
    await using node = await refusing('InvalidParameterValue');
    await using client = clientOf(node.url);
    const remote = remoteJob();
    await faultOf(perform(tencentAi3d, KIND, { node: client, remote }));
    expect(remote.record).toEqual(['submitting', 'forget']);
  });

  test.each(['reset', 'cut-short', 'wrong-content'] as const)(
    'the mark, after the answer %s',
    async (type) => {
      await using simulator = await createSimulator({ protocol: 'TENCENT_AI3D' });
      await using node = clientOf(simulator.url);
      simulator.failNext({ type });
      const remote = remoteJob();
      await faultOf(perform(tencentAi3d, KIND, { node, remote }));
      expect(remote.record).toEqual(['submitting']);
    },
  );

  test('the mark, after an error of a gateway', async () => {
    await using node = await nodeAnswering('Bad Gateway', 502);
    await using client = clientOf(node.url);
    const remote = remoteJob();
    const fault = await faultOf(perform(tencentAi3d, KIND, { node: client, remote }));
    expect(fault).toMatchObject({ side: 'node', code: 'BAD_NODE_ANSWER' });
    expect(remote.record).toEqual(['submitting']);
  });

  test('its name, for the next attempt to go on with, unless nobody knows it any more', async () => {
    await using simulator = await createSimulator({ protocol: 'TENCENT_AI3D' });
    await using node = clientOf(simulator.url);
    const remote = remoteJob({ handle: '404' });
    const fault = await faultOf(perform(tencentAi3d, KIND, { node, remote }));
    expect(fault).toMatchObject({ side: 'node', code: 'NODE_ERROR' });
    expect(fault.message).toContain('JobNotExist');
    expect(new Set(remote.record)).toEqual(new Set(['forget']));
    expect(simulator.history).toEqual([]);
  });
});

describe('whose fault it is', () => {
  test.each([
    ['RequestLimitExceeded.JobNumExceed', { side: 'busy', retryAfterMs: 30_000 }],
    ['RequestLimitExceeded', { side: 'busy', retryAfterMs: undefined }],
    ['InvalidParameterValue', { side: 'task', code: 'NODE_REJECTED' }],
    ['FailedOperation.ImageDecodeFailed', { side: 'task', code: 'NODE_REJECTED' }],
    ['OperationDenied.ImageIllegalDetected', { side: 'task', code: 'NODE_REJECTED' }],
    ['FailedOperation.ModerationResponseTimeout', { side: 'node', code: 'NODE_ERROR' }],
    ['FailedOperation.InnerError', { side: 'node', code: 'NODE_ERROR' }],
    [
      'AuthFailure.SecretIdNotFound',
      { side: 'node', message: 'the node failed: it refused our credentials (AuthFailure.SecretIdNotFound)' },
    ],
  ])('%s', async (code, expected) => {
    await using node = await refusing(code);
    await using client = clientOf(node.url);
    expect(await faultOf(perform(tencentAi3d, KIND, { node: client }))).toMatchObject(expected);
  });

  test('a picture that is none, or larger than it takes, is not sent', async () => {
    await using node = await nodeAnswering({});
    await using client = clientOf(node.url);
    const large = { ...pictureOf(picture), sizeBytes: 6_000_001 };
    for (const media of [[large], [mediaOf(new Uint8Array(8))]]) {
      expect(await faultOf(perform(tencentAi3d, KIND, { node: client, media }))).toMatchObject({
        side: 'task',
      });
    }
    expect(node.asked).toEqual([]);
  });
});

describe('the result', () => {
  test('is fetched at once, with its picture', async () => {
    await using simulator = await createSimulator({ protocol: 'TENCENT_AI3D' });
    await using node = clientOf(simulator.url);
    const made = await perform(tencentAi3d, KIND, { node, model: 'hunyuan3d-pro', input: { format: 'OBJ' } });
    expect(types(made)).toEqual(['model/obj', 'model/mtl', 'image/png', 'application/zip']);
    expect(made.preview?.mimeType).toBe('image/png');
  });

  test('is found in the lists of older versions, beside what is no model', async () => {
    await using node = await providerWith((here) => [
      {
        File3D: [
          { Type: 'GIF', Url: `${here}/preview` },
          { Type: 'GLB', Url: `${here}/model` },
        ],
      },
    ]);
    await using client = clientOf(node.url);
    const made = await perform(tencentAi3d, KIND, { node: client });
    expect(made).toEqual({ files: [{ bytes: glb, mimeType: 'model/gltf-binary' }] });
  });

  test('is a model of another format where there is no other', async () => {
    await using node = await providerWith((here) => [{ Type: 'GLB', Url: `${here}/model` }]);
    await using client = clientOf(node.url);
    const made = await perform(tencentAi3d, KIND, { node: client, input: { format: 'STL' } });
    expect(types(made)).toEqual(['model/gltf-binary']);
  });

  test('does without its picture where only that is gone', async () => {
    await using node = await providerWith((here) => [
      { Type: 'GLB', Url: `${here}/model`, PreviewImageUrl: `${here}/gone` },
    ]);
    await using client = clientOf(node.url);
    const made = await perform(tencentAi3d, KIND, { node: client });
    expect([types(made), made.preview]).toEqual([['model/gltf-binary'], undefined]);
  });

  test('that is gone, or on a host that may not be asked, is the fault of the node, and its job stays kept', async () => {
    for (const link of ['gone', 'http://10.0.0.1/model.glb']) {
      await using node = await providerWith((here) => [
        { Type: 'GLB', Url: link === 'gone' ? `${here}/gone` : link },
      ]);
      await using client = clientOf(node.url);
      const remote = remoteJob({ handle: '42' });
      const fault = await faultOf(perform(tencentAi3d, KIND, { node: client, remote }));
      expect(fault).toMatchObject({ side: 'node', code: 'BAD_NODE_ANSWER' });
      expect(remote.record).toEqual([]);
    }
  });
});

describe('readiness is whether our credentials are good', () => {
  const ready = async (token: string | null) => {
    await using simulator = await createSimulator({ protocol: 'TENCENT_AI3D', token: 'id:key' });
    await using node = clientOf(simulator.url, { token });
    return await tencentAi3d.ready(node, AbortSignal.timeout(5_000));
  };

  test.each([
    ['id:key', { ready: true }],
    ['id:other', { ready: false, detail: 'the node says AuthFailure.SignatureFailure' }],
    ['a bearer token', { ready: false, detail: "the node's token must be SecretId:SecretKey" }],
    [null, { ready: false, detail: "the node's token must be SecretId:SecretKey" }],
  ])('%s', async (token, expected) => {
    expect(await ready(token)).toEqual(expected);
  });
});
