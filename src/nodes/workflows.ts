import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { StartError } from '../errors.ts';
import { type KindName, kindNames, kindOf, queueLabel } from '../kinds/index.ts';
import { type Workflow, workflowFor } from './protocols/index.ts';

/** The workflows of the configuration, for nodes that run such. */
export interface Workflows {
  /** As `KIND/MODEL`, sorted. */
  readonly names: readonly string[];
  find(kind: KindName, model: string): Workflow | null;
}

const EXTENSION = '.json';

/**
 * Reads every `KIND/MODEL.json` below a folder: `text-to-image/flux-dev.json`. A model's name may have slashes.
 * @throws StartError with all that is wrong
 */
export async function loadWorkflows(folder: string): Promise<Workflows> {
  const workflows = new Map<string, Workflow>();
  const problems: string[] = [];
  for (const file of await filesBelow(folder)) {
    const name = file.split(path.sep).join('/');
    const read = await readWorkflow(folder, name);
    if (typeof read === 'string') problems.push(`${name}: ${read}`);
    else workflows.set(name.slice(0, -EXTENSION.length), read);
  }
  if (problems.length > 0) {
    throw new StartError(`These workflows in ${folder} can't be used:\n  ${problems.join('\n  ')}`);
  }
  return {
    names: [...workflows.keys()],
    find: (kind, model) => workflows.get(queueLabel(kind, model)) ?? null,
  };
}

async function filesBelow(folder: string): Promise<string[]> {
  try {
    const files = await readdir(folder, { recursive: true });
    return files.filter((file) => file.endsWith(EXTENSION)).sort();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw new StartError(`WORKFLOWS_DIR: ${folder} can't be read (${String(error)})`);
  }
}

/** The workflow, or what is wrong with the file. */
async function readWorkflow(folder: string, name: string): Promise<Workflow | string> {
  const slugs = kindNames.filter((kind) => workflowFor(kind) !== null).map((kind) => kindOf(kind).slug);
  const [slug] = name.split('/');
  const kind = kindNames.find((one) => kindOf(one).slug === slug);
  const shape = kind === undefined ? null : workflowFor(kind);
  if (shape === null) return `must be in a folder named after a kind: ${slugs.join(', ')}`;
  try {
    const parsed = shape.safeParse(JSON.parse(await readFile(path.join(folder, name), 'utf8')));
    if (parsed.success) return parsed.data;
    return parsed.error.issues.map((issue) => [...issue.path, issue.message].join(' ')).join('; ');
  } catch (error) {
    return `is no JSON (${String(error)})`;
  }
}
