-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateEnum
CREATE TYPE "role" AS ENUM ('USER', 'OPERATOR', 'ADMIN');

-- CreateEnum
CREATE TYPE "tier" AS ENUM ('FREE', 'PRO', 'VIP');

-- CreateEnum
CREATE TYPE "task_status" AS ENUM ('SCHEDULED', 'QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED');

-- CreateEnum
CREATE TYPE "task_priority" AS ENUM ('LOW', 'NORMAL', 'HIGH', 'URGENT');

-- CreateEnum
CREATE TYPE "task_event_type" AS ENUM ('SUBMITTED', 'RELEASED', 'STARTED', 'RETRYING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'RETRIED');

-- CreateEnum
CREATE TYPE "attempt_outcome" AS ENUM ('RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'NODE_LOST', 'WORKER_LOST', 'CANCELED');

-- CreateEnum
CREATE TYPE "node_state" AS ENUM ('ACTIVE', 'DRAINING', 'REMOVED');

-- CreateTable
CREATE TABLE "user_account" (
    "id" UUID NOT NULL,
    "username" TEXT NOT NULL,
    "password_hash" TEXT,
    "role" "role" NOT NULL DEFAULT 'USER',
    "tier" "tier" NOT NULL DEFAULT 'FREE',
    "disabled" BOOLEAN NOT NULL DEFAULT false,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "user_account_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "session" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "refresh_hash" BYTEA NOT NULL,
    "previous_hash" BYTEA,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "session_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "api_key" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "prefix" TEXT NOT NULL,
    "hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),

    CONSTRAINT "api_key_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "token_bucket" (
    "key" TEXT NOT NULL,
    "tokens" DOUBLE PRECISION NOT NULL,
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "token_bucket_pkey" PRIMARY KEY ("key")
);

-- CreateTable
CREATE TABLE "artifact" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "storage_key" TEXT NOT NULL,
    "mime_type" TEXT NOT NULL,
    "size_bytes" INTEGER NOT NULL,
    "sha256" TEXT NOT NULL,
    "width" INTEGER,
    "height" INTEGER,
    "duration_seconds" DOUBLE PRECISION,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "artifact_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "task_artifact" (
    "task_id" UUID NOT NULL,
    "artifact_id" UUID NOT NULL,
    "is_output" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "task_artifact_pkey" PRIMARY KEY ("task_id","artifact_id")
);

-- CreateTable
CREATE TABLE "gpu_node" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "protocol" TEXT NOT NULL,
    "token" TEXT,
    "slot_count" INTEGER NOT NULL,
    "offers" JSONB NOT NULL,
    "state" "node_state" NOT NULL DEFAULT 'ACTIVE',
    "healthy" BOOLEAN NOT NULL DEFAULT false,
    "failures" INTEGER NOT NULL DEFAULT 0,
    "last_seen_at" TIMESTAMPTZ(3),
    "next_probe_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "config_hash" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "gpu_node_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "slot" (
    "node_id" UUID NOT NULL,
    "slot_no" INTEGER NOT NULL,
    "epoch" INTEGER NOT NULL DEFAULT 0,
    "task_id" UUID,
    "attempt" INTEGER,
    "worker_id" UUID,
    "leased_at" TIMESTAMPTZ(3),
    "held_until" TIMESTAMPTZ(3),

    CONSTRAINT "slot_pkey" PRIMARY KEY ("node_id","slot_no")
);

-- CreateTable
CREATE TABLE "run_estimate" (
    "node_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "samples" INTEGER NOT NULL,
    "recent" DOUBLE PRECISION[],

    CONSTRAINT "run_estimate_pkey" PRIMARY KEY ("node_id","kind","model")
);

-- CreateTable
CREATE TABLE "queue" (
    "id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "boss_name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "queue_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "task_count" (
    "owner_id" UUID NOT NULL,
    "shard" SMALLINT NOT NULL,
    "queued" INTEGER NOT NULL DEFAULT 0,
    "running" INTEGER NOT NULL DEFAULT 0,
    "scheduled" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "task_count_pkey" PRIMARY KEY ("owner_id","shard")
);

-- CreateTable
CREATE TABLE "task" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "queue_id" UUID NOT NULL,
    "kind" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "status" "task_status" NOT NULL,
    "priority" "task_priority" NOT NULL,
    "version" INTEGER NOT NULL DEFAULT 1,
    "attempt" INTEGER NOT NULL DEFAULT 0,
    "max_attempts" INTEGER NOT NULL,
    "attempt_base" INTEGER NOT NULL DEFAULT 0,
    "timeout_ms" INTEGER NOT NULL,
    "cost" REAL NOT NULL,
    "job_id" UUID,
    "node_id" UUID,
    "progress" REAL,
    "progress_message" TEXT,
    "gpu_ms" BIGINT NOT NULL DEFAULT 0,
    "idempotency_key" TEXT,
    "start_at" TIMESTAMPTZ(3),
    "deadline" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "task_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "task_data" (
    "task_id" UUID NOT NULL,
    "input" JSONB NOT NULL,
    "labels" JSONB,
    "result" JSONB,
    "error" JSONB,
    "input_hash" BYTEA,

    CONSTRAINT "task_data_pkey" PRIMARY KEY ("task_id")
);

-- CreateTable
CREATE TABLE "task_event" (
    "task_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "type" "task_event_type" NOT NULL,
    "status" "task_status" NOT NULL,
    "attempt" INTEGER NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "error" JSONB,

    CONSTRAINT "task_event_pkey" PRIMARY KEY ("task_id","version")
);

