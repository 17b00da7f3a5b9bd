/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
/** REMOVED_FROM_QUEUE: it never ran again. STOPPED_ON_NODE: the node confirmed, or its protocol stops on disconnect. ABANDONED: the node works on; its answer is dropped and its slot stays taken until it is free. */
export type CancelOutcome =
  | 'ABANDONED'
  | 'REMOVED_FROM_QUEUE'
  | 'STOPPED_ON_NODE';

/** Any other model: a JSON payload for the type that nodes offer as a model of the kind CUSTOM */
export type CustomInput = {
  /** What the model takes, as it is; up to 256 KiB, nested up to 32 deep */
  payload: unknown;
  /** The name of the model */
  type: string;
};

export type ErrorCode =
  | 'ALREADY_EXISTS'
  | 'BAD_USER_INPUT'
  | 'IDEMPOTENCY_CONFLICT'
  | 'INVALID_CREDENTIALS'
  | 'INVALID_STATE'
  | 'NOT_FOUND'
  | 'NO_SUCH_MODEL'
  | 'QUEUE_FULL'
  | 'QUOTA_EXCEEDED'
  | 'RATE_LIMITED';

export type MediaSource =
  {   artifactId: string; pcm?: never; upload?: never; url?: never; }
  |  { artifactId?: never;   pcm: PcmInput; upload?: never; url?: never; }
  |  { artifactId?: never; pcm?: never;   upload: Blob; url?: never; }
  |  { artifactId?: never; pcm?: never; upload?: never;   url: string; };

export type NodeProtocol =
  | 'COG'
  | 'FAST_WHISPER'
  | 'JSON'
  | 'OPENAI'
  | 'QWEN_IMAGE_GGUF'
  | 'SD_CPP'
  | 'WHISPER_CPP';

export type NodeStatus =
  | 'DRAINED'
  | 'DRAINING'
  | 'HEALTHY'
  | 'REMOVED'
  | 'UNHEALTHY';

/** Raw signed 16-bit little-endian samples */
export type PcmInput = {
  channels?: number | null | undefined;
  data: Blob;
  sampleRate: number;
};

export type Role =
  | 'ADMIN'
  | 'OPERATOR'
  | 'USER';

export type SpeechToTextInput = {
  audio: MediaSource;
  language?: string | null | undefined;
  model?: string | null | undefined;
  prompt?: string | null | undefined;
  timestamps?: boolean | null | undefined;
};

export type SubmitTaskInput = {
  /** No attempt starts after it */
  deadline?: string | null | undefined;
  /** Same key and input from the same caller: the same task */
  idempotencyKey?: string | null | undefined;
  labels?: Record<string, unknown> | null | undefined;
  maxAttempts?: number | null | undefined;
  /** Lowered to what the caller's tier allows; Task.priority shows what holds */
  priority?: TaskPriority | null | undefined;
  startAt?: string | null | undefined;
  task: TaskSpec;
  /** Of one attempt. Default by kind: pictures 120,000 */
  timeoutMs?: number | null | undefined;
  /** Hold the answer until the task is final or this long; at most 60,000 */
  waitMs?: number | null | undefined;
};

export type TaskErrorCode =
  | 'BAD_NODE_ANSWER'
  | 'DEADLINE_EXCEEDED'
  | 'INPUT_UNAVAILABLE'
  | 'INTERNAL_ERROR'
  | 'NODE_ERROR'
  | 'NODE_REJECTED'
  | 'NODE_UNREACHABLE'
  | 'STORAGE_ERROR'
  | 'TIMED_OUT'
  | 'WORKER_LOST';

export type TaskEventType =
  | 'CANCELED'
  | 'FAILED'
  | 'RELEASED'
  | 'RETRIED'
  | 'RETRYING'
  | 'STARTED'
  | 'SUBMITTED'
  | 'SUCCEEDED';

export type TaskKind =
  | 'CUSTOM'
  | 'SPEECH_TO_TEXT'
  | 'TEXT_TO_IMAGE';

export type TaskOrder =
  | 'NEWEST'
  | 'OLDEST';

export type TaskPriority =
  | 'HIGH'
  | 'LOW'
  | 'NORMAL'
  | 'URGENT';

export type TaskSpec =
  {   custom: CustomInput; speechToText?: never; textToImage?: never; }
  |  { custom?: never;   speechToText: SpeechToTextInput; textToImage?: never; }
  |  { custom?: never; speechToText?: never;   textToImage: TextToImageInput; };

