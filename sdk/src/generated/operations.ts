/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { DocumentTypeDecoration } from '@graphql-typed-document-node/core';
export type BatchTaskInput = {
  /** Tasks of the same batch that have to succeed before it, wherever they stand in it */
  dependsOnRefs?: Array<string> | null | undefined;
  /** As submitTask takes it, but without idempotencyKey and waitMs */
  input: SubmitTaskInput;
  /** What others of the same batch call it; up to 100 characters */
  ref?: string | null | undefined;
};

/** What a cancel came to */
export type CancelOutcome =
  /** The node works on; its answer is dropped and its slot stays taken until it is free */
  | 'ABANDONED'
  /** It never ran again */
  | 'REMOVED_FROM_QUEUE'
  /** The node confirmed, or its protocol stops on disconnect */
  | 'STOPPED_ON_NODE';

/** A turn of a conversation */
export type ChatMessageInput = {
  /** What was said; up to 100,000 characters */
  content: string;
  /** Whose turn it was */
  role: ChatRole;
};

export type ChatRole =
  /** What it answered before */
  | 'ASSISTANT'
  /** How the model is to behave */
  | 'SYSTEM'
  /** What somebody asks of it */
  | 'USER';

/** Whether it is trusted with work */
export type CircuitState =
  /** As much as it has slots for */
  | 'CLOSED'
  /** One task at a time, until one has succeeded */
  | 'HALF_OPEN'
  /** None, until it answers that it is ready; after failed calls not before its time */
  | 'OPEN';

export type CreateGenerationInput = {
  /** Of the 3-D model */
  format?: ModelFormat | null | undefined;
  /** How many images to choose from, 1 to 8 */
  imageCount?: number | null | undefined;
  /** For text to image; one of Query.models; left out: the default */
  imageModel?: string | null | undefined;
  /** For image to 3-D, checked when an image is selected; left out: the default by then */
  modelModel?: string | null | undefined;
  /** Whether a language model rewrites the prompt for a printable object; where none can, it is used as it is */
  optimizePrompt?: boolean | null | undefined;
  /** What is to be made; 1 to 10,000 characters */
  prompt: string;
};

export type CreateKnowledgeBaseInput = {
  /** One of Query.models, for good; left out: the default of the kind EMBEDDING */
  embeddingModel?: string | null | undefined;
  /** Unique among your own; 1 to 255 characters */
  name: string;
};

export type CreateScheduleInput = {
  /** Minute, hour, day of the month, month, day of the week: "30 7 * * MON-FRI"; or @daily */
  cron: string;
  /** For people, to tell schedules apart; 1 to 100 characters */
  name: string;
  /** What is submitted each time; without startAt, deadline, idempotencyKey and waitMs */
  task: SubmitTaskInput;
  /** Whose clocks it goes by, as the IANA database names it: Europe/Berlin */
  timeZone?: string | null | undefined;
};

export type CreateUploadInput = {
  /** Such as image/png; the bytes must agree */
  mimeType: string;
  /** 64 hexadecimal digits; other bytes are refused */
  sha256?: string | null | undefined;
  /** Of the whole file: just as many must be sent */
  sizeBytes: number;
};

/** Any other model: a JSON payload for the type that nodes offer as a model of the kind CUSTOM */
export type CustomInput = {
  /** What the model takes, as it is; up to 256 KiB, nested up to 32 deep */
  payload: unknown;
  /** The name of the model */
  type: string;
};

export type DocumentInput = {
  /** Characters that chunks share with the one before at most; up to half of chunkSize */
  chunkOverlap?: number | null | undefined;
  /** Characters of a chunk at most; 100 to 8,000 */
  chunkSize?: number | null | undefined;
  /** PDF, DOCX, HTML, Markdown or plain text */
  file: MediaSource;
  /** Where it is to be found: kb_… */
  knowledgeBaseId: string;
  /** What it is known by: a document of the same name is replaced. Left out: the name of the file; of what another task makes the id of that and the number of the file. Up to 255 characters */
  name?: string | null | undefined;
};

export type DocumentStatus =
  /** Its text is cut into chunks */
  | 'CHUNKING'
  /** Its text is read */
  | 'CONVERTING'
  /** Nodes place its chunks in a space of meaning */
  | 'EMBEDDING'
  /** Its task failed or was canceled: retryTask gives it another go */
  | 'FAILED'
  /** It is found */
  | 'INDEXED'
  /** It waits for its turn, or it is found out what it is */
  | 'VALIDATING';

/** All that is given must hold */
export type DocumentWhere = {
  /** One of these */
  status?: Array<DocumentStatus> | null | undefined;
};

export type EmbeddingInput = {
  /** One of Query.models; left out: the default of the kind */
  model?: string | null | undefined;
  /** 1 to 1,000, each up to 100,000 characters, together up to 1,000,000 */
  texts: Array<string>;
};

export type ErrorCode =
  /** AlreadyExistsError: the name is taken */
  | 'ALREADY_EXISTS'
  /** InvalidInputError: mend what its issues name */
  | 'BAD_USER_INPUT'
  /** IdempotencyConflictError: the key belongs to a task with another input */
  | 'IDEMPOTENCY_CONFLICT'
  /** InvalidCredentialsError: a wrong name, password or token, or a disabled account */
  | 'INVALID_CREDENTIALS'
  /** InvalidStateError: not in the state that it is in */
  | 'INVALID_STATE'
  /** NotFoundError: there is none with that id, or it is not yours */
  | 'NOT_FOUND'
  /** NoSuchModelError: no registered node offers the model */
  | 'NO_SUCH_MODEL'
  /** QueueFullError: too much is waiting for the model; come back later */
  | 'QUEUE_FULL'
  /** QuotaExceededError: you have as many as you may have */
  | 'QUOTA_EXCEEDED'
  /** RateLimitedError: too much in too short a time; come back later */
  | 'RATE_LIMITED';

/** A file that another task makes: this one depends on it. Exactly one of taskId and ref */
export type FileFromTask = {
  /** Which of its files: 0 is the first */
  index?: number | null | undefined;
  /** One of the same batch */
  ref?: string | null | undefined;
  /** One of your own tasks */
  taskId?: string | null | undefined;
};

export type GeneratedStatus =
  /** Its task was canceled */
  | 'CANCELED'
  /** It is there */
  | 'COMPLETED'
  /** Its task has failed */
  | 'FAILED'
  /** Its task runs, or waits for another attempt */
  | 'GENERATING'
  /** Its task waits */
  | 'PENDING';

/** What a generation is about */
export type GenerationPhase =
  /** Every image has ended, and at least one can be selected */
  | 'AWAITING_SELECTION'
  /** The model is there */
  | 'COMPLETED'
  /** The prompt is rewritten, where that was asked for, and the images are drawn */
  | 'IMAGE_GENERATION'
  /** The selected image is made into a 3-D model */
  | 'MODEL_GENERATION';

export type GenerationStatus =
  /** Somebody canceled it; the phase tells how far it was */
  | 'CANCELED'
  /** All is done */
  | 'COMPLETED'
  /** The images cannot be asked for any more; the last GenerationUpdated says why */
  | 'FAILED'
  /** Every image has ended, at least one of them well: select one */
  | 'IMAGE_COMPLETED'
  /** Every image has ended, and none of them well: retry their tasks, or begin anew */
  | 'IMAGE_FAILED'
  /** Images are being drawn */
  | 'IMAGE_GENERATING'
  /** No image is being drawn yet */
  | 'IMAGE_PENDING'
  /** The model is there; COMPLETED follows at once */
  | 'MODEL_COMPLETED'
  /** There is no model: retry its task, or select the same or another image */
  | 'MODEL_FAILED'
  /** The model is being made */
  | 'MODEL_GENERATING'
  /** An image is selected; its model waits */
  | 'MODEL_PENDING';

export type ImageTo3DInput = {
  /** Of the 3-D model */
  format?: ModelFormat | null | undefined;
  /** A picture of one thing */
  image: MediaSource;
  /** One of Query.models; left out: the default of the kind */
  model?: string | null | undefined;
  /** The same one gives the same model again, where the node takes seeds */
  seed?: number | null | undefined;
  /** Whether it is painted; left out: as the node does it by itself */
  texture?: boolean | null | undefined;
};

/** Limits as of TextToImageInput; strength 0 to 1 */
export type ImageToImageInput = {
  /** How many pictures, 1 to 8 */
  count?: number | null | undefined;
  /** How closely it follows the prompt, 0 to 100 */
  guidanceScale?: number | null | undefined;
  /** In pixels, 16 to 4,096; left out: in the picture's own proportions */
  height?: number | null | undefined;
  /** The picture to begin with */
  image: MediaSource;
  /** One of Query.models; left out: the default of the kind */
  model?: string | null | undefined;
  /** What it must not show; up to 10,000 characters */
  negativePrompt?: string | null | undefined;
  /** What it is to become, or what is to change; up to 10,000 characters */
  prompt: string;
  /** The same seed and input make the same picture on the same node; left out: any */
  seed?: number | null | undefined;
  /** Of denoising, 1 to 200: more take longer; left out: as the node likes */
  steps?: number | null | undefined;
  /** How much may change, 0 to 1, where the node can weigh it; left out: as the node likes */
  strength?: number | null | undefined;
  /** In pixels, 16 to 4,096; left out: in the picture's own proportions */
  width?: number | null | undefined;
};