-- CreateTable
CREATE TABLE "task_attempt" (
    "task_id" UUID NOT NULL,
    "number" INTEGER NOT NULL,
    "node_id" UUID NOT NULL,
    "slot_no" INTEGER NOT NULL,
    "epoch" INTEGER NOT NULL,
    "worker_id" UUID NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "ended_at" TIMESTAMPTZ(3),
    "outcome" "attempt_outcome" NOT NULL DEFAULT 'RUNNING',
    "error" JSONB,
    "gpu_ms" INTEGER NOT NULL DEFAULT 0,
    "stopped" BOOLEAN,

    CONSTRAINT "task_attempt_pkey" PRIMARY KEY ("task_id","number")
);

-- CreateTable
CREATE TABLE "worker" (
    "id" UUID NOT NULL,
    "host" TEXT NOT NULL,
    "pid" INTEGER NOT NULL,
    "concurrency" INTEGER NOT NULL,
    "started_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "lease_until" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "worker_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "leader" (
    "name" TEXT NOT NULL,
    "holder" UUID NOT NULL,
    "until" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "leader_pkey" PRIMARY KEY ("name")
);

-- CreateIndex
CREATE UNIQUE INDEX "user_account_username_key" ON "user_account"("username");

-- CreateIndex
CREATE UNIQUE INDEX "session_refresh_hash_key" ON "session"("refresh_hash");

-- CreateIndex
CREATE UNIQUE INDEX "session_previous_hash_key" ON "session"("previous_hash");

-- CreateIndex
CREATE INDEX "session_user_id_idx" ON "session"("user_id");

-- CreateIndex
CREATE INDEX "session_expires_at_idx" ON "session"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "api_key_hash_key" ON "api_key"("hash");

-- CreateIndex
CREATE INDEX "api_key_user_id_idx" ON "api_key"("user_id");

-- CreateIndex
CREATE UNIQUE INDEX "artifact_storage_key_key" ON "artifact"("storage_key");

-- CreateIndex
CREATE INDEX "artifact_created_at_idx" ON "artifact"("created_at");

-- CreateIndex
CREATE INDEX "task_artifact_artifact_id_idx" ON "task_artifact"("artifact_id");

-- CreateIndex
CREATE UNIQUE INDEX "gpu_node_name_key" ON "gpu_node"("name");

-- CreateIndex
CREATE UNIQUE INDEX "queue_boss_name_key" ON "queue"("boss_name");

-- CreateIndex
CREATE UNIQUE INDEX "queue_kind_model_key" ON "queue"("kind", "model");

-- CreateIndex
CREATE INDEX "task_user_id_id_idx" ON "task"("user_id", "id");

-- CreateIndex
CREATE UNIQUE INDEX "task_user_id_idempotency_key_key" ON "task"("user_id", "idempotency_key");

-- CreateIndex
CREATE UNIQUE INDEX "task_attempt_node_id_slot_no_epoch_key" ON "task_attempt"("node_id", "slot_no", "epoch");

-- AddForeignKey
ALTER TABLE "session" ADD CONSTRAINT "session_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_key" ADD CONSTRAINT "api_key_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "artifact" ADD CONSTRAINT "artifact_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task_artifact" ADD CONSTRAINT "task_artifact_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task_artifact" ADD CONSTRAINT "task_artifact_artifact_id_fkey" FOREIGN KEY ("artifact_id") REFERENCES "artifact"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "slot" ADD CONSTRAINT "slot_node_id_fkey" FOREIGN KEY ("node_id") REFERENCES "gpu_node"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "run_estimate" ADD CONSTRAINT "run_estimate_node_id_fkey" FOREIGN KEY ("node_id") REFERENCES "gpu_node"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task" ADD CONSTRAINT "task_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task" ADD CONSTRAINT "task_queue_id_fkey" FOREIGN KEY ("queue_id") REFERENCES "queue"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task" ADD CONSTRAINT "task_node_id_fkey" FOREIGN KEY ("node_id") REFERENCES "gpu_node"("id") ON DELETE SET NULL ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task_data" ADD CONSTRAINT "task_data_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task_event" ADD CONSTRAINT "task_event_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task_attempt" ADD CONSTRAINT "task_attempt_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task_attempt" ADD CONSTRAINT "task_attempt_node_id_fkey" FOREIGN KEY ("node_id") REFERENCES "gpu_node"("id") ON DELETE RESTRICT ON UPDATE CASCADE;


-- Room for HOT updates: pages keep space for the next version of a row that changes often. Tasks that were
-- submitted together are claimed and settled together: half of each page is just enough then.
ALTER TABLE "task" SET (fillfactor = 50);
ALTER TABLE "task_data" SET (fillfactor = 70);
ALTER TABLE "task_attempt" SET (fillfactor = 80);
ALTER TABLE "task_count" SET (fillfactor = 30);
ALTER TABLE "slot" SET (fillfactor = 30);
ALTER TABLE "worker" SET (fillfactor = 30);
ALTER TABLE "token_bucket" SET (fillfactor = 50);

-- What the sweeper asks: who still runs, and on which worker. Small, since most attempts have ended.
CREATE INDEX "task_attempt_running_idx" ON "task_attempt" ("worker_id") WHERE "outcome" = 'RUNNING';
-- What release and the deadline sweep ask.
CREATE INDEX "task_start_at_idx" ON "task" ("start_at") WHERE "start_at" IS NOT NULL;
CREATE INDEX "task_deadline_idx" ON "task" ("deadline") WHERE "deadline" IS NOT NULL;