export type TaskStatus =
  | 'CANCELED'
  | 'FAILED'
  | 'QUEUED'
  | 'RUNNING'
  | 'SCHEDULED'
  | 'SUCCEEDED';

export type TaskWhere = {
  createdAfter?: string | null | undefined;
  createdBefore?: string | null | undefined;
  kind?: Array<TaskKind> | null | undefined;
  labels?: Record<string, unknown> | null | undefined;
  model?: Array<string> | null | undefined;
  status?: Array<TaskStatus> | null | undefined;
  userId?: string | null | undefined;
};

/** Limits: prompt 1 to 10,000 characters; width and height 16 to 4,096; steps 1 to 200; count 1 to 8 */
export type TextToImageInput = {
  count?: number | null | undefined;
  guidanceScale?: number | null | undefined;
  height?: number | null | undefined;
  model?: string | null | undefined;
  negativePrompt?: string | null | undefined;
  prompt: string;
  seed?: number | null | undefined;
  steps?: number | null | undefined;
  width?: number | null | undefined;
};

export type Tier =
  | 'FREE'
  | 'PRO'
  | 'VIP';

export type UserFragment = { id: string, username: string, role: Role, tier: Tier, disabled: boolean, createdAt: string };

export type MeQueryVariables = Exact<{ [key: string]: never; }>;


export type MeQuery = { me: { id: string, username: string, role: Role, tier: Tier, disabled: boolean, createdAt: string } | null };

type Problem_AlreadyExistsError_Fragment = { __typename: 'AlreadyExistsError', code: ErrorCode, message: string };

type Problem_IdempotencyConflictError_Fragment = { __typename: 'IdempotencyConflictError', code: ErrorCode, message: string, task: { id: string } };

type Problem_InvalidCredentialsError_Fragment = { __typename: 'InvalidCredentialsError', code: ErrorCode, message: string };

type Problem_InvalidInputError_Fragment = { __typename: 'InvalidInputError', code: ErrorCode, message: string, issues: Array<{ path: string, message: string }> };

type Problem_InvalidStateError_Fragment = { __typename: 'InvalidStateError', code: ErrorCode, message: string, state: string };

type Problem_NoSuchModelError_Fragment = { __typename: 'NoSuchModelError', nearest: Array<string>, code: ErrorCode, message: string };

type Problem_NotFoundError_Fragment = { __typename: 'NotFoundError', code: ErrorCode, message: string };

type Problem_QueueFullError_Fragment = { __typename: 'QueueFullError', retryAfterMs: number, code: ErrorCode, message: string };

type Problem_QuotaExceededError_Fragment = { __typename: 'QuotaExceededError', limit: number, code: ErrorCode, message: string };

type Problem_RateLimitedError_Fragment = { __typename: 'RateLimitedError', retryAfterMs: number, code: ErrorCode, message: string };

export type ProblemFragment =
  | Problem_AlreadyExistsError_Fragment
  | Problem_IdempotencyConflictError_Fragment
  | Problem_InvalidCredentialsError_Fragment
  | Problem_InvalidInputError_Fragment
  | Problem_InvalidStateError_Fragment
  | Problem_NoSuchModelError_Fragment
  | Problem_NotFoundError_Fragment
  | Problem_QueueFullError_Fragment
  | Problem_QuotaExceededError_Fragment
  | Problem_RateLimitedError_Fragment
;

export type GpuNodeFragment = { id: string, name: string, url: string | null, protocol: NodeProtocol | null, status: NodeStatus | null, slots: number | null, busySlots: number | null, speed: number | null, failures: number | null, lastSeenAt: string | null, offers: Array<{ kind: TaskKind, models: Array<string> }> | null };

export type ListNodesQueryVariables = Exact<{ [key: string]: never; }>;


export type ListNodesQuery = { gpuNodes: Array<{ id: string, name: string, url: string | null, protocol: NodeProtocol | null, status: NodeStatus | null, slots: number | null, busySlots: number | null, speed: number | null, failures: number | null, lastSeenAt: string | null, offers: Array<{ kind: TaskKind, models: Array<string> }> | null }> };

export type ListModelsQueryVariables = Exact<{ [key: string]: never; }>;


export type ListModelsQuery = { models: Array<{ kind: TaskKind, name: string, isDefault: boolean, slots: number, freeSlots: number }> };