/** A file, in one of five ways */
export type MediaSource =
  {   /** One that is stored already: an earlier upload or result of your own */
  artifactId: string; fromTask?: never; pcm?: never; upload?: never; url?: never; }
  |  { artifactId?: never;   /** Made by another task, which has to succeed first */
  fromTask: FileFromTask; pcm?: never; upload?: never; url?: never; }
  |  { artifactId?: never; fromTask?: never;   /** Samples without a header, sent along in a multipart request */
  pcm: PcmInput; upload?: never; url?: never; }
  |  { artifactId?: never; fromTask?: never; pcm?: never;   /** Sent along in a multipart request */
  upload: Blob; url?: never; }
  |  { artifactId?: never; fromTask?: never; pcm?: never; upload?: never;   /** Fetched at each attempt; private addresses are refused */
  url: string; };

export type ModelFormat =
  /** Binary glTF 2.0: one file with everything in it */
  | 'GLB'
  /** With its material and textures as files of their own, where the node makes them */
  | 'OBJ'
  /** The bare shape, as printers take it */
  | 'STL';

export type NodeProtocol =
  /** The web UI of AUTOMATIC1111, Forge and the like */
  | 'A1111'
  /** Models in containers that Cog has packed */
  | 'COG'
  /** ComfyUI, by workflows of the configuration or its checkpoints */
  | 'COMFYUI'
  /** Servers around faster-whisper that answer code, message and text */
  | 'FAST_WHISPER'
  /** The api_server of Hunyuan3D */
  | 'HUNYUAN3D'
  /** Servers of your own: the input as a JSON body, answered with JSON or a file */
  | 'JSON'
  /** Switchyard's own workers: the built-in node, which nobody registers */
  | 'LOCAL'
  /** Servers with the API of OpenAI: vLLM, llama.cpp, sd-server, LocalAI, speaches … */
  | 'OPENAI'
  /** Servers around a quantised Qwen-Image that answer one picture a call */
  | 'QWEN_IMAGE_GGUF'
  /** The server of stable-diffusion.cpp, by its own asynchronous jobs */
  | 'SD_CPP'
  /** The 3D jobs of Tencent Cloud, paid for by the job */
  | 'TENCENT_AI3D'
  /** The server of whisper.cpp */
  | 'WHISPER_CPP';

export type NodeStatus =
  /** It takes no tasks and runs none: it can be switched off */
  | 'DRAINED'
  /** It finishes what it runs and takes nothing new */
  | 'DRAINING'
  /** It takes tasks */
  | 'HEALTHY'
  /** It is not used any more; what ran on it names it still */
  | 'REMOVED'
  /** It does not answer as it should, and is probed until it does; it takes no tasks */
  | 'UNHEALTHY';

/** Raw signed 16-bit little-endian samples */
export type PcmInput = {
  /** Interleaved channels: 1 is mono */
  channels?: number | null | undefined;
  /** The samples, without a header */
  data: Blob;
  /** Samples a second, such as 16000 */
  sampleRate: number;
};

export type Role =
  /** As operators, and users too */
  | 'ADMIN'
  /** Nodes, and everybody's tasks */
  | 'OPERATOR'
  /** Sees and changes what is its own */
  | 'USER';

export type SelectImageInput = {
  /** Of the generation: generation_… */
  generationId: string;
  /** Of the image: 0, 1, 2 … */
  index: number;
};

export type SpeechToTextInput = {
  /** The recording */
  audio: MediaSource;
  /** Of the speech, such as en; left out: the node finds out */
  language?: string | null | undefined;
  /** One of Query.models; left out: the default of the kind */
  model?: string | null | undefined;
  /** Names and words that occur, or what was said before; up to 10,000 characters */
  prompt?: string | null | undefined;
  /** Tell when each segment was said */
  timestamps?: boolean | null | undefined;
};

export type SubmitTaskInput = {
  /** No attempt starts after it */
  deadline?: string | null | undefined;
  /** Your own tasks that have to succeed before it; up to 1,000. Until then it is BLOCKED */
  dependsOn?: Array<string> | null | undefined;
  /** Same key and input from the same caller: the same task */
  idempotencyKey?: string | null | undefined;
  /** For the caller, to find tasks by; at most 32, each a string of up to 1,000 characters */
  labels?: Record<string, unknown> | null | undefined;
  /** Tries until it has failed; 1 to 100 */
  maxAttempts?: number | null | undefined;
  /** Lowered to what the caller's tier allows; Task.priority shows what holds */
  priority?: TaskPriority | null | undefined;
  /** Not before then; at most a year from now. In the past: at once */
  startAt?: string | null | undefined;
  /** What is to be done */
  task: TaskSpec;
  /** Texts that other tasks write, for this one to take into its input */
  textsFrom?: Array<TextFromTask> | null | undefined;
  /** Of one attempt; 10 to 86,400,000. Default by kind: pictures 120,000 */
  timeoutMs?: number | null | undefined;
  /** Hold the answer until the task is final or this long; at most 60,000 */
  waitMs?: number | null | undefined;
  /** Told of every event of this task, beside the webhooks of its user; signed with the secret that rotateWebhookSecret shows */
  webhookUrl?: string | null | undefined;
};

export type SubmitTasksInput = {
  /** Same key and tasks from the same caller: the same batch; up to 255 characters */
  idempotencyKey?: string | null | undefined;
  /** 1 to 1,000 */
  tasks: Array<BatchTaskInput>;
};

export type TaskErrorCode =
  /** The node answered something that is no result */
  | 'BAD_NODE_ANSWER'
  /** The deadline came before an attempt could start */
  | 'DEADLINE_EXCEEDED'
  /** A task that it depends on failed or was canceled, at once or by others in between */
  | 'DEPENDENCY_FAILED'
  /** A file of the input could not be fetched or read */
  | 'INPUT_UNAVAILABLE'
  /** Something that nobody foresaw; the log of the server has it */
  | 'INTERNAL_ERROR'
  /** The node failed at it, or was full */
  | 'NODE_ERROR'
  /** The node will not do this, whoever asks: mend the input */
  | 'NODE_REJECTED'
  /** The node could not be reached, or the connection to it broke */
  | 'NODE_UNREACHABLE'
  /** What the node made could not be stored */
  | 'STORAGE_ERROR'
  /** The node did not answer within the timeout of the task */
  | 'TIMED_OUT'
  /** The process that called the node was stopped or lost */
  | 'WORKER_LOST';

export type TaskEventType =
  /** Somebody canceled it */
  | 'CANCELED'
  /** No attempt is left, or none would help */
  | 'FAILED'
  /** Its start time came, or what it depends on succeeded: it waits for a slot, or still for its start time */
  | 'RELEASED'
  /** Somebody asked for another go after it was final */
  | 'RETRIED'
  /** An attempt failed, and the task goes back to its queue for another one */
  | 'RETRYING'
  /** An attempt began on a node */
  | 'STARTED'
  /** The task was accepted */
  | 'SUBMITTED'
  /** The result is there */
  | 'SUCCEEDED';

export type TaskKind =
  /** Anything else that a node does: a JSON payload in, JSON or files out */
  | 'CUSTOM'
  /** Reads a document and makes it searchable in a knowledge base */
  | 'DOCUMENT'
  /** Places texts in a space of meaning: those that say alike are close to each other */
  | 'EMBEDDING'
  /** Makes a 3-D model of the thing in a picture */
  | 'IMAGE_TO_3D'
  /** Changes a picture as a text says */
  | 'IMAGE_TO_IMAGE'
  /** Writes down what a recording says */
  | 'SPEECH_TO_TEXT'
  /** Answers a prompt, or goes on with a conversation; Task.partialText shows the text as it grows */
  | 'TEXT_GENERATION'
  /** Draws pictures from a text */
  | 'TEXT_TO_IMAGE';

export type TaskOrder =
  /** The one that was submitted last comes first */
  | 'NEWEST'
  /** The one that was submitted first comes first */
  | 'OLDEST';

export type TaskPriority =
  /** Ahead of what came a while before */
  | 'HIGH'
  /** When there is nothing better to do; it moves up while it waits */
  | 'LOW'
  /** In the order of arrival */
  | 'NORMAL'
  /** Ahead of everything else */
  | 'URGENT';

/** What is to be done: exactly one of them */
export type TaskSpec =
  {   /** Anything else that a node does: a JSON payload in, JSON or files out */
  custom: CustomInput; document?: never; embedding?: never; imageTo3d?: never; imageToImage?: never; speechToText?: never; textGeneration?: never; textToImage?: never; }
  |  { custom?: never;   /** Reads a document and makes it searchable in a knowledge base */
  document: DocumentInput; embedding?: never; imageTo3d?: never; imageToImage?: never; speechToText?: never; textGeneration?: never; textToImage?: never; }
  |  { custom?: never; document?: never;   /** Places texts in a space of meaning: those that say alike are close to each other */
  embedding: EmbeddingInput; imageTo3d?: never; imageToImage?: never; speechToText?: never; textGeneration?: never; textToImage?: never; }
  |  { custom?: never; document?: never; embedding?: never;   /** Makes a 3-D model of the thing in a picture */
  imageTo3d: ImageTo3DInput; imageToImage?: never; speechToText?: never; textGeneration?: never; textToImage?: never; }
  |  { custom?: never; document?: never; embedding?: never; imageTo3d?: never;   /** Changes a picture as a text says */
  imageToImage: ImageToImageInput; speechToText?: never; textGeneration?: never; textToImage?: never; }
  |  { custom?: never; document?: never; embedding?: never; imageTo3d?: never; imageToImage?: never;   /** Writes down what a recording says */
  speechToText: SpeechToTextInput; textGeneration?: never; textToImage?: never; }
  |  { custom?: never; document?: never; embedding?: never; imageTo3d?: never; imageToImage?: never; speechToText?: never;   /** Answers a prompt, or goes on with a conversation; Task.partialText shows the text as it grows */
  textGeneration: TextGenerationInput; textToImage?: never; }
  |  { custom?: never; document?: never; embedding?: never; imageTo3d?: never; imageToImage?: never; speechToText?: never; textGeneration?: never;   /** Draws pictures from a text */
  textToImage: TextToImageInput; };

export type TaskStatus =
  /** It waits for other tasks */
  | 'BLOCKED'
  /** Final: somebody canceled it; retryTask gives it another go */
  | 'CANCELED'
  /** Final: its error says why; retryTask gives it another go */
  | 'FAILED'
  /** It waits for a slot, for the first time or after a failed attempt */
  | 'QUEUED'
  /** A node works on it */
  | 'RUNNING'
  /** It waits for its start time */
  | 'SCHEDULED'
  /** Final: its result is there */
  | 'SUCCEEDED';

/** All that is given must hold */
export type TaskWhere = {
  /** Those of this batch: batch_… */
  batchId?: string | null | undefined;
  /** Submitted later than this */
  createdAfter?: string | null | undefined;
  /** Submitted earlier than this */
  createdBefore?: string | null | undefined;
  /** Whose last failure is one of these */
  errorCode?: Array<TaskErrorCode> | null | undefined;
  /** One of these */
  kind?: Array<TaskKind> | null | undefined;
  /** Those that read the documents of this knowledge base: kb_… */
  knowledgeBaseId?: string | null | undefined;
  /** All of these, each with this value */
  labels?: Record<string, unknown> | null | undefined;
  /** One of these */
  model?: Array<string> | null | undefined;
  /** One of these */
  status?: Array<TaskStatus> | null | undefined;
  /** Whose they are; of others for operators only */
  userId?: string | null | undefined;
};

/** A text that another task writes: this one depends on it. Exactly one of taskId and ref */
export type TextFromTask = {
  /** Stands for the text in the input: {{name}}, in any of its texts. A letter, then up to 63 letters, digits, - or _ */
  name: string;
  /** One of the same batch */
  ref?: string | null | undefined;
  /** One of your own tasks */
  taskId?: string | null | undefined;
};

/** Exactly one of prompt and messages */
export type TextGenerationInput = {
  /** Of the answer, 1 to 131,072; left out: as the node likes */
  maxTokens?: number | null | undefined;
  /** A conversation that goes on: up to 256 turns, of 400,000 characters together */
  messages?: Array<ChatMessageInput> | null | undefined;
  /** One of Query.models; left out: the default of the kind */
  model?: string | null | undefined;
  /** What the model is asked; up to 100,000 characters */
  prompt?: string | null | undefined;
  /** The same seed and input make the same text on the same node; left out: any */
  seed?: number | null | undefined;
  /** How freely it chooses its words, 0 to 2; left out: as the node likes */
  temperature?: number | null | undefined;
};

/** Limits: prompt 1 to 10,000 characters; width and height 16 to 4,096; steps 1 to 200; count 1 to 8 */
export type TextToImageInput = {
  /** How many pictures, 1 to 8 */
  count?: number | null | undefined;
  /** How closely it follows the prompt, 0 to 100 */
  guidanceScale?: number | null | undefined;
  /** In pixels, 16 to 4,096; left out: as the node likes */
  height?: number | null | undefined;
  /** One of Query.models; left out: the default of the kind */
  model?: string | null | undefined;
  /** What it must not show; up to 10,000 characters */
  negativePrompt?: string | null | undefined;
  /** What the picture shows; up to 10,000 characters */
  prompt: string;
  /** The same seed and input make the same picture on the same node; left out: any */
  seed?: number | null | undefined;
  /** Of denoising, 1 to 200: more take longer; left out: as the node likes */
  steps?: number | null | undefined;
  /** In pixels, 16 to 4,096; left out: as the node likes */
  width?: number | null | undefined;
};

export type Tier =
  /** 10,000 waiting tasks, priority up to NORMAL, unless the server has other limits */
  | 'FREE'
  /** Ten times what FREE has, priority up to HIGH */
  | 'PRO'
  /** No limits, priority up to URGENT */
  | 'VIP';

export type WaitingReason =
  /** Every place that it could run at is taken, or one that is worth waiting for */
  | 'ALL_SLOTS_BUSY'
  /** As many of its user, its kind or its model run as may */
  | 'CONCURRENCY_LIMIT'
  /** A task that it depends on has not succeeded yet */
  | 'DEPENDENCY'
  /** Others' tasks that came later are before it, since its user has had more */
  | 'FAIR_SHARE'
  /** A slot is free, but its model would have to be loaded there: waiting costs less */
  | 'MODEL_LOADING'
  /** No node can take tasks of its model now */
  | 'NO_HEALTHY_NODE'
  /** Its last attempt failed, and the next one is not due yet */
  | 'RETRY_BACKOFF'
  /** Its start time has not come */
  | 'SCHEDULED';

export type UserFragment = { id: string, username: string, role: Role, tier: Tier, disabled: boolean, createdAt: string };

export type MeQueryVariables = Exact<{ [key: string]: never; }>;


export type MeQuery = { me: { id: string, username: string, role: Role, tier: Tier, disabled: boolean, createdAt: string } | null };

export type BatchFragment = { id: string, total: number, queued: number, scheduled: number, blocked: number, running: number, succeeded: number, failed: number, canceled: number, createdAt: string, finishedAt: string | null };

export type GetBatchQueryVariables = Exact<{
  id: string;
}>;


export type GetBatchQuery = { batch: { id: string, total: number, queued: number, scheduled: number, blocked: number, running: number, succeeded: number, failed: number, canceled: number, createdAt: string, finishedAt: string | null } | null };

export type SubmitTasksMutationVariables = Exact<{
  input: SubmitTasksInput;
}>;


export type SubmitTasksMutation = { submitTasks:
    | { __typename: 'Batch', id: string, total: number, queued: number, scheduled: number, blocked: number, running: number, succeeded: number, failed: number, canceled: number, createdAt: string, finishedAt: string | null }
    | { __typename: 'IdempotencyConflictError', code: ErrorCode, message: string, task: { id: string } }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, issues: Array<{ path: string, message: string }> }
    | { __typename: 'NoSuchModelError', nearest: Array<string>, code: ErrorCode, message: string }
    | { __typename: 'QueueFullError', retryAfterMs: number, code: ErrorCode, message: string }
    | { __typename: 'QuotaExceededError', limit: number, code: ErrorCode, message: string }
    | { __typename: 'RateLimitedError', retryAfterMs: number, code: ErrorCode, message: string }
   };

export type WatchBatchSubscriptionVariables = Exact<{
  id: string;
}>;


export type WatchBatchSubscription = { batchUpdated: { id: string, total: number, queued: number, scheduled: number, blocked: number, running: number, succeeded: number, failed: number, canceled: number, createdAt: string, finishedAt: string | null } };

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

export type FailureFragment = { code: TaskErrorCode, message: string, retryable: boolean, attempt: number };

export type GenerationFragment = { id: string, prompt: string, finalPrompt: string | null, status: GenerationStatus, phase: GenerationPhase, version: number, selectedImageIndex: number | null, createdAt: string, completedAt: string | null, rewrite: { status: GeneratedStatus, message: string | null } | null, images: Array<{ index: number, status: GeneratedStatus, task: { id: string, status: TaskStatus }, image: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null }>, model: { status: GeneratedStatus, progress: number | null, task: { id: string, status: TaskStatus }, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }>, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null } | null };

type GenerationEvent_GenerationUpdated_Fragment = { __typename: 'GenerationUpdated', version: number, at: string, status: GenerationStatus, phase: GenerationPhase, message: string | null };

type GenerationEvent_ImageCompleted_Fragment = { __typename: 'ImageCompleted', version: number, at: string, index: number, image: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } };

type GenerationEvent_ImageFailed_Fragment = { __typename: 'ImageFailed', version: number, at: string, index: number, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } };

type GenerationEvent_ImageGenerating_Fragment = { __typename: 'ImageGenerating', version: number, at: string, index: number, prompt: string };

type GenerationEvent_ModelCompleted_Fragment = { __typename: 'ModelCompleted', version: number, at: string, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }>, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null };

type GenerationEvent_ModelFailed_Fragment = { __typename: 'ModelFailed', version: number, at: string, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } };

type GenerationEvent_ModelGenerating_Fragment = { __typename: 'ModelGenerating', version: number, at: string };

type GenerationEvent_ModelProgress_Fragment = { __typename: 'ModelProgress', version: number, at: string, progress: number };

export type GenerationEventFragment =
  | GenerationEvent_GenerationUpdated_Fragment
  | GenerationEvent_ImageCompleted_Fragment
  | GenerationEvent_ImageFailed_Fragment
  | GenerationEvent_ImageGenerating_Fragment
  | GenerationEvent_ModelCompleted_Fragment
  | GenerationEvent_ModelFailed_Fragment
  | GenerationEvent_ModelGenerating_Fragment
  | GenerationEvent_ModelProgress_Fragment
;

export type GetGenerationQueryVariables = Exact<{
  id: string;
}>;


export type GetGenerationQuery = { generation: { id: string, prompt: string, finalPrompt: string | null, status: GenerationStatus, phase: GenerationPhase, version: number, selectedImageIndex: number | null, createdAt: string, completedAt: string | null, rewrite: { status: GeneratedStatus, message: string | null } | null, images: Array<{ index: number, status: GeneratedStatus, task: { id: string, status: TaskStatus }, image: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null }>, model: { status: GeneratedStatus, progress: number | null, task: { id: string, status: TaskStatus }, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }>, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null } | null } | null };

