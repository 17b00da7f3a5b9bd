import { hear, readWav, secondsOf } from '../speech.ts';
import {
  type Answer,
  form,
  json,
  type Request,
  type SimulatedProtocol,
  text,
  type Work,
} from './protocol.ts';

async function inference(request: Request): Promise<Work | Answer> {
  const asked = await form(request);
  const file = asked?.get('file');
  if (!(file instanceof Blob)) return json(200, { error: "no 'file' field in the request" });
  const sound = readWav(new Uint8Array(await file.arrayBuffer()));
  if (sound === null) return json(200, { error: 'failed to read audio data' });
  const seconds = secondsOf(sound);
  const input = Object.fromEntries([...(asked ?? [])].map(([name, value]) => [name, fieldOf(value)]));
  return {
    input,
    units: seconds,
    make: async () => {
      // Its transcripts begin with a space and end with a newline.
      const heard = ` ${hear(sound)}`;
      if (input.response_format !== 'verbose_json') return json(200, { text: `${heard}\n` });
      const segments = [{ id: 0, start: 0, end: seconds, text: heard }];
      return json(200, {
        task: 'transcribe',
        language: 'english',
        duration: seconds,
        text: `${heard}\n`,
        segments,
      });
    },
  };
}

function fieldOf(value: FormDataEntryValue): string {
  return typeof value === 'string' ? value : value.name;
}

/** Every error but 400 and 500 leaves the server as this one, a 503 while loading included. */
function fileNotFound(path: string): Answer {
  return text(404, `File Not Found (${path})`);
}

export const whisperCpp: SimulatedProtocol = {
  stopsOnDisconnect: true,
  work: (request) => (request.route === 'POST /inference' ? inference(request) : null),
  page: ({ route }, { ready }) => {
    if (route !== 'GET /health') return null;
    return ready ? json(200, { status: 'ok' }) : fileNotFound('/health');
  },
  says: {
    // It never is: calls wait their turn. A proxy before it may say so.
    full: text(429, 'too many requests'),
    failed: json(500, { error: 'failed to process audio' }),
    loading: fileNotFound('/inference'),
    errorInside: json(200, { error: 'failed to read audio data' }),
    notFound: fileNotFound,
  },
};
