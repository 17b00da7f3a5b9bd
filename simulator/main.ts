import { parseArgs } from 'node:util';
import { parseProtocolName, protocolNames } from '../src/nodes/protocols/index.ts';
import { createSimulator } from './index.ts';

const USAGE = `node simulator/main.ts --protocol NAME [options]

  --protocol NAME    ${protocolNames.map((name) => name.toLowerCase().replaceAll('_', '-')).join(', ')}
  --host HOST        127.0.0.1
  --port PORT        a free one
  --latency MS       before each result (0)
  --speed UNITS      megapixel-steps or seconds of sound a second (without limit)
  --slots N          calls worked on at once (1); the others wait, or with --refuse are refused
  --side PIXELS      of pictures asked for without a size (512)
  --failures SHARE   of calls that fail, from 0 to 1 (0)
  --token TOKEN      that callers must bear (none)
`;

const { values } = parseArgs({
  options: {
    protocol: { type: 'string', default: '' },
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    latency: { type: 'string', default: '0' },
    speed: { type: 'string' },
    slots: { type: 'string', default: '1' },
    refuse: { type: 'boolean', default: false },
    side: { type: 'string', default: '512' },
    failures: { type: 'string', default: '0' },
    token: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const protocol = parseProtocolName(values.protocol);
if (protocol === null || values.help) {
  process.stderr.write(USAGE);
  process.exit(values.help ? 0 : 2);
}

const simulator = await createSimulator({
  protocol,
  host: values.host,
  port: numberOf('port', values.port),
  latencyMs: numberOf('latency', values.latency),
  speed: values.speed === undefined ? null : numberOf('speed', values.speed),
  slots: numberOf('slots', values.slots),
  whenFull: values.refuse ? 'refuse' : 'wait',
  side: numberOf('side', values.side),
  failureRate: numberOf('failures', values.failures),
  token: values.token ?? null,
});
process.stdout.write(`${protocol} simulated on ${simulator.url}\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void simulator.close());

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0) return value;
  process.stderr.write(`--${name}: a number of 0 or more, not "${text}"\n`);
  process.exit(2);
}
