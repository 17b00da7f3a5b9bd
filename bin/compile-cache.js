import module from 'node:module';
import { fileURLToPath } from 'node:url';

// Where the folder cannot be written to, starts are slower, and nothing else. An older Node.js has no such cache.
module.enableCompileCache?.(fileURLToPath(new URL('../node_modules/.cache/switchyard', import.meta.url)));