export type ListGenerationsQueryVariables = Exact<{
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type ListGenerationsQuery = { generations: { edges: Array<{ node: { id: string, prompt: string, finalPrompt: string | null, status: GenerationStatus, phase: GenerationPhase, version: number, selectedImageIndex: number | null, createdAt: string, completedAt: string | null, rewrite: { status: GeneratedStatus, message: string | null } | null, images: Array<{ index: number, status: GeneratedStatus, task: { id: string, status: TaskStatus }, image: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null }>, model: { status: GeneratedStatus, progress: number | null, task: { id: string, status: TaskStatus }, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }>, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null } | null } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type CreateGenerationMutationVariables = Exact<{
  input: CreateGenerationInput;
}>;


export type CreateGenerationMutation = { createGeneration:
    | { __typename: 'Generation', id: string, prompt: string, finalPrompt: string | null, status: GenerationStatus, phase: GenerationPhase, version: number, selectedImageIndex: number | null, createdAt: string, completedAt: string | null, rewrite: { status: GeneratedStatus, message: string | null } | null, images: Array<{ index: number, status: GeneratedStatus, task: { id: string, status: TaskStatus }, image: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null }>, model: { status: GeneratedStatus, progress: number | null, task: { id: string, status: TaskStatus }, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }>, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null } | null }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, issues: Array<{ path: string, message: string }> }
    | { __typename: 'NoSuchModelError', nearest: Array<string>, code: ErrorCode, message: string }
    | { __typename: 'QueueFullError', retryAfterMs: number, code: ErrorCode, message: string }
    | { __typename: 'QuotaExceededError', limit: number, code: ErrorCode, message: string }
    | { __typename: 'RateLimitedError', retryAfterMs: number, code: ErrorCode, message: string }
   };

export type SelectImageMutationVariables = Exact<{
  input: SelectImageInput;
}>;


export type SelectImageMutation = { selectImage:
    | { __typename: 'Generation', id: string, prompt: string, finalPrompt: string | null, status: GenerationStatus, phase: GenerationPhase, version: number, selectedImageIndex: number | null, createdAt: string, completedAt: string | null, rewrite: { status: GeneratedStatus, message: string | null } | null, images: Array<{ index: number, status: GeneratedStatus, task: { id: string, status: TaskStatus }, image: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null }>, model: { status: GeneratedStatus, progress: number | null, task: { id: string, status: TaskStatus }, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }>, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null } | null }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, issues: Array<{ path: string, message: string }> }
    | { __typename: 'InvalidStateError', code: ErrorCode, message: string, state: string }
    | { __typename: 'NoSuchModelError', nearest: Array<string>, code: ErrorCode, message: string }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
   };

export type CancelGenerationMutationVariables = Exact<{
  id: string;
}>;


export type CancelGenerationMutation = { cancelGeneration:
    | { __typename: 'Generation', id: string, prompt: string, finalPrompt: string | null, status: GenerationStatus, phase: GenerationPhase, version: number, selectedImageIndex: number | null, createdAt: string, completedAt: string | null, rewrite: { status: GeneratedStatus, message: string | null } | null, images: Array<{ index: number, status: GeneratedStatus, task: { id: string, status: TaskStatus }, image: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null }>, model: { status: GeneratedStatus, progress: number | null, task: { id: string, status: TaskStatus }, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }>, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null } | null }
    | { __typename: 'InvalidStateError', code: ErrorCode, message: string, state: string }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
   };

export type DeleteGenerationMutationVariables = Exact<{
  id: string;
}>;


export type DeleteGenerationMutation = { deleteGeneration:
    | { __typename: 'DeletePayload', id: string }
    | { __typename: 'InvalidStateError', code: ErrorCode, message: string, state: string }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
   };

export type WatchGenerationEventsSubscriptionVariables = Exact<{
  id: string;
  after?: number | null | undefined;
}>;


export type WatchGenerationEventsSubscription = { generationEvents:
    | { __typename: 'GenerationUpdated', version: number, at: string, status: GenerationStatus, phase: GenerationPhase, message: string | null }
    | { __typename: 'ImageCompleted', version: number, at: string, index: number, image: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } }
    | { __typename: 'ImageFailed', version: number, at: string, index: number, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } }
    | { __typename: 'ImageGenerating', version: number, at: string, index: number, prompt: string }
    | { __typename: 'ModelCompleted', version: number, at: string, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }>, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null }
    | { __typename: 'ModelFailed', version: number, at: string, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } }
    | { __typename: 'ModelGenerating', version: number, at: string }
    | { __typename: 'ModelProgress', version: number, at: string, progress: number }
   };

export type KnowledgeBaseFragment = { __typename: 'KnowledgeBase', id: string, name: string, createdAt: string };

export type DocumentFragment = { id: string, name: string, mimeType: string, sizeBytes: number, status: DocumentStatus, chunkCount: number | null, createdAt: string, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null, task: { id: string, status: TaskStatus, progress: number | null, progressMessage: string | null } };

export type SearchHitFragment = { text: string, score: number, startOffset: number, endOffset: number, document: { id: string, name: string } };

export type ListKnowledgeBasesQueryVariables = Exact<{
  first: number;
  after?: string | null | undefined;
}>;


