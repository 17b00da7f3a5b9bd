// Plain JavaScript, since only what is loaded after this is kept as compiled, and TypeScript takes the longest.
import './compile-cache.js';

await import('../src/main.ts');
