import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import type { StorageLocation } from './artifacts/index.ts';
import { type InputIssue, StartError } from './errors.ts';
import { type KindName, kindNames } from './kinds/index.ts';
import { strategyNames } from './nodes/planner/index.ts';
import { isStorageUrl, storageLocation, storageProblems } from './storage-location.ts';
import { hostPatternProblem } from './urls/index.ts';
import { check } from './validation.ts';

const integer = (min: number, max: number) => z.coerce.number<string>().int().min(min).max(max);

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
);

const hosts = list.superRefine((patterns, context) => {
  for (const message of patterns.map(hostPatternProblem)) {
    if (message !== null) context.addIssue({ code: 'custom', message });
  }
});

const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

/** JSON in a variable, or in the file that it names. */
function json<Schema extends z.ZodType>(schema: Schema) {
  return z.string().transform((text, context): z.output<Schema> => {
    let value: unknown;
    try {
      value = JSON.parse(/^\s*[[{]/.test(text) ? text : readFileSync(text, 'utf8'));
    } catch (error) {
      context.addIssue({
        code: 'custom',
        message: `must be JSON, or the path of a JSON file (${String(error)})`,
      });
      return z.NEVER;
    }
    const checked = check(schema, value);
    if (checked.isValid) return checked.value;
    for (const { path, message } of checked.issues) {
      context.addIssue({ code: 'custom', message, path: path === '' ? [] : [path] });
    }
    return z.NEVER;
  });
}

const kindName = z.enum(kindNames);

const atLeastOne = z.number().int().positive();

const gpuNode = z.strictObject({
  name: z.string().min(1),
  url: z.url({ protocol: /^https?$/ }),
  protocol: z.string().min(1),
  slots: z.number().int().min(1).max(1000).default(1),
  offers: z.array(z.strictObject({ kind: kindName, models: z.array(z.string().min(1)).min(1) })).min(1),
  token: z.string().min(1).optional(),
});

const tier = z
  .strictObject({
    waiting: z.number().int().positive().nullable(),
    perSecond: z.number().positive().nullable(),
    burst: z.number().int().positive(),
    maxPriority: z.enum(['LOW', 'NORMAL', 'HIGH', 'URGENT']),
    weight: z.number().min(0.01).max(1_000),
    concurrency: z.number().int().positive().nullable(),
    storageMb: z.number().int().positive().nullable(),
  })
  .partial();

/** Every variable that Switchyard reads. `.env.example` documents them, in this order. */
export const environment = z.object({
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/, error: 'must be like postgresql://user:password@host:5432/database' })
    .optional(),
  DATA_DIR: z.string().default('.data'),
  HOST: z.string().default('127.0.0.1'),
  PORT: integer(0, 65_535).default(4000),
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  CORS_ORIGINS: list.default([]),
  TRUST_PROXY: flag.default(false),
  LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  JWT_SECRET: z.string().min(32).optional(),
  // As much as an Authorization header can bear.
  ADMIN_KEY: z
    .string()
    .regex(
      /^[\x21-\x7e]{24,}$/,
      'must have at least 24 characters, all of them printable ASCII, without spaces',
    )
    .optional(),
  REGISTRATION: z.enum(['open', 'closed']).default('open'),
  TIERS: json(z.strictObject({ FREE: tier, PRO: tier, VIP: tier }).partial()).default({}),
  GPU_NODES: json(z.array(gpuNode)).default([]),
  DEFAULT_MODELS: json(z.partialRecord(kindName, z.string().min(1))).default({}),
  ROUTING_STRATEGY: z.enum(strategyNames).default('earliest-completion'),
  HEALTH_CHECK_INTERVAL_MS: integer(100, 3_600_000).default(15_000),
  NODE_LEASE_MS: integer(1_000, 3_600_000).default(30_000),
  NODE_ALLOW_HOSTS: hosts.default([]),
  WORKER_CONCURRENCY: integer(1, 10_000).default(256),
  KIND_CONCURRENCY: json(z.partialRecord(kindName, atLeastOne)).default({}),
  KIND_LIMITS: json(z.partialRecord(kindName, atLeastOne)).default({}),
  MODEL_LIMITS: json(z.record(z.string().min(1), atLeastOne)).default({}),
  WORKER_LEASE_MS: integer(1_000, 15_000).default(15_000),
  QUEUE_CAPACITY: integer(1, 100_000_000).default(100_000),
  MAX_JSON_BYTES: integer(10_000, 100_000_000).default(16 * 1024 * 1024),
  MAX_UPLOAD_BYTES: integer(1, 2_000_000_000).default(100_000_000),
  URL_ALLOW_HOSTS: hosts.default([]),
  STORAGE_URL: z
    .string()
    .refine(
      isStorageUrl,
      'must be a folder, such as file:/var/lib/switchyard/artifacts, or a bucket, such as s3://switchyard/prefix',
    )
    .optional(),
  S3_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  S3_PUBLIC_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  S3_REGION: z.string().optional(),
  S3_PATH_STYLE: flag.optional(),
  S3_ACCESS_KEY_ID: z.string().optional(),
  S3_SECRET_ACCESS_KEY: z.string().optional(),
  WORKFLOWS_DIR: z.string().optional(),
  TASK_RETENTION_DAYS: integer(1, 36_500).default(30),
  WEBHOOK_LOG_DAYS: integer(1, 36_500).default(14),
  DRAIN_TIMEOUT_MS: integer(0, 3_600_000).default(10_000),
  MIGRATE_AT_START: flag.default(true),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
});

export type Role = 'all' | 'api' | 'worker';
type Environment = z.infer<typeof environment>;
export type GpuNodeEntry = z.infer<typeof gpuNode>;

export interface Config {
  readonly role: Role;
  /** Null: the embedded PostgreSQL under `dataDir`. */
  readonly databaseUrl: string | null;
  readonly dataDir: string;
  readonly host: string;
  readonly port: number;
  /** Null: made from the address that the server is bound to. */
  readonly publicUrl: string | null;
  readonly corsOrigins: readonly string[];
  readonly trustProxy: boolean;
  readonly logLevel: Environment['LOG_LEVEL'];
  /** Null: kept under `dataDir`, made at the first start. */
  readonly jwtSecret: string | null;
  readonly adminKey: string | null;
  readonly registration: 'open' | 'closed';
  readonly tiers: Environment['TIERS'];
  readonly gpuNodes: readonly GpuNodeEntry[];
  readonly defaultModels: Readonly<Partial<Record<KindName, string>>>;
  readonly routingStrategy: Environment['ROUTING_STRATEGY'];
  readonly healthCheckIntervalMs: number;
  readonly nodeLeaseMs: number;
  readonly nodeAllowHosts: readonly string[];
  readonly workerConcurrency: number;
  /** Of each worker process. */
  readonly kindConcurrency: Readonly<Partial<Record<KindName, number>>>;
  /** In the whole system. */
  readonly concurrencyLimits: {
    readonly kinds: Readonly<Partial<Record<KindName, number>>>;
    readonly models: Readonly<Record<string, number>>;
  };
  readonly leaseMs: number;
  readonly queueCapacity: number;
  readonly maxJsonBytes: number;
  readonly maxUploadBytes: number;
  readonly urlAllowHosts: readonly string[];
  readonly storage: StorageLocation;
  /** Need not be there. */
  readonly workflowsDir: string;
  readonly taskRetentionDays: number;
  readonly webhookLogDays: number;
  readonly drainTimeoutMs: number;
  readonly migrateAtStart: boolean;
  /** Null: no traces. */
  readonly otlpEndpoint: string | null;
}

/** All that is wrong with the configuration, one line each. */
export class ConfigError extends StartError {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** What is wrong with variables: the first part of a path is the name of one. */
export function configError(issues: readonly InputIssue[]): ConfigError {
  return new ConfigError(issues.map(({ path, message }) => `${path}: ${message}`));
}

function together(env: Environment, role: Role): string[] {
  const problems = storageProblems(env);
  if (env.DATABASE_URL !== undefined && env.JWT_SECRET === undefined) {
    problems.push('JWT_SECRET: needed with DATABASE_URL; every process must have the same one');
  }
  if (env.DATABASE_URL === undefined && role !== 'all') {
    problems.push(`DATABASE_URL: needed with --role ${role}; the embedded database serves one process only`);
  }
  const names = env.GPU_NODES.map((node) => node.name);
  for (const [n, name] of names.entries()) {
    if (names.indexOf(name) !== n) problems.push(`GPU_NODES.${n}.name: "${name}" is there twice`);
  }
  return problems;
}

/**
 * Reads the configuration from environment variables; an empty variable is none.
 * @throws ConfigError with everything that is wrong
 */
export function loadConfig(variables: NodeJS.ProcessEnv, role: Role = 'all'): Config {
  const given = Object.fromEntries(Object.entries(variables).filter(([, value]) => value !== ''));
  const checked = check(environment, given);
  if (!checked.isValid) throw configError(checked.issues);
  const env = checked.value;
  const problems = together(env, role);
  if (problems.length > 0) throw new ConfigError(problems);
  const dataDir = path.resolve(env.DATA_DIR);
  return {
    role,
    databaseUrl: env.DATABASE_URL ?? null,
    dataDir,
    host: env.HOST,
    port: env.PORT,
    publicUrl: env.PUBLIC_URL ?? null,
    corsOrigins: env.CORS_ORIGINS,
    trustProxy: env.TRUST_PROXY,
    logLevel: env.LOG_LEVEL,
    jwtSecret: env.JWT_SECRET ?? null,
    adminKey: env.ADMIN_KEY ?? null,
    registration: env.REGISTRATION,
    tiers: env.TIERS,
    gpuNodes: env.GPU_NODES,
    defaultModels: env.DEFAULT_MODELS,
    routingStrategy: env.ROUTING_STRATEGY,
    healthCheckIntervalMs: env.HEALTH_CHECK_INTERVAL_MS,
    nodeLeaseMs: env.NODE_LEASE_MS,
    nodeAllowHosts: env.NODE_ALLOW_HOSTS,
    workerConcurrency: env.WORKER_CONCURRENCY,
    kindConcurrency: env.KIND_CONCURRENCY,
    concurrencyLimits: { kinds: env.KIND_LIMITS, models: env.MODEL_LIMITS },
    leaseMs: env.WORKER_LEASE_MS,
    queueCapacity: env.QUEUE_CAPACITY,
    maxJsonBytes: env.MAX_JSON_BYTES,
    maxUploadBytes: env.MAX_UPLOAD_BYTES,
    urlAllowHosts: env.URL_ALLOW_HOSTS,
    storage: storageLocation(env, dataDir),
    workflowsDir: path.resolve(env.WORKFLOWS_DIR ?? path.join(dataDir, 'workflows')),
    taskRetentionDays: env.TASK_RETENTION_DAYS,
    webhookLogDays: env.WEBHOOK_LOG_DAYS,
    drainTimeoutMs: env.DRAIN_TIMEOUT_MS,
    migrateAtStart: env.MIGRATE_AT_START,
    otlpEndpoint: env.OTEL_EXPORTER_OTLP_ENDPOINT ?? null,
  };
}

/** Lays the variables of `.env`, where there is one, under those of the process. */
export function withEnvFile(variables: NodeJS.ProcessEnv, file = '.env'): NodeJS.ProcessEnv {
  return existsSync(file) ? { ...parseEnv(readFileSync(file, 'utf8')), ...variables } : variables;
}