export type ListKnowledgeBasesQuery = { knowledgeBases: { edges: Array<{ node: { __typename: 'KnowledgeBase', id: string, name: string, createdAt: string } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type ListDocumentsQueryVariables = Exact<{
  id: string;
  where?: DocumentWhere | null | undefined;
  first: number;
  after?: string | null | undefined;
}>;


export type ListDocumentsQuery = { knowledgeBase: { documents: { edges: Array<{ node: { id: string, name: string, mimeType: string, sizeBytes: number, status: DocumentStatus, chunkCount: number | null, createdAt: string, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null, task: { id: string, status: TaskStatus, progress: number | null, progressMessage: string | null } } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } } | null };

export type SearchKnowledgeBaseQueryVariables = Exact<{
  id: string;
  query: string;
  first: number;
}>;


export type SearchKnowledgeBaseQuery = { knowledgeBase: { search: Array<{ text: string, score: number, startOffset: number, endOffset: number, document: { id: string, name: string } }> } | null };

export type CreateKnowledgeBaseMutationVariables = Exact<{
  input: CreateKnowledgeBaseInput;
}>;


export type CreateKnowledgeBaseMutation = { createKnowledgeBase:
    | { __typename: 'AlreadyExistsError', code: ErrorCode, message: string }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, issues: Array<{ path: string, message: string }> }
    | { __typename: 'KnowledgeBase', id: string, name: string, createdAt: string }
    | { __typename: 'NoSuchModelError', nearest: Array<string>, code: ErrorCode, message: string }
   };

export type DeleteKnowledgeBaseMutationVariables = Exact<{
  id: string;
}>;


export type DeleteKnowledgeBaseMutation = { deleteKnowledgeBase:
    | { __typename: 'DeletePayload', id: string }
    | { __typename: 'InvalidStateError', code: ErrorCode, message: string, state: string }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
   };

export type DeleteDocumentMutationVariables = Exact<{
  id: string;
}>;


export type DeleteDocumentMutation = { deleteDocument:
    | { __typename: 'DeletePayload', id: string }
    | { __typename: 'InvalidStateError', code: ErrorCode, message: string, state: string }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
   };

export type GpuNodeFragment = { id: string, name: string, url: string | null, protocol: NodeProtocol | null, status: NodeStatus | null, slots: number | null, busySlots: number | null, loadedModels: Array<string> | null, circuit: CircuitState | null, speed: number | null, failures: number | null, lastSeenAt: string | null, offers: Array<{ kind: TaskKind, models: Array<string> }> | null };

export type ListNodesQueryVariables = Exact<{ [key: string]: never; }>;


export type ListNodesQuery = { gpuNodes: Array<{ id: string, name: string, url: string | null, protocol: NodeProtocol | null, status: NodeStatus | null, slots: number | null, busySlots: number | null, loadedModels: Array<string> | null, circuit: CircuitState | null, speed: number | null, failures: number | null, lastSeenAt: string | null, offers: Array<{ kind: TaskKind, models: Array<string> }> | null }> };

export type ListModelsQueryVariables = Exact<{ [key: string]: never; }>;


export type ListModelsQuery = { models: Array<{ kind: TaskKind, name: string, isDefault: boolean, slots: number, freeSlots: number, expectedWaitMs: number | null }> };

export type RemoveNodeMutationVariables = Exact<{
  id: string;
}>;


export type RemoveNodeMutation = { removeNode:
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
    | { __typename: 'RemoveNodePayload', id: string }
   };

export type ScheduleFragment = { __typename: 'Schedule', id: string, name: string, cron: string, timeZone: string, paused: boolean, kind: TaskKind, model: string | null, input: Record<string, unknown>, nextRuns: Array<string>, createdAt: string, runs: Array<{ at: string, missedSince: string | null, nextTryAt: string | null, task: { id: string, status: TaskStatus } | null, error: { code: ErrorCode | null, message: string } | null }> };

export type ListSchedulesQueryVariables = Exact<{ [key: string]: never; }>;


export type ListSchedulesQuery = { schedules: Array<{ __typename: 'Schedule', id: string, name: string, cron: string, timeZone: string, paused: boolean, kind: TaskKind, model: string | null, input: Record<string, unknown>, nextRuns: Array<string>, createdAt: string, runs: Array<{ at: string, missedSince: string | null, nextTryAt: string | null, task: { id: string, status: TaskStatus } | null, error: { code: ErrorCode | null, message: string } | null }> }> };

export type CreateScheduleMutationVariables = Exact<{
  input: CreateScheduleInput;
}>;


export type CreateScheduleMutation = { createSchedule:
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, issues: Array<{ path: string, message: string }> }
    | { __typename: 'NoSuchModelError', nearest: Array<string>, code: ErrorCode, message: string }
    | { __typename: 'QuotaExceededError', limit: number, code: ErrorCode, message: string }
    | { __typename: 'Schedule', id: string, name: string, cron: string, timeZone: string, paused: boolean, kind: TaskKind, model: string | null, input: Record<string, unknown>, nextRuns: Array<string>, createdAt: string, runs: Array<{ at: string, missedSince: string | null, nextTryAt: string | null, task: { id: string, status: TaskStatus } | null, error: { code: ErrorCode | null, message: string } | null }> }
   };

export type PauseScheduleMutationVariables = Exact<{
  id: string;
  paused: boolean;
}>;


export type PauseScheduleMutation = { pauseSchedule:
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
    | { __typename: 'Schedule', id: string, name: string, cron: string, timeZone: string, paused: boolean, kind: TaskKind, model: string | null, input: Record<string, unknown>, nextRuns: Array<string>, createdAt: string, runs: Array<{ at: string, missedSince: string | null, nextTryAt: string | null, task: { id: string, status: TaskStatus } | null, error: { code: ErrorCode | null, message: string } | null }> }
   };

export type DeleteScheduleMutationVariables = Exact<{
  id: string;
}>;


export type DeleteScheduleMutation = { deleteSchedule:
    | { __typename: 'DeletePayload', id: string }
    | { __typename: 'InvalidStateError', code: ErrorCode, message: string, state: string }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
   };

export type ArtifactFragment = { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string };

type Result_CustomResult_Fragment = { __typename: 'CustomResult', value: unknown, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> };

type Result_DocumentResult_Fragment = { __typename: 'DocumentResult', document: { id: string, name: string, mimeType: string, sizeBytes: number, status: DocumentStatus, chunkCount: number | null } };

type Result_EmbeddingResult_Fragment = { __typename: 'EmbeddingResult', dimensions: number };

type Result_ImageResult_Fragment = { __typename: 'ImageResult', seed: number | null, images: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> };

type Result_ModelResult_Fragment = { __typename: 'ModelResult', files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }>, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null };

type Result_TextResult_Fragment = { __typename: 'TextResult', text: string, promptTokens: number | null, completionTokens: number | null };

type Result_TranscriptResult_Fragment = { __typename: 'TranscriptResult', text: string, language: string | null, durationSeconds: number | null, segments: Array<{ startSeconds: number, endSeconds: number, text: string }> };

export type ResultFragment =
  | Result_CustomResult_Fragment
  | Result_DocumentResult_Fragment
  | Result_EmbeddingResult_Fragment
  | Result_ImageResult_Fragment
  | Result_ModelResult_Fragment
  | Result_TextResult_Fragment
  | Result_TranscriptResult_Fragment
;

export type TaskFragment = { __typename: 'Task', id: string, kind: TaskKind, model: string, queue: string, status: TaskStatus, priority: TaskPriority, version: number, input: Record<string, unknown>, labels: Record<string, unknown>, progress: number | null, progressMessage: string | null, partialText: string | null, queuePosition: number | null, waitingReason: WaitingReason | null, attempt: number, maxAttempts: number, gpuSeconds: number, startAt: string | null, deadline: string | null, createdAt: string, startedAt: string | null, finishedAt: string | null, updatedAt: string, queuedMs: number | null, runningMs: number | null, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, estimate: { startAt: string | null, startAtP90: string | null, completionAt: string | null, completionAtP90: string | null } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null, result:
    | { __typename: 'CustomResult', value: unknown, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
    | { __typename: 'DocumentResult', document: { id: string, name: string, mimeType: string, sizeBytes: number, status: DocumentStatus, chunkCount: number | null } }
    | { __typename: 'EmbeddingResult', dimensions: number }
    | { __typename: 'ImageResult', seed: number | null, images: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
    | { __typename: 'ModelResult', files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }>, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null }
    | { __typename: 'TextResult', text: string, promptTokens: number | null, completionTokens: number | null }
    | { __typename: 'TranscriptResult', text: string, language: string | null, durationSeconds: number | null, segments: Array<{ startSeconds: number, endSeconds: number, text: string }> }
   | null, gpuNode: { id: string, name: string } | null };

export type TaskEventFragment = { version: number, type: TaskEventType, status: TaskStatus, attempt: number, at: string, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null };

export type GetTaskQueryVariables = Exact<{
  id: string;
}>;


export type GetTaskQuery = { task: { __typename: 'Task', id: string, kind: TaskKind, model: string, queue: string, status: TaskStatus, priority: TaskPriority, version: number, input: Record<string, unknown>, labels: Record<string, unknown>, progress: number | null, progressMessage: string | null, partialText: string | null, queuePosition: number | null, waitingReason: WaitingReason | null, attempt: number, maxAttempts: number, gpuSeconds: number, startAt: string | null, deadline: string | null, createdAt: string, startedAt: string | null, finishedAt: string | null, updatedAt: string, queuedMs: number | null, runningMs: number | null, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, estimate: { startAt: string | null, startAtP90: string | null, completionAt: string | null, completionAtP90: string | null } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null, result:
      | { __typename: 'CustomResult', value: unknown, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
      | { __typename: 'DocumentResult', document: { id: string, name: string, mimeType: string, sizeBytes: number, status: DocumentStatus, chunkCount: number | null } }
      | { __typename: 'EmbeddingResult', dimensions: number }
      | { __typename: 'ImageResult', seed: number | null, images: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
      | { __typename: 'ModelResult', files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }>, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null }
      | { __typename: 'TextResult', text: string, promptTokens: number | null, completionTokens: number | null }
      | { __typename: 'TranscriptResult', text: string, language: string | null, durationSeconds: number | null, segments: Array<{ startSeconds: number, endSeconds: number, text: string }> }
     | null, gpuNode: { id: string, name: string } | null } | null };

export type GetVectorsQueryVariables = Exact<{
  id: string;
}>;


export type GetVectorsQuery = { task: { result:
      | { __typename: 'CustomResult' }
      | { __typename: 'DocumentResult' }
      | { __typename: 'EmbeddingResult', vectors: Array<Array<number>> }
      | { __typename: 'ImageResult' }
      | { __typename: 'ModelResult' }
      | { __typename: 'TextResult' }
      | { __typename: 'TranscriptResult' }
     | null } | null };

export type ListTasksQueryVariables = Exact<{
  where?: TaskWhere | null | undefined;
  orderBy?: TaskOrder | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type ListTasksQuery = { tasks: { edges: Array<{ node: { __typename: 'Task', id: string, kind: TaskKind, model: string, queue: string, status: TaskStatus, priority: TaskPriority, version: number, input: Record<string, unknown>, labels: Record<string, unknown>, progress: number | null, progressMessage: string | null, partialText: string | null, queuePosition: number | null, waitingReason: WaitingReason | null, attempt: number, maxAttempts: number, gpuSeconds: number, startAt: string | null, deadline: string | null, createdAt: string, startedAt: string | null, finishedAt: string | null, updatedAt: string, queuedMs: number | null, runningMs: number | null, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, estimate: { startAt: string | null, startAtP90: string | null, completionAt: string | null, completionAtP90: string | null } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null, result:
          | { __typename: 'CustomResult', value: unknown, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
          | { __typename: 'DocumentResult', document: { id: string, name: string, mimeType: string, sizeBytes: number, status: DocumentStatus, chunkCount: number | null } }
          | { __typename: 'EmbeddingResult', dimensions: number }
          | { __typename: 'ImageResult', seed: number | null, images: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
          | { __typename: 'ModelResult', files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }>, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null }
          | { __typename: 'TextResult', text: string, promptTokens: number | null, completionTokens: number | null }
          | { __typename: 'TranscriptResult', text: string, language: string | null, durationSeconds: number | null, segments: Array<{ startSeconds: number, endSeconds: number, text: string }> }
         | null, gpuNode: { id: string, name: string } | null } }>, pageInfo: { hasNextPage: boolean, endCursor: string | null } } };

export type EstimateTaskQueryVariables = Exact<{
  input: SubmitTaskInput;
}>;


export type EstimateTaskQuery = { estimateTask: { startAt: string | null, startAtP90: string | null, completionAt: string | null, completionAtP90: string | null } | null };

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
    | { __typename: 'Task', id: string, kind: TaskKind, model: string, queue: string, status: TaskStatus, priority: TaskPriority, version: number, input: Record<string, unknown>, labels: Record<string, unknown>, progress: number | null, progressMessage: string | null, partialText: string | null, queuePosition: number | null, waitingReason: WaitingReason | null, attempt: number, maxAttempts: number, gpuSeconds: number, startAt: string | null, deadline: string | null, createdAt: string, startedAt: string | null, finishedAt: string | null, updatedAt: string, queuedMs: number | null, runningMs: number | null, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, estimate: { startAt: string | null, startAtP90: string | null, completionAt: string | null, completionAtP90: string | null } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null, result:
        | { __typename: 'CustomResult', value: unknown, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
        | { __typename: 'DocumentResult', document: { id: string, name: string, mimeType: string, sizeBytes: number, status: DocumentStatus, chunkCount: number | null } }
        | { __typename: 'EmbeddingResult', dimensions: number }
        | { __typename: 'ImageResult', seed: number | null, images: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
        | { __typename: 'ModelResult', files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }>, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null }
        | { __typename: 'TextResult', text: string, promptTokens: number | null, completionTokens: number | null }
        | { __typename: 'TranscriptResult', text: string, language: string | null, durationSeconds: number | null, segments: Array<{ startSeconds: number, endSeconds: number, text: string }> }
       | null, gpuNode: { id: string, name: string } | null }
   };

export type CancelTaskMutationVariables = Exact<{
  id: string;
}>;


export type CancelTaskMutation = { cancelTask:
    | { __typename: 'CancelTaskPayload', outcome: CancelOutcome, task: { __typename: 'Task', id: string, kind: TaskKind, model: string, queue: string, status: TaskStatus, priority: TaskPriority, version: number, input: Record<string, unknown>, labels: Record<string, unknown>, progress: number | null, progressMessage: string | null, partialText: string | null, queuePosition: number | null, waitingReason: WaitingReason | null, attempt: number, maxAttempts: number, gpuSeconds: number, startAt: string | null, deadline: string | null, createdAt: string, startedAt: string | null, finishedAt: string | null, updatedAt: string, queuedMs: number | null, runningMs: number | null, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, estimate: { startAt: string | null, startAtP90: string | null, completionAt: string | null, completionAtP90: string | null } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null, result:
          | { __typename: 'CustomResult', value: unknown, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
          | { __typename: 'DocumentResult', document: { id: string, name: string, mimeType: string, sizeBytes: number, status: DocumentStatus, chunkCount: number | null } }
          | { __typename: 'EmbeddingResult', dimensions: number }
          | { __typename: 'ImageResult', seed: number | null, images: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
          | { __typename: 'ModelResult', files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }>, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null }
          | { __typename: 'TextResult', text: string, promptTokens: number | null, completionTokens: number | null }
          | { __typename: 'TranscriptResult', text: string, language: string | null, durationSeconds: number | null, segments: Array<{ startSeconds: number, endSeconds: number, text: string }> }
         | null, gpuNode: { id: string, name: string } | null } }
    | { __typename: 'InvalidStateError', code: ErrorCode, message: string, state: string }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
   };

export type RetryTaskMutationVariables = Exact<{
  id: string;
  task?: TaskSpec | null | undefined;
}>;


export type RetryTaskMutation = { retryTask:
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, issues: Array<{ path: string, message: string }> }
    | { __typename: 'InvalidStateError', code: ErrorCode, message: string, state: string }
    | { __typename: 'NoSuchModelError', nearest: Array<string>, code: ErrorCode, message: string }
    | { __typename: 'NotFoundError', code: ErrorCode, message: string }
    | { __typename: 'Task', id: string, kind: TaskKind, model: string, queue: string, status: TaskStatus, priority: TaskPriority, version: number, input: Record<string, unknown>, labels: Record<string, unknown>, progress: number | null, progressMessage: string | null, partialText: string | null, queuePosition: number | null, waitingReason: WaitingReason | null, attempt: number, maxAttempts: number, gpuSeconds: number, startAt: string | null, deadline: string | null, createdAt: string, startedAt: string | null, finishedAt: string | null, updatedAt: string, queuedMs: number | null, runningMs: number | null, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, estimate: { startAt: string | null, startAtP90: string | null, completionAt: string | null, completionAtP90: string | null } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null, result:
        | { __typename: 'CustomResult', value: unknown, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
        | { __typename: 'DocumentResult', document: { id: string, name: string, mimeType: string, sizeBytes: number, status: DocumentStatus, chunkCount: number | null } }
        | { __typename: 'EmbeddingResult', dimensions: number }
        | { __typename: 'ImageResult', seed: number | null, images: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
        | { __typename: 'ModelResult', files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }>, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null }
        | { __typename: 'TextResult', text: string, promptTokens: number | null, completionTokens: number | null }
        | { __typename: 'TranscriptResult', text: string, language: string | null, durationSeconds: number | null, segments: Array<{ startSeconds: number, endSeconds: number, text: string }> }
       | null, gpuNode: { id: string, name: string } | null }
   };

export type RetryTasksMutationVariables = Exact<{
  where: TaskWhere;
  dryRun: boolean;
}>;


export type RetryTasksMutation = { retryTasks:
    | { __typename: 'BulkPayload', count: number }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, issues: Array<{ path: string, message: string }> }
   };

export type CancelTasksMutationVariables = Exact<{
  where: TaskWhere;
  dryRun: boolean;
}>;


export type CancelTasksMutation = { cancelTasks:
    | { __typename: 'BulkPayload', count: number }
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, issues: Array<{ path: string, message: string }> }
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


export type WatchTaskSubscription = { taskUpdated: { __typename: 'Task', id: string, kind: TaskKind, model: string, queue: string, status: TaskStatus, priority: TaskPriority, version: number, input: Record<string, unknown>, labels: Record<string, unknown>, progress: number | null, progressMessage: string | null, partialText: string | null, queuePosition: number | null, waitingReason: WaitingReason | null, attempt: number, maxAttempts: number, gpuSeconds: number, startAt: string | null, deadline: string | null, createdAt: string, startedAt: string | null, finishedAt: string | null, updatedAt: string, queuedMs: number | null, runningMs: number | null, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null, estimate: { startAt: string | null, startAtP90: string | null, completionAt: string | null, completionAtP90: string | null } | null, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null, result:
      | { __typename: 'CustomResult', value: unknown, files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
      | { __typename: 'DocumentResult', document: { id: string, name: string, mimeType: string, sizeBytes: number, status: DocumentStatus, chunkCount: number | null } }
      | { __typename: 'EmbeddingResult', dimensions: number }
      | { __typename: 'ImageResult', seed: number | null, images: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }> }
      | { __typename: 'ModelResult', files: Array<{ id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string }>, preview: { id: string, url: string, mimeType: string, sizeBytes: number, sha256: string, width: number | null, height: number | null, durationSeconds: number | null, createdAt: string } | null }
      | { __typename: 'TextResult', text: string, promptTokens: number | null, completionTokens: number | null }
      | { __typename: 'TranscriptResult', text: string, language: string | null, durationSeconds: number | null, segments: Array<{ startSeconds: number, endSeconds: number, text: string }> }
     | null, gpuNode: { id: string, name: string } | null } };

export type WatchTaskEventsSubscriptionVariables = Exact<{
  id: string;
  after: number;
}>;


export type WatchTaskEventsSubscription = { taskEvents: { version: number, type: TaskEventType, status: TaskStatus, attempt: number, at: string, error: { code: TaskErrorCode, message: string, retryable: boolean, attempt: number } | null } };

export type CreateUploadMutationVariables = Exact<{
  input: CreateUploadInput;
}>;


export type CreateUploadMutation = { createUpload:
    | { __typename: 'InvalidInputError', code: ErrorCode, message: string, issues: Array<{ path: string, message: string }> }
    | { __typename: 'QuotaExceededError', limit: number, code: ErrorCode, message: string }
    | { __typename: 'Upload', artifactId: string, url: string, headers: Record<string, unknown>, expiresAt: string }
   };

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
export const BatchFragmentDoc = new TypedDocumentString(`
    fragment Batch on Batch {
  id
  total
  queued
  scheduled
  blocked
  running
  succeeded
  failed
  canceled
  createdAt
  finishedAt
}
    `, {"fragmentName":"Batch"}) as unknown as TypedDocumentString<BatchFragment, unknown>;
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
export const FailureFragmentDoc = new TypedDocumentString(`
    fragment Failure on TaskError {
  code
  message
  retryable
  attempt
}
    `, {"fragmentName":"Failure"}) as unknown as TypedDocumentString<FailureFragment, unknown>;
export const GenerationFragmentDoc = new TypedDocumentString(`
    fragment Generation on Generation {
  id
  prompt
  finalPrompt
  rewrite {
    status
    message
  }
  status
  phase
  version
  images {
    index
    status
    task {
      id
      status
    }
    image {
      ...Artifact
    }
    error {
      ...Failure
    }
  }
  selectedImageIndex
  model {
    status
    progress
    task {
      id
      status
    }
    files {
      ...Artifact
    }
    preview {
      ...Artifact
    }
    error {
      ...Failure
    }
  }
  createdAt
  completedAt
}
    fragment Failure on TaskError {
  code
  message
  retryable
  attempt
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
}`, {"fragmentName":"Generation"}) as unknown as TypedDocumentString<GenerationFragment, unknown>;
export const GenerationEventFragmentDoc = new TypedDocumentString(`
    fragment GenerationEvent on GenerationEvent {
  __typename
  ... on GenerationEventBase {
    version
    at
  }
  ... on GenerationUpdated {
    status
    phase
    message
  }
  ... on ImageGenerating {
    index
    prompt
  }
  ... on ImageCompleted {
    index
    image {
      ...Artifact
    }
  }
  ... on ImageFailed {
    index
    error {
      ...Failure
    }
  }
  ... on ModelProgress {
    progress
  }
  ... on ModelCompleted {
    files {
      ...Artifact
    }
    preview {
      ...Artifact
    }
  }
  ... on ModelFailed {
    error {
      ...Failure
    }
  }
}
    fragment Failure on TaskError {
  code
  message
  retryable
  attempt
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
}`, {"fragmentName":"GenerationEvent"}) as unknown as TypedDocumentString<GenerationEventFragment, unknown>;
export const KnowledgeBaseFragmentDoc = new TypedDocumentString(`
    fragment KnowledgeBase on KnowledgeBase {
  __typename
  id
  name
  createdAt
}
    `, {"fragmentName":"KnowledgeBase"}) as unknown as TypedDocumentString<KnowledgeBaseFragment, unknown>;
export const DocumentFragmentDoc = new TypedDocumentString(`
    fragment Document on Document {
  id
  name
  mimeType
  sizeBytes
  status
  chunkCount
  error {
    ...Failure
  }
  task {
    id
    status
    progress
    progressMessage
  }
  createdAt
}
    fragment Failure on TaskError {
  code
  message
  retryable
  attempt
}`, {"fragmentName":"Document"}) as unknown as TypedDocumentString<DocumentFragment, unknown>;
export const SearchHitFragmentDoc = new TypedDocumentString(`
    fragment SearchHit on SearchHit {
  text
  score
  startOffset
  endOffset
  document {
    id
    name
  }
}
    `, {"fragmentName":"SearchHit"}) as unknown as TypedDocumentString<SearchHitFragment, unknown>;
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
  loadedModels
  circuit
  speed
  failures
  lastSeenAt
}
    `, {"fragmentName":"GpuNode"}) as unknown as TypedDocumentString<GpuNodeFragment, unknown>;
export const ScheduleFragmentDoc = new TypedDocumentString(`
    fragment Schedule on Schedule {
  __typename
  id
  name
  cron
  timeZone
  paused
  kind
  model
  input
  nextRuns
  runs(first: 5) {
    at
    missedSince
    nextTryAt
    task {
      id
      status
    }
    error {
      code
      message
    }
  }
  createdAt
}
    `, {"fragmentName":"Schedule"}) as unknown as TypedDocumentString<ScheduleFragment, unknown>;
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
  ... on ModelResult {
    files {
      ...Artifact
    }
    preview {
      ...Artifact
    }
  }
  ... on TextResult {
    text
    promptTokens
    completionTokens
  }
  ... on EmbeddingResult {
    dimensions
  }
  ... on DocumentResult {
    document {
      id
      name
      mimeType
      sizeBytes
      status
      chunkCount
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
  partialText
  preview {
    ...Artifact
  }
  queuePosition
  waitingReason
  estimate {
    startAt
    startAtP90
    completionAt
    completionAtP90
  }
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
  ... on ModelResult {
    files {
      ...Artifact
    }
    preview {
      ...Artifact
    }
  }
  ... on TextResult {
    text
    promptTokens
    completionTokens
  }
  ... on EmbeddingResult {
    dimensions
  }
  ... on DocumentResult {
    document {
      id
      name
      mimeType
      sizeBytes
      status
      chunkCount
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
export const GetBatchDocument = new TypedDocumentString(`
    query GetBatch($id: ID!) {
  batch(id: $id) {
    ...Batch
  }
}
    fragment Batch on Batch {
  id
  total
  queued
  scheduled
  blocked
  running
  succeeded
  failed
  canceled
  createdAt
  finishedAt
}`) as unknown as TypedDocumentString<GetBatchQuery, GetBatchQueryVariables>;
export const SubmitTasksDocument = new TypedDocumentString(`
    mutation SubmitTasks($input: SubmitTasksInput!) {
  submitTasks(input: $input) {
    __typename
    ...Batch
    ...Problem
  }
}
    fragment Batch on Batch {
  id
  total
  queued
  scheduled
  blocked
  running
  succeeded
  failed
  canceled
  createdAt
  finishedAt
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
}`) as unknown as TypedDocumentString<SubmitTasksMutation, SubmitTasksMutationVariables>;
export const WatchBatchDocument = new TypedDocumentString(`
    subscription WatchBatch($id: ID!) {
  batchUpdated(id: $id) {
    ...Batch
  }
}
    fragment Batch on Batch {
  id
  total
  queued
  scheduled
  blocked
  running
  succeeded
  failed
  canceled
  createdAt
  finishedAt
}`) as unknown as TypedDocumentString<WatchBatchSubscription, WatchBatchSubscriptionVariables>;
export const GetGenerationDocument = new TypedDocumentString(`
    query GetGeneration($id: ID!) {
  generation(id: $id) {
    ...Generation
  }
}
    fragment Failure on TaskError {
  code
  message
  retryable
  attempt
}
fragment Generation on Generation {
  id
  prompt
  finalPrompt
  rewrite {
    status
    message
  }
  status
  phase
  version
  images {
    index
    status
    task {
      id
      status
    }
    image {
      ...Artifact
    }
    error {
      ...Failure
    }
  }
  selectedImageIndex
  model {
    status
    progress
    task {
      id
      status
    }
    files {
      ...Artifact
    }
    preview {
      ...Artifact
    }
    error {
      ...Failure
    }
  }
  createdAt
  completedAt
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
}`) as unknown as TypedDocumentString<GetGenerationQuery, GetGenerationQueryVariables>;
export const ListGenerationsDocument = new TypedDocumentString(`
    query ListGenerations($first: Int, $after: String) {
  generations(first: $first, after: $after) {
    edges {
      node {
        ...Generation
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment Failure on TaskError {
  code
  message
  retryable
  attempt
}
fragment Generation on Generation {
  id
  prompt
  finalPrompt
  rewrite {
    status
    message
  }
  status
  phase
  version
  images {
    index
    status
    task {
      id
      status
    }
    image {
      ...Artifact
    }
    error {
      ...Failure
    }
  }
  selectedImageIndex
  model {
    status
    progress
    task {
      id
      status
    }
    files {
      ...Artifact
    }
    preview {
      ...Artifact
    }
    error {
      ...Failure
    }
  }
  createdAt
  completedAt
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
}`) as unknown as TypedDocumentString<ListGenerationsQuery, ListGenerationsQueryVariables>;
export const CreateGenerationDocument = new TypedDocumentString(`
    mutation CreateGeneration($input: CreateGenerationInput!) {
  createGeneration(input: $input) {
    __typename
    ...Generation
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
fragment Failure on TaskError {
  code
  message
  retryable
  attempt
}
fragment Generation on Generation {
  id
  prompt
  finalPrompt
  rewrite {
    status
    message
  }
  status
  phase
  version
  images {
    index
    status
    task {
      id
      status
    }
    image {
      ...Artifact
    }
    error {
      ...Failure
    }
  }
  selectedImageIndex
  model {
    status
    progress
    task {
      id
      status
    }
    files {
      ...Artifact
    }
    preview {
      ...Artifact
    }
    error {
      ...Failure
    }
  }
  createdAt
  completedAt
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
}`) as unknown as TypedDocumentString<CreateGenerationMutation, CreateGenerationMutationVariables>;
export const SelectImageDocument = new TypedDocumentString(`
    mutation SelectImage($input: SelectImageInput!) {
  selectImage(input: $input) {
    __typename
    ...Generation
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
fragment Failure on TaskError {
  code
  message
  retryable
  attempt
}
fragment Generation on Generation {
  id
  prompt
  finalPrompt
  rewrite {
    status
    message
  }
  status
  phase
  version
  images {
    index
    status
    task {
      id
      status
    }
    image {
      ...Artifact
    }
    error {
      ...Failure
    }
  }
  selectedImageIndex
  model {
    status
    progress
    task {
      id
      status
    }
    files {
      ...Artifact
    }
    preview {
      ...Artifact
    }
    error {
      ...Failure
    }
  }
  createdAt
  completedAt
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
}`) as unknown as TypedDocumentString<SelectImageMutation, SelectImageMutationVariables>;
export const CancelGenerationDocument = new TypedDocumentString(`
    mutation CancelGeneration($id: ID!) {
  cancelGeneration(id: $id) {
    __typename
    ...Generation
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
fragment Failure on TaskError {
  code
  message
  retryable
  attempt
}
fragment Generation on Generation {
  id
  prompt
  finalPrompt
  rewrite {
    status
    message
  }
  status
  phase
  version
  images {
    index
    status
    task {
      id
      status
    }
    image {
      ...Artifact
    }
    error {
      ...Failure
    }
  }
  selectedImageIndex
  model {
    status
    progress
    task {
      id
      status
    }
    files {
      ...Artifact
    }
    preview {
      ...Artifact
    }
    error {
      ...Failure
    }
  }
  createdAt
  completedAt
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
}`) as unknown as TypedDocumentString<CancelGenerationMutation, CancelGenerationMutationVariables>;
export const DeleteGenerationDocument = new TypedDocumentString(`
    mutation DeleteGeneration($id: ID!) {
  deleteGeneration(id: $id) {
    __typename
    ... on DeletePayload {
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
}`) as unknown as TypedDocumentString<DeleteGenerationMutation, DeleteGenerationMutationVariables>;
export const WatchGenerationEventsDocument = new TypedDocumentString(`
    subscription WatchGenerationEvents($id: ID!, $after: Int) {
  generationEvents(id: $id, after: $after) {
    ...GenerationEvent
  }
}
    fragment Failure on TaskError {
  code
  message
  retryable
  attempt
}
fragment GenerationEvent on GenerationEvent {
  __typename
  ... on GenerationEventBase {
    version
    at
  }
  ... on GenerationUpdated {
    status
    phase
    message
  }
  ... on ImageGenerating {
    index
    prompt
  }
  ... on ImageCompleted {
    index
    image {
      ...Artifact
    }
  }
  ... on ImageFailed {
    index
    error {
      ...Failure
    }
  }
  ... on ModelProgress {
    progress
  }
  ... on ModelCompleted {
    files {
      ...Artifact
    }
    preview {
      ...Artifact
    }
  }
  ... on ModelFailed {
    error {
      ...Failure
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
}`) as unknown as TypedDocumentString<WatchGenerationEventsSubscription, WatchGenerationEventsSubscriptionVariables>;
export const ListKnowledgeBasesDocument = new TypedDocumentString(`
    query ListKnowledgeBases($first: Int!, $after: String) {
  knowledgeBases(first: $first, after: $after) {
    edges {
      node {
        ...KnowledgeBase
      }
    }
    pageInfo {
      hasNextPage
      endCursor
    }
  }
}
    fragment KnowledgeBase on KnowledgeBase {
  __typename
  id
  name
  createdAt
}`) as unknown as TypedDocumentString<ListKnowledgeBasesQuery, ListKnowledgeBasesQueryVariables>;
export const ListDocumentsDocument = new TypedDocumentString(`
    query ListDocuments($id: ID!, $where: DocumentWhere, $first: Int!, $after: String) {
  knowledgeBase(id: $id) {
    documents(where: $where, first: $first, after: $after) {
      edges {
        node {
          ...Document
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
}
    fragment Failure on TaskError {
  code
  message
  retryable
  attempt
}
fragment Document on Document {
  id
  name
  mimeType
  sizeBytes
  status
  chunkCount
  error {
    ...Failure
  }
  task {
    id
    status
    progress
    progressMessage
  }
  createdAt
}`) as unknown as TypedDocumentString<ListDocumentsQuery, ListDocumentsQueryVariables>;
export const SearchKnowledgeBaseDocument = new TypedDocumentString(`
    query SearchKnowledgeBase($id: ID!, $query: String!, $first: Int!) {
  knowledgeBase(id: $id) {
    search(query: $query, first: $first) {
      ...SearchHit
    }
  }
}
    fragment SearchHit on SearchHit {
  text
  score
  startOffset
  endOffset
  document {
    id
    name
  }
}`) as unknown as TypedDocumentString<SearchKnowledgeBaseQuery, SearchKnowledgeBaseQueryVariables>;
export const CreateKnowledgeBaseDocument = new TypedDocumentString(`
    mutation CreateKnowledgeBase($input: CreateKnowledgeBaseInput!) {
  createKnowledgeBase(input: $input) {
    ...KnowledgeBase
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
fragment KnowledgeBase on KnowledgeBase {
  __typename
  id
  name
  createdAt
}`) as unknown as TypedDocumentString<CreateKnowledgeBaseMutation, CreateKnowledgeBaseMutationVariables>;
export const DeleteKnowledgeBaseDocument = new TypedDocumentString(`
    mutation DeleteKnowledgeBase($id: ID!) {
  deleteKnowledgeBase(id: $id) {
    ... on DeletePayload {
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
}`) as unknown as TypedDocumentString<DeleteKnowledgeBaseMutation, DeleteKnowledgeBaseMutationVariables>;
export const DeleteDocumentDocument = new TypedDocumentString(`
    mutation DeleteDocument($id: ID!) {
  deleteDocument(id: $id) {
    ... on DeletePayload {
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
}`) as unknown as TypedDocumentString<DeleteDocumentMutation, DeleteDocumentMutationVariables>;
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
  loadedModels
  circuit
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
    expectedWaitMs
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
export const ListSchedulesDocument = new TypedDocumentString(`
    query ListSchedules {
  schedules {
    ...Schedule
  }
}
    fragment Schedule on Schedule {
  __typename
  id
  name
  cron
  timeZone
  paused
  kind
  model
  input
  nextRuns
  runs(first: 5) {
    at
    missedSince
    nextTryAt
    task {
      id
      status
    }
    error {
      code
      message
    }
  }
  createdAt
}`) as unknown as TypedDocumentString<ListSchedulesQuery, ListSchedulesQueryVariables>;
export const CreateScheduleDocument = new TypedDocumentString(`
    mutation CreateSchedule($input: CreateScheduleInput!) {
  createSchedule(input: $input) {
    ...Schedule
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
fragment Schedule on Schedule {
  __typename
  id
  name
  cron
  timeZone
  paused
  kind
  model
  input
  nextRuns
  runs(first: 5) {
    at
    missedSince
    nextTryAt
    task {
      id
      status
    }
    error {
      code
      message
    }
  }
  createdAt
}`) as unknown as TypedDocumentString<CreateScheduleMutation, CreateScheduleMutationVariables>;
export const PauseScheduleDocument = new TypedDocumentString(`
    mutation PauseSchedule($id: ID!, $paused: Boolean!) {
  pauseSchedule(id: $id, paused: $paused) {
    ...Schedule
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
fragment Schedule on Schedule {
  __typename
  id
  name
  cron
  timeZone
  paused
  kind
  model
  input
  nextRuns
  runs(first: 5) {
    at
    missedSince
    nextTryAt
    task {
      id
      status
    }
    error {
      code
      message
    }
  }
  createdAt
}`) as unknown as TypedDocumentString<PauseScheduleMutation, PauseScheduleMutationVariables>;
export const DeleteScheduleDocument = new TypedDocumentString(`
    mutation DeleteSchedule($id: ID!) {
  deleteSchedule(id: $id) {
    ... on DeletePayload {
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
}`) as unknown as TypedDocumentString<DeleteScheduleMutation, DeleteScheduleMutationVariables>;
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
  ... on ModelResult {
    files {
      ...Artifact
    }
    preview {
      ...Artifact
    }
  }
  ... on TextResult {
    text
    promptTokens
    completionTokens
  }
  ... on EmbeddingResult {
    dimensions
  }
  ... on DocumentResult {
    document {
      id
      name
      mimeType
      sizeBytes
      status
      chunkCount
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
  partialText
  preview {
    ...Artifact
  }
  queuePosition
  waitingReason
  estimate {
    startAt
    startAtP90
    completionAt
    completionAtP90
  }
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
export const GetVectorsDocument = new TypedDocumentString(`
    query GetVectors($id: ID!) {
  task(id: $id) {
    result {
      __typename
      ... on EmbeddingResult {
        vectors
      }
    }
  }
}
    `) as unknown as TypedDocumentString<GetVectorsQuery, GetVectorsQueryVariables>;
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
  ... on ModelResult {
    files {
      ...Artifact
    }
    preview {
      ...Artifact
    }
  }
  ... on TextResult {
    text
    promptTokens
    completionTokens
  }
  ... on EmbeddingResult {
    dimensions
  }
  ... on DocumentResult {
    document {
      id
      name
      mimeType
      sizeBytes
      status
      chunkCount
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
  partialText
  preview {
    ...Artifact
  }
  queuePosition
  waitingReason
  estimate {
    startAt
    startAtP90
    completionAt
    completionAtP90
  }
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
export const EstimateTaskDocument = new TypedDocumentString(`
    query EstimateTask($input: SubmitTaskInput!) {
  estimateTask(input: $input) {
    startAt
    startAtP90
    completionAt
    completionAtP90
  }
}
    `) as unknown as TypedDocumentString<EstimateTaskQuery, EstimateTaskQueryVariables>;
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
  ... on ModelResult {
    files {
      ...Artifact
    }
    preview {
      ...Artifact
    }
  }
  ... on TextResult {
    text
    promptTokens
    completionTokens
  }
  ... on EmbeddingResult {
    dimensions
  }
  ... on DocumentResult {
    document {
      id
      name
      mimeType
      sizeBytes
      status
      chunkCount
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
  partialText
  preview {
    ...Artifact
  }
  queuePosition
  waitingReason
  estimate {
    startAt
    startAtP90
    completionAt
    completionAtP90
  }
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
  ... on ModelResult {
    files {
      ...Artifact
    }
    preview {
      ...Artifact
    }
  }
  ... on TextResult {
    text
    promptTokens
    completionTokens
  }
  ... on EmbeddingResult {
    dimensions
  }
  ... on DocumentResult {
    document {
      id
      name
      mimeType
      sizeBytes
      status
      chunkCount
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
  partialText
  preview {
    ...Artifact
  }
  queuePosition
  waitingReason
  estimate {
    startAt
    startAtP90
    completionAt
    completionAtP90
  }
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
    mutation RetryTask($id: ID!, $task: TaskSpec) {
  retryTask(id: $id, task: $task) {
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
  ... on ModelResult {
    files {
      ...Artifact
    }
    preview {
      ...Artifact
    }
  }
  ... on TextResult {
    text
    promptTokens
    completionTokens
  }
  ... on EmbeddingResult {
    dimensions
  }
  ... on DocumentResult {
    document {
      id
      name
      mimeType
      sizeBytes
      status
      chunkCount
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
  partialText
  preview {
    ...Artifact
  }
  queuePosition
  waitingReason
  estimate {
    startAt
    startAtP90
    completionAt
    completionAtP90
  }
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
export const RetryTasksDocument = new TypedDocumentString(`
    mutation RetryTasks($where: TaskWhere!, $dryRun: Boolean!) {
  retryTasks(where: $where, dryRun: $dryRun) {
    ... on BulkPayload {
      __typename
      count
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
}`) as unknown as TypedDocumentString<RetryTasksMutation, RetryTasksMutationVariables>;
export const CancelTasksDocument = new TypedDocumentString(`
    mutation CancelTasks($where: TaskWhere!, $dryRun: Boolean!) {
  cancelTasks(where: $where, dryRun: $dryRun) {
    ... on BulkPayload {
      __typename
      count
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
}`) as unknown as TypedDocumentString<CancelTasksMutation, CancelTasksMutationVariables>;
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
  ... on ModelResult {
    files {
      ...Artifact
    }
    preview {
      ...Artifact
    }
  }
  ... on TextResult {
    text
    promptTokens
    completionTokens
  }
  ... on EmbeddingResult {
    dimensions
  }
  ... on DocumentResult {
    document {
      id
      name
      mimeType
      sizeBytes
      status
      chunkCount
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
  partialText
  preview {
    ...Artifact
  }
  queuePosition
  waitingReason
  estimate {
    startAt
    startAtP90
    completionAt
    completionAtP90
  }
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
export const CreateUploadDocument = new TypedDocumentString(`
    mutation CreateUpload($input: CreateUploadInput!) {
  createUpload(input: $input) {
    __typename
    ... on Upload {
      artifactId
      url
      headers
      expiresAt
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
}`) as unknown as TypedDocumentString<CreateUploadMutation, CreateUploadMutationVariables>;