import { run } from '../../src/cli/run.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly stdin?: string;
  readonly signal?: AbortSignal;
}

/** Runs `switchyard` with these arguments, in this process, on an environment of its own. */
export async function switchyard(
  args: readonly string[],
  { env = {}, stdin = '', signal = new AbortController().signal }: RunOptions = {},
): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  async function* typed() {
    yield stdin;
  }
  const code = await run(args, {
    env,
    stdin: typed(),
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    signal,
  });
  return { code, stdout, stderr };
}
