-- CreateTable
CREATE TABLE "task_act" (
    "task_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "user_id" UUID NOT NULL,
    "input" JSONB,
    "model" TEXT,

    CONSTRAINT "task_act_pkey" PRIMARY KEY ("task_id","version")
);

-- CreateTable
CREATE TABLE "schedule" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "cron" TEXT NOT NULL,
    "time_zone" TEXT NOT NULL,
    "paused" BOOLEAN NOT NULL DEFAULT false,
    "submission" JSONB NOT NULL,
    "hash" BYTEA NOT NULL,
    "next_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "schedule_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "schedule_artifact" (
    "schedule_id" UUID NOT NULL,
    "artifact_id" UUID NOT NULL,

    CONSTRAINT "schedule_artifact_pkey" PRIMARY KEY ("schedule_id","artifact_id")
);

-- CreateTable
CREATE TABLE "schedule_run" (
    "task_id" UUID NOT NULL,
    "schedule_id" UUID NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "missed_since" TIMESTAMPTZ(3),
    "due_at" TIMESTAMPTZ(3) DEFAULT CURRENT_TIMESTAMP,
    "error" JSONB,

    CONSTRAINT "schedule_run_pkey" PRIMARY KEY ("task_id")
);

-- CreateIndex
CREATE INDEX "schedule_next_at_idx" ON "schedule"("next_at");

-- CreateIndex
CREATE UNIQUE INDEX "schedule_user_id_name_key" ON "schedule"("user_id", "name");

-- CreateIndex
CREATE INDEX "schedule_artifact_artifact_id_idx" ON "schedule_artifact"("artifact_id");

-- CreateIndex
CREATE INDEX "schedule_run_schedule_id_task_id_idx" ON "schedule_run"("schedule_id", "task_id");

-- CreateIndex
CREATE UNIQUE INDEX "schedule_run_schedule_id_at_key" ON "schedule_run"("schedule_id", "at");

-- AddForeignKey
ALTER TABLE "task_act" ADD CONSTRAINT "task_act_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "schedule" ADD CONSTRAINT "schedule_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "schedule_artifact" ADD CONSTRAINT "schedule_artifact_schedule_id_fkey" FOREIGN KEY ("schedule_id") REFERENCES "schedule"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "schedule_artifact" ADD CONSTRAINT "schedule_artifact_artifact_id_fkey" FOREIGN KEY ("artifact_id") REFERENCES "artifact"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "schedule_run" ADD CONSTRAINT "schedule_run_schedule_id_fkey" FOREIGN KEY ("schedule_id") REFERENCES "schedule"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- What is left to do, of runs that are mostly done.
CREATE INDEX "schedule_run_due_at_idx" ON "schedule_run" ("due_at") WHERE "due_at" IS NOT NULL;