export type RemoveNodeMutationVariables = Exact<{
  id: string;
}>;


export type RemoveNodeMutation = { removeNode:
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
    | { __typename: 'RemoveNodePayload', id: string }
   };

export type ArtifactFragment = { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string };

type Result_CustomResult_Fragment = { __typename: 'CustomResult', value: unknown, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> };

type Result_ImageResult_Fragment = { __typename: 'ImageResult', seed: number | null, images: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> };

type Result_TranscriptResult_Fragment = { __typename: 'TranscriptResult', text: string, language: string | null, durationSeconds: number | null, segments: Array<{ startSeconds: number, endSeconds: number, text: string }> };

export type ResultFragment =
  | Result_CustomResult_Fragment
  | Result_ImageResult_Fragment
  | Result_TranscriptResult_Fragment
;

export type TaskFragment = { __typename: 'Task', id: string, kind: TaskKind, model: string, queue: string, status: TaskStatus, priority: TaskPriority, version: number, input: Record<string, unknown>, labels: Record<string, unknown>, progress: number | null, progressMessage: string | null, queuePosition: number | null, attempt: number, maxAttempts: number, gpuSeconds: number, startAt: string | null, deadline: string | null, createdAt: string, startedAt: string | null, finishedAt: string | null, updatedAt: string, queuedMs: number | null, runningMs: number | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null, result:
    | { __typename: 'CustomResult', value: unknown, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
    | { __typename: 'ImageResult', seed: number | null, images: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
    | { __typename: 'TranscriptResult', text: string, language: string | null, durationSeconds: number | null, segments: Array<{ startSeconds: number, endSeconds: number, text: string }> }
   | null, gpuNode: { id: string, name: string } | null };

export type TaskEventFragment = { version: number, type: TaskEventType, status: TaskStatus, attempt: number, at: string, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null };

export type GetTaskQueryVariables = Exact<{
  id: string;
}>;


export type GetTaskQuery = { task: { __typename: 'Task', id: string, kind: TaskKind, model: string, queue: string, status: TaskStatus, priority: TaskPriority, version: number, input: Record<string, unknown>, labels: Record<string, unknown>, progress: number | null, progressMessage: string | null, queuePosition: number | null, attempt: number, maxAttempts: number, gpuSeconds: number, startAt: string | null, deadline: string | null, createdAt: string, startedAt: string | null, finishedAt: string | null, updatedAt: string, queuedMs: number | null, runningMs: number | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null, result:
      | { __typename: 'CustomResult', value: unknown, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
      | { __typename: 'ImageResult', seed: number | null, images: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
      | { __typename: 'TranscriptResult', text: string, language: string | null, durationSeconds: number | null, segments: Array<{ startSeconds: number, endSeconds: number, text: string }> }
     | null, gpuNode: { id: string, name: string } | null } | null };

export type ListTasksQueryVariables = Exact<{
  where?: TaskWhere | null | undefined;
  orderBy?: TaskOrder | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type ListTasksQuery = { tasks: { edges: Array<{ node: { __typename: 'Task', id: string, kind: TaskKind, model: string, queue: string, status: TaskStatus, priority: TaskPriority, version: number, input: Record<string, unknown>, labels: Record<string, unknown>, progress: number | null, progressMessage: string | null, queuePosition: number | null, attempt: number, maxAttempts: number, gpuSeconds: number, startAt: string | null, deadline: string | null, createdAt: string, startedAt: string | null, finishedAt: string | null, updatedAt: string, queuedMs: number | null, runningMs: number | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null, result:
          | { __typename: 'CustomResult', value: unknown, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
          | { __typename: 'ImageResult', seed: number | null, images: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
          | { __typename: 'TranscriptResult', text: string, language: string | null, durationSeconds: number | null, segments: Array<{ startSeconds: number, endSeconds: number, text: string }> }
         | null, gpuNode: { id: string, name: string } | null } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type SubmitTaskMutationVariables = Exact<{
  input: SubmitTaskInput;
}>;


export type SubmitTaskMutation = { submitTask:
    | { __typename: 'IdempotencyConflictError', code: ErrorCode, message: string, task: { id: string } }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, issues: Array<{ path: string, message: string }> }
    | { __typename: 'NoSuchModelError', nearest: Array<string>, code: ErrorCode, message: string }
    | { __typename: 'QueueFullError', retryAfterMs: number, code: ErrorCode, message: string }
    | { __typename: 'QuotaExceededError', limit: number, code: ErrorCode, message: string }
    | { __typename: 'RateLimitedError', retryAfterMs: number, code: ErrorCode, message: string }
    | { __typename: 'Task', id: string, kind: TaskKind, model: string, queue: string, status: TaskStatus, priority: TaskPriority, version: number, input: Record<string, unknown>, labels: Record<string, unknown>, progress: number | null, progressMessage: string | null, queuePosition: number | null, attempt: number, maxAttempts: number, gpuSeconds: number, startAt: string | null, deadline: string | null, createdAt: string, startedAt: string | null, finishedAt: string | null, updatedAt: string, queuedMs: number | null, runningMs: number | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null, result:
        | { __typename: 'CustomResult', value: unknown, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
        | { __typename: 'ImageResult', seed: number | null, images: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
        | { __typename: 'TranscriptResult', text: string, language: string | null, durationSeconds: number | null, segments: Array<{ startSeconds: number, endSeconds: number, text: string }> }
       | null, gpuNode: { id: string, name: string } | null }
   };

export type CancelTaskMutationVariables = Exact<{
  id: string;
}>;


export type CancelTaskMutation = { cancelTask:
    | { __typename: 'CancelTaskPayload', outcome: CancelOutcome, task: { __typename: 'Task', id: string, kind: TaskKind, model: string, queue: string, status: TaskStatus, priority: TaskPriority, version: number, input: Record<string, unknown>, labels: Record<string, unknown>, progress: number | null, progressMessage: string | null, queuePosition: number | null, attempt: number, maxAttempts: number, gpuSeconds: number, startAt: string | null, deadline: string | null, createdAt: string, startedAt: string | null, finishedAt: string | null, updatedAt: string, queuedMs: number | null, runningMs: number | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null, result:
          | { __typename: 'CustomResult', value: unknown, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
          | { __typename: 'ImageResult', seed: number | null, images: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
          | { __typename: 'TranscriptResult', text: string, language: string | null, durationSeconds: number | null, segments: Array<{ startSeconds: number, endSeconds: number, text: string }> }
         | null, gpuNode: { id: string, name: string } | null } }
    | { __typename: 'InvalidStateError', code: ErrorCode, message: string, state: string }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
   };

export type RetryTaskMutationVariables = Exact<{
  id: string;
}>;


export type RetryTaskMutation = { retryTask:
    | { __typename: 'InvalidStateError', code: ErrorCode, message: string, state: string }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
    | { __typename: 'Task', id: string, kind: TaskKind, model: string, queue: string, status: TaskStatus, priority: TaskPriority, version: number, input: Record<string, unknown>, labels: Record<string, unknown>, progress: number | null, progressMessage: string | null, queuePosition: number | null, attempt: number, maxAttempts: number, gpuSeconds: number, startAt: string | null, deadline: string | null, createdAt: string, startedAt: string | null, finishedAt: string | null, updatedAt: string, queuedMs: number | null, runningMs: number | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null, result:
        | { __typename: 'CustomResult', value: unknown, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
        | { __typename: 'ImageResult', seed: number | null, images: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
        | { __typename: 'TranscriptResult', text: string, language: string | null, durationSeconds: number | null, segments: Array<{ startSeconds: number, endSeconds: number, text: string }> }
       | null, gpuNode: { id: string, name: string } | null }
   };

export type DeleteTaskMutationVariables = Exact<{
  id: string;
}>;


export type DeleteTaskMutation = { deleteTask:
    | { __typename: 'DeleteTaskPayload', id: string }
    | { __typename: 'InvalidStateError', code: ErrorCode, message: string, state: string }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
   };

export type WatchTaskSubscriptionVariables = Exact<{
  id: string;
}>;


export type WatchTaskSubscription = { taskUpdated: { __typename: 'Task', id: string, kind: TaskKind, model: string, queue: string, status: TaskStatus, priority: TaskPriority, version: number, input: Record<string, unknown>, labels: Record<string, unknown>, progress: number | null, progressMessage: string | null, queuePosition: number | null, attempt: number, maxAttempts: number, gpuSeconds: number, startAt: string | null, deadline: string | null, createdAt: string, startedAt: string | null, finishedAt: string | null, updatedAt: string, queuedMs: number | null, runningMs: number | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null, result:
      | { __typename: 'CustomResult', value: unknown, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
      | { __typename: 'ImageResult', seed: number | null, images: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
      | { __typename: 'TranscriptResult', text: string, language: string | null, durationSeconds: number | null, segments: Array<{ startSeconds: number, endSeconds: number, text: string }> }
     | null, gpuNode: { id: string, name: string } | null } };

export type WatchTaskEventsSubscriptionVariables = Exact<{
  id: string;
  after: number;
}>;


export type WatchTaskEventsSubscription = { taskEvents: { version: number, type: TaskEventType, status: TaskStatus, attempt: number, at: string, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null } };

export class TypedDocumentString<TResult, TVariables>
  extends String
  implements DocumentTypeDecoration<TResult, TVariables>
{
  __apiType?: NonNullable<DocumentTypeDecoration<TResult, TVariables>['__apiType']>;
  private value: string;
  public __meta__?: Record<string, any> | undefined;

  constructor(value: string, __meta__?: Record<string, any> | undefined) {
    super(value);
    this.value = value;
    this.__meta__ = __meta__;
  }

  override toString(): string & DocumentTypeDecoration<TResult, TVariables> {
    return this.value;
  }
}
export const UserFragmentDoc = new TypedDocumentString(`
    fragment User on User {
  id
  username
  role
  tier
  disabled
  createdAt
}
    `, {"fragmentName":"User"}) as unknown as TypedDocumentString<UserFragment, unknown>;
export const ProblemFragmentDoc = new TypedDocumentString(`
    fragment Problem on Error {
  __typename
  code
  message
  ... on InvalidInputError {
    issues {
      path
      message
    }
  }
  ... on InvalidStateError {
    state: status
  }
  ... on IdempotencyConflictError {
    task {
      id
    }
  }
  ... on NoSuchModelError {
    nearest
  }
  ... on QueueFullError {
    retryAfterMs
  }
  ... on QuotaExceededError {
    limit
  }
  ... on RateLimitedError {
    retryAfterMs
  }
}
    `, {"fragmentName":"Problem"}) as unknown as TypedDocumentString<ProblemFragment, unknown>;
export const GpuNodeFragmentDoc = new TypedDocumentString(`
    fragment GpuNode on GpuNode {
  id
  name
  url
  protocol
  status
  slots
  busySlots
  offers {
    kind
    models
  }
  speed
  failures
  lastSeenAt
}
    `, {"fragmentName":"GpuNode"}) as unknown as TypedDocumentString<GpuNodeFragment, unknown>;
export const ArtifactFragmentDoc = new TypedDocumentString(`
    fragment Artifact on Artifact {
  id
  url
  mimeType
  sizeBytes
  sha256
  width
  height
  durationSeconds
  createdAt
}
    `, {"fragmentName":"Artifact"}) as unknown as TypedDocumentString<ArtifactFragment, unknown>;
export const ResultFragmentDoc = new TypedDocumentString(`
    fragment Result on TaskResult {
  __typename
  ... on ImageResult {
    seed
    images {
      ...Artifact
    }
  }
  ... on CustomResult {
    value
    files {
      ...Artifact
    }
  }
  ... on TranscriptResult {
    text
    language
    durationSeconds
    segments {
      startSeconds
      endSeconds
      text
    }
  }
}
    fragment Artifact on Artifact {
  id
  url
  mimeType
  sizeBytes
  sha256
  width
  height
  durationSeconds
  createdAt
}`, {"fragmentName":"Result"}) as unknown as TypedDocumentString<ResultFragment, unknown>;
export const TaskFragmentDoc = new TypedDocumentString(`
    fragment Task on Task {
  __typename
  id
  kind
  model
  queue
  status
  priority
  version
  input
  labels
  progress
  progressMessage
  queuePosition
  attempt
  maxAttempts
  error {
    code
    message
    retryable
    attempt
  }
  result {
    ...Result
  }
  gpuNode {
    id
    name
  }
  gpuSeconds
  startAt
  deadline
  createdAt
  startedAt
  finishedAt
  updatedAt
  queuedMs
  runningMs
}
    fragment Artifact on Artifact {
  id
  url
  mimeType
  sizeBytes
  sha256
  width
  height
  durationSeconds
  createdAt
}
fragment Result on TaskResult {
  __typename
  ... on ImageResult {
    seed
    images {
      ...Artifact
    }
  }
  ... on CustomResult {
    value
    files {
      ...Artifact
    }
  }
  ... on TranscriptResult {
    text
    language
    durationSeconds
    segments {
      startSeconds
      endSeconds
      text
    }
  }
}`, {"fragmentName":"Task"}) as unknown as TypedDocumentString<TaskFragment, unknown>;
export const TaskEventFragmentDoc = new TypedDocumentString(`
    fragment TaskEvent on TaskEvent {
  version
  type
  status
  attempt
  at
  error {
    code
    message
    retryable
    attempt
  }
}
    `, {"fragmentName":"TaskEvent"}) as unknown as TypedDocumentString<TaskEventFragment, unknown>;
export const MeDocument = new TypedDocumentString(`
    query Me {
  me {
    ...User
  }
}
    fragment User on User {
  id
  username
  role
  tier
  disabled
  createdAt
}`) as unknown as TypedDocumentString<MeQuery, MeQueryVariables>;
export const ListNodesDocument = new TypedDocumentString(`
    query ListNodes {
  gpuNodes {
    ...GpuNode
  }
}
    fragment GpuNode on GpuNode {
  id
  name
  url
  protocol
  status
  slots
  busySlots
  offers {
    kind
    models
  }
  speed
  failures
  lastSeenAt
}`) as unknown as TypedDocumentString<ListNodesQuery, ListNodesQueryVariables>;
export const ListModelsDocument = new TypedDocumentString(`
    query ListModels {
  models {
    kind
    name
    isDefault
    slots
    freeSlots
  }
}
    `) as unknown as TypedDocumentString<ListModelsQuery, ListModelsQueryVariables>;
export const RemoveNodeDocument = new TypedDocumentString(`
    mutation RemoveNode($id: ID!) {
  removeNode(id: $id) {
    ... on RemoveNodePayload {
      __typename
      id
    }
    ...Problem
  }
}
    fragment Problem on Error {
  __typename
  code
  message
  ... on InvalidInputError {
    issues {
      path
      message
    }
  }
  ... on InvalidStateError {
    state: status
  }
  ... on IdempotencyConflictError {
    task {
      id
    }
  }
  ... on NoSuchModelError {
    nearest
  }
  ... on QueueFullError {
    retryAfterMs
  }
  ... on QuotaExceededError {
    limit
  }
  ... on RateLimitedError {
    retryAfterMs
  }
}`) as unknown as TypedDocumentString<RemoveNodeMutation, RemoveNodeMutationVariables>;
export const GetTaskDocument = new TypedDocumentString(`
    query GetTask($id: ID!) {
  task(id: $id) {
    ...Task
  }
}
    fragment Artifact on Artifact {
  id
  url
  mimeType
  sizeBytes
  sha256
  width
  height
  durationSeconds
  createdAt
}
fragment Result on TaskResult {
  __typename
  ... on ImageResult {
    seed
    images {
      ...Artifact
    }
  }
  ... on CustomResult {
    value
    files {
      ...Artifact
    }
  }
  ... on TranscriptResult {
    text
    language
    durationSeconds
    segments {
      startSeconds
      endSeconds
      text
    }
  }
}
fragment Task on Task {
  __typename
  id
  kind
  model
  queue
  status
  priority
  version
  input
  labels
  progress
  progressMessage
  queuePosition
  attempt
  maxAttempts
  error {
    code
    message
    retryable
    attempt
  }
  result {
    ...Result
  }
  gpuNode {
    id
    name
  }
  gpuSeconds
  startAt
  deadline
  createdAt
  startedAt
  finishedAt
  updatedAt
  queuedMs
  runningMs
}`) as unknown as TypedDocumentString<GetTaskQuery, GetTaskQueryVariables>;
export const ListTasksDocument = new TypedDocumentString(`
    query ListTasks($where: TaskWhere, $orderBy: TaskOrder, $first: Int, $after: String) {
  tasks(where: $where, orderBy: $orderBy, first: $first, after: $after) {
    edges {
      node {
        ...Task
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment Artifact on Artifact {
  id
  url
  mimeType
  sizeBytes
  sha256
  width
  height
  durationSeconds
  createdAt
}
fragment Result on TaskResult {
  __typename
  ... on ImageResult {
    seed
    images {
      ...Artifact
    }
  }
  ... on CustomResult {
    value
    files {
      ...Artifact
    }
  }
  ... on TranscriptResult {
    text
    language
    durationSeconds
    segments {
      startSeconds
      endSeconds
      text
    }
  }
}
fragment Task on Task {
  __typename
  id
  kind
  model
  queue
  status
  priority
  version
  input
  labels
  progress
  progressMessage
  queuePosition
  attempt
  maxAttempts
  error {
    code
    message
    retryable
    attempt
  }
  result {
    ...Result
  }
  gpuNode {
    id
    name
  }
  gpuSeconds
  startAt
  deadline
  createdAt
  startedAt
  finishedAt
  updatedAt
  queuedMs
  runningMs
}`) as unknown as TypedDocumentString<ListTasksQuery, ListTasksQueryVariables>;
export const SubmitTaskDocument = new TypedDocumentString(`
    mutation SubmitTask($input: SubmitTaskInput!) {
  submitTask(input: $input) {
    ...Task
    ...Problem
  }
}
    fragment Problem on Error {
  __typename
  code
  message
  ... on InvalidInputError {
    issues {
      path
      message
    }
  }
  ... on InvalidStateError {
    state: status
  }
  ... on IdempotencyConflictError {
    task {
      id
    }
  }
  ... on NoSuchModelError {
    nearest
  }
  ... on QueueFullError {
    retryAfterMs
  }
  ... on QuotaExceededError {
    limit
  }
  ... on RateLimitedError {
    retryAfterMs
  }
}
fragment Artifact on Artifact {
  id
  url
  mimeType
  sizeBytes
  sha256
  width
  height
  durationSeconds
  createdAt
}
fragment Result on TaskResult {
  __typename
  ... on ImageResult {
    seed
    images {
      ...Artifact
    }
  }
  ... on CustomResult {
    value
    files {
      ...Artifact
    }
  }
  ... on TranscriptResult {
    text
    language
    durationSeconds
    segments {
      startSeconds
      endSeconds
      text
    }
  }
}
fragment Task on Task {
  __typename
  id
  kind
  model
  queue
  status
  priority
  version
  input
  labels
  progress
  progressMessage
  queuePosition
  attempt
  maxAttempts
  error {
    code
    message
    retryable
    attempt
  }
  result {
    ...Result
  }
  gpuNode {
    id
    name
  }
  gpuSeconds
  startAt
  deadline
  createdAt
  startedAt
  finishedAt
  updatedAt
  queuedMs
  runningMs
}`) as unknown as TypedDocumentString<SubmitTaskMutation, SubmitTaskMutationVariables>;
export const CancelTaskDocument = new TypedDocumentString(`
    mutation CancelTask($id: ID!) {
  cancelTask(id: $id) {
    ... on CancelTaskPayload {
      __typename
      outcome
      task {
        ...Task
      }
    }
    ...Problem
  }
}
    fragment Problem on Error {
  __typename
  code
  message
  ... on InvalidInputError {
    issues {
      path
      message
    }
  }
  ... on InvalidStateError {
    state: status
  }
  ... on IdempotencyConflictError {
    task {
      id
    }
  }
  ... on NoSuchModelError {
    nearest
  }
  ... on QueueFullError {
    retryAfterMs
  }
  ... on QuotaExceededError {
    limit
  }
  ... on RateLimitedError {
    retryAfterMs
  }
}
fragment Artifact on Artifact {
  id
  url
  mimeType
  sizeBytes
  sha256
  width
  height
  durationSeconds
  createdAt
}
fragment Result on TaskResult {
  __typename
  ... on ImageResult {
    seed
    images {
      ...Artifact
    }
  }
  ... on CustomResult {
    value
    files {
      ...Artifact
    }
  }
  ... on TranscriptResult {
    text
    language
    durationSeconds
    segments {
      startSeconds
      endSeconds
      text
    }
  }
}
fragment Task on Task {
  __typename
  id
  kind
  model
  queue
  status
  priority
  version
  input
  labels
  progress
  progressMessage
  queuePosition
  attempt
  maxAttempts
  error {
    code
    message
    retryable
    attempt
  }
  result {
    ...Result
  }
  gpuNode {
    id
    name
  }
  gpuSeconds
  startAt
  deadline
  createdAt
  startedAt
  finishedAt
  updatedAt
  queuedMs
  runningMs
}`) as unknown as TypedDocumentString<CancelTaskMutation, CancelTaskMutationVariables>;
export const RetryTaskDocument = new TypedDocumentString(`
    mutation RetryTask($id: ID!) {
  retryTask(id: $id) {
    ...Task
    ...Problem
  }
}
    fragment Problem on Error {
  __typename
  code
  message
  ... on InvalidInputError {
    issues {
      path
      message
    }
  }
  ... on InvalidStateError {
    state: status
  }
  ... on IdempotencyConflictError {
    task {
      id
    }
  }
  ... on NoSuchModelError {
    nearest
  }
  ... on QueueFullError {
    retryAfterMs
  }
  ... on QuotaExceededError {
    limit
  }
  ... on RateLimitedError {
    retryAfterMs
  }
}
fragment Artifact on Artifact {
  id
  url
  mimeType
  sizeBytes
  sha256
  width
  height
  durationSeconds
  createdAt
}
fragment Result on TaskResult {
  __typename
  ... on ImageResult {
    seed
    images {
      ...Artifact
    }
  }
  ... on CustomResult {
    value
    files {
      ...Artifact
    }
  }
  ... on TranscriptResult {
    text
    language
    durationSeconds
    segments {
      startSeconds
      endSeconds
      text
    }
  }
}
fragment Task on Task {
  __typename
  id
  kind
  model
  queue
  status
  priority
  version
  input
  labels
  progress
  progressMessage
  queuePosition
  attempt
  maxAttempts
  error {
    code
    message
    retryable
    attempt
  }
  result {
    ...Result
  }
  gpuNode {
    id
    name
  }
  gpuSeconds
  startAt
  deadline
  createdAt
  startedAt
  finishedAt
  updatedAt
  queuedMs
  runningMs
}`) as unknown as TypedDocumentString<RetryTaskMutation, RetryTaskMutationVariables>;
export const DeleteTaskDocument = new TypedDocumentString(`
    mutation DeleteTask($id: ID!) {
  deleteTask(id: $id) {
    ... on DeleteTaskPayload {
      __typename
      id
    }
    ...Problem
  }
}
    fragment Problem on Error {
  __typename
  code
  message
  ... on InvalidInputError {
    issues {
      path
      message
    }
  }
  ... on InvalidStateError {
    state: status
  }
  ... on IdempotencyConflictError {
    task {
      id
    }
  }
  ... on NoSuchModelError {
    nearest
  }
  ... on QueueFullError {
    retryAfterMs
  }
  ... on QuotaExceededError {
    limit
  }
  ... on RateLimitedError {
    retryAfterMs
  }
}`) as unknown as TypedDocumentString<DeleteTaskMutation, DeleteTaskMutationVariables>;
export const WatchTaskDocument = new TypedDocumentString(`
    subscription WatchTask($id: ID!) {
  taskUpdated(id: $id) {
    ...Task
  }
}
    fragment Artifact on Artifact {
  id
  url
  mimeType
  sizeBytes
  sha256
  width
  height
  durationSeconds
  createdAt
}
fragment Result on TaskResult {
  __typename
  ... on ImageResult {
    seed
    images {
      ...Artifact
    }
  }
  ... on CustomResult {
    value
    files {
      ...Artifact
    }
  }
  ... on TranscriptResult {
    text
    language
    durationSeconds
    segments {
      startSeconds
      endSeconds
      text
    }
  }
}
fragment Task on Task {
  __typename
  id
  kind
  model
  queue
  status
  priority
  version
  input
  labels
  progress
  progressMessage
  queuePosition
  attempt
  maxAttempts
  error {
    code
    message
    retryable
    attempt
  }
  result {
    ...Result
  }
  gpuNode {
    id
    name
  }
  gpuSeconds
  startAt
  deadline
  createdAt
  startedAt
  finishedAt
  updatedAt
  queuedMs
  runningMs
}`) as unknown as TypedDocumentString<WatchTaskSubscription, WatchTaskSubscriptionVariables>;
export const WatchTaskEventsDocument = new TypedDocumentString(`
    subscription WatchTaskEvents($id: ID!, $after: Int!) {
  taskEvents(id: $id, after: $after) {
    ...TaskEvent
  }
}
    fragment TaskEvent on TaskEvent {
  version
  type
  status
  attempt
  at
  error {
    code
    message
    retryable
    attempt
  }
}`) as unknown as TypedDocumentString<WatchTaskEventsSubscription, WatchTaskEventsSubscriptionVariables>;