import { hear, readWav, type Sound, samplesOf, secondsOf } from '../speech.ts';
import { type Answer, form, json, type Request, type SimulatedProtocol, type Work } from './protocol.ts';

const MIN_PCM_BYTES = 32_000;

async function asrFile(request: Request): Promise<Work | Answer> {
  const file = (await form(request))?.get('file');
  if (!(file instanceof Blob))
    return json(422, { detail: [{ loc: ['body', 'file'], msg: 'Field required' }] });
  const sound = readWav(new Uint8Array(await file.arrayBuffer()));
  if (sound === null) return json(200, { code: 2, message: 'audio cannot be decoded' });
  return transcribe(sound, { file: file.name, bytes: file.size });
}

async function asrPcm({ bytes }: Request): Promise<Work | Answer> {
  if (bytes.length < MIN_PCM_BYTES) return json(200, { code: 1, message: 'audio too short' });
  return transcribe({ samples: samplesOf(bytes), sampleRate: 16_000, channels: 1 }, { bytes: bytes.length });
}

function transcribe(sound: Sound, input: Work['input']): Work {
  const seconds = secondsOf(sound);
  return {
    input,
    units: seconds,
    make: async () => {
      const heard = hear(sound);
      const segments = [{ start: 0, end: seconds, text: heard }];
      return json(200, { code: 0, message: 'success', text: heard, language: 'en', segments });
    },
  };
}

export const fastWhisper: SimulatedProtocol = {
  stopsOnDisconnect: false,
  work: (request) => {
    if (request.route === 'POST /api/v1/asr') return asrFile(request);
    return request.route === 'POST /api/v1/asr/pcm' ? asrPcm(request) : null;
  },
  page: () => null,
  says: {
    full: json(503, { code: 503, message: 'too many requests are waiting' }, { 'retry-after': '1' }),
    failed: json(500, { code: 500, message: 'internal error' }),
    loading: json(503, { code: 503, message: 'the model is loading' }),
    errorInside: json(200, { code: 500, message: 'internal error' }),
    notFound: () => json(404, { detail: 'Not Found' }),
  },
};
