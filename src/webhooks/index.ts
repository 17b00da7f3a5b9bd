export { webhookOfTasks } from './endpoints.ts';
