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
  /** Is shown what the command says while it runs. */
  readonly heard?: (stderr: string) => void;
  /** Is shown what the command answers while it runs. */
  readonly printed?: (stdout: string) => void;
}

/** Runs `switchyard` with these arguments, in this process, on an environment of its own. */
export async function switchyard(
  args: readonly string[],
  { env = {}, stdin = '', signal = new AbortController().signal, heard, printed }: RunOptions = {},
): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  async function* typed() {
    yield stdin;
  }
  const code = await run(args, {
    env,
    stdin: typed(),
    stdout: {
      write(text) {
        stdout += text;
        printed?.(stdout);
      },
    },
    stderr: {
      write(text) {
        stderr += text;
        heard?.(stderr);
      },
    },
    signal,
  });
  return { code, stdout, stderr };
}
