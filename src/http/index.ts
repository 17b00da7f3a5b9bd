export type { ApiLimits } from './api.ts';
export { createHttpServer, type HttpConfig, type HttpServer } from './server.ts';
