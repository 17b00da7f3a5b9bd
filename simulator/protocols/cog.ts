import type { Job, Jobs } from '../jobs.ts';
import { dataUrl, runModel } from '../models.ts';
import type { SimulatorSettings } from '../settings.ts';
import { type Answer, fields, json, type Request, type SimulatedProtocol, type Work } from './protocol.ts';

/** Its model takes the type that the task bears as an input of its own, since a container has but one. */
async function predict(request: Request, id: string, settings: SimulatorSettings): Promise<Work | Answer> {
  const { input } = fields(request);
  if (typeof input !== 'object' || input === null) {
    return json(422, { detail: [{ loc: ['body', 'input'], msg: 'Field required' }] });
  }
  const payload: Record<string, unknown> = { ...input };
  const isStreamed = /event-stream/.test(request.headers.accept ?? '');
  return {
    job: id,
    input: payload,
    units: 1,
    ...(isStreamed ? { steps: 4, told } : {}),
    stopped: async () => json(200, { id, status: 'canceled', logs: '' }),
    make: async () => {
      const made = await runModel(String(payload.model ?? 'echo'), payload, settings);
      const output = 'file' in made ? dataUrl(made.file, made.type) : made.value;
      const prediction = { id, status: 'succeeded', output, logs: '' };
      return isStreamed ? eventOf('completed', prediction) : json(200, prediction);
    },
  };
}

function told({ step, steps }: Job): Answer {
  const log = eventOf('log', { source: 'stderr', data: `step ${step} of ${steps}\n` });
  const metric = eventOf('metric', { name: 'progress', value: step / steps, mode: 'replace' });
  return { ...metric, body: `${log.body}${metric.body}` };
}

function eventOf(name: string, data: unknown): Answer {
  return {
    status: 200,
    type: 'text/event-stream',
    body: `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`,
  };
}

function page({ route, url }: Request, { ready, slots }: SimulatorSettings, jobs: Jobs): Answer | null {
  const [, id] = /^\/predictions\/([^/]+)\/cancel$/.exec(url.pathname) ?? [];
  if (id !== undefined && route.startsWith('POST ')) {
    const job = jobs.get(id);
    if (job === undefined || job.endedAt !== null) return json(404, {});
    job.stop();
    return json(200, {});
  }
  if (route !== 'GET /health-check') return null;
  const isFull = jobs.working.length >= slots;
  return json(200, { status: ready ? (isFull ? 'BUSY' : 'READY') : 'STARTING', version: { cog: '0.14.0' } });
}

export const cog: SimulatedProtocol = {
  // Newer ones do.
  stopsOnDisconnect: false,
  work: (request, settings) => {
    const [, id] = /^PUT \/predictions\/([^/]+)$/.exec(request.route) ?? [];
    return id === undefined ? null : predict(request, id, settings);
  },
  page,
  says: {
    full: json(409, { error: 'At capacity - all prediction slots busy', status: 'failed' }),
    failed: json(200, { status: 'failed', error: 'CUDA error: out of memory', logs: '' }),
    loading: json(503, { error: 'Runner not ready', status: 'failed' }),
    errorInside: json(200, { status: 'failed', error: 'CUDA error: out of memory' }),
    notFound: () => json(404, { detail: 'Not Found' }),
  },
};
