export { createHttpServer, type HttpConfig, type HttpLimits, type HttpServer } from './server.ts';
