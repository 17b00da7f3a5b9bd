export {
  createUrlGuard,
  ForbiddenUrlError,
  forbiddenCause,
  type UrlGuard,
  type UrlGuardOptions,
} from './guard.ts';
export { createHosts, type Hosts, hostPatternProblem } from './hosts.ts';
export { MAX_REDIRECTS, redirectOf } from './redirect.ts';
