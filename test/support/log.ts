import { createLog } from '../../src/log.ts';

/** Silent unless TEST_LOG names a level. */
export const testLog = createLog(process.env.TEST_LOG ?? 'silent');
