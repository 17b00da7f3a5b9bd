import { enableCompileCache } from 'node:module';
import path from 'node:path';

/**
 * Keeps what Node.js compiles of the modules that are loaded from now on: most of a start would be compiling
 * them anew. Where the folder cannot be written to, starts are slower, and nothing else.
 */
export function keepCompiledCode(): void {
  enableCompileCache(path.join(import.meta.dirname, '../node_modules/.cache/switchyard'));
}
