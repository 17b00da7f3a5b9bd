-- CreateEnum
CREATE TYPE "generation_phase" AS ENUM ('IMAGE_GENERATION', 'AWAITING_SELECTION', 'MODEL_GENERATION', 'COMPLETED');

-- CreateEnum
CREATE TYPE "generation_status" AS ENUM ('IMAGE_PENDING', 'IMAGE_GENERATING', 'IMAGE_COMPLETED', 'IMAGE_FAILED', 'MODEL_PENDING', 'MODEL_GENERATING', 'MODEL_COMPLETED', 'MODEL_FAILED', 'COMPLETED', 'FAILED', 'CANCELED');

-- CreateEnum
CREATE TYPE "generated_status" AS ENUM ('PENDING', 'GENERATING', 'COMPLETED', 'FAILED', 'CANCELED');

-- CreateEnum
CREATE TYPE "generation_role" AS ENUM ('REWRITE', 'IMAGE', 'MODEL');

-- CreateTable
CREATE TABLE "generation" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "prompt" TEXT NOT NULL,
    "optimize" BOOLEAN NOT NULL,
    "final_prompt" TEXT,
    "fallback" TEXT,
    "image_count" INTEGER NOT NULL,
    "image_model" TEXT NOT NULL,
    "model_model" TEXT,
    "format" TEXT NOT NULL,
    "status" "generation_status" NOT NULL DEFAULT 'IMAGE_PENDING',
    "phase" "generation_phase" NOT NULL DEFAULT 'IMAGE_GENERATION',
    "selected_image" INTEGER,
    "version" INTEGER NOT NULL,
    "follow_at" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "completed_at" TIMESTAMPTZ(3),

    CONSTRAINT "generation_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "generation_task" (
    "task_id" UUID NOT NULL,
    "generation_id" UUID NOT NULL,
    "role" "generation_role" NOT NULL,
    "number" INTEGER NOT NULL,
    "model" TEXT NOT NULL,
    "status" "generated_status" NOT NULL DEFAULT 'PENDING',
    "started" BOOLEAN NOT NULL DEFAULT false,
    "seen_version" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "generation_task_pkey" PRIMARY KEY ("task_id")
);

-- CreateTable
CREATE TABLE "generation_event" (
    "generation_id" UUID NOT NULL,
    "version" INTEGER NOT NULL,
    "type" TEXT NOT NULL,
    "data" JSONB NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "generation_event_pkey" PRIMARY KEY ("generation_id","version")
);

-- CreateIndex
CREATE INDEX "generation_user_id_id_idx" ON "generation"("user_id", "id");

-- CreateIndex
CREATE INDEX "generation_follow_at_idx" ON "generation"("follow_at");

-- CreateIndex
CREATE UNIQUE INDEX "generation_task_generation_id_role_number_key" ON "generation_task"("generation_id", "role", "number");

-- AddForeignKey
ALTER TABLE "generation" ADD CONSTRAINT "generation_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "generation_task" ADD CONSTRAINT "generation_task_generation_id_fkey" FOREIGN KEY ("generation_id") REFERENCES "generation"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "generation_event" ADD CONSTRAINT "generation_event_generation_id_fkey" FOREIGN KEY ("generation_id") REFERENCES "generation"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Whatever asks for a retry of a task of a generation brings that back to its followers. Deferred: the generation is
-- locked after everything else.
CREATE FUNCTION "follow_retried_task"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE "generation" SET "follow_at" = now()
  FROM "generation_task" "part"
  WHERE "part"."task_id" = NEW."task_id" AND "generation"."id" = "part"."generation_id";
  RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER "follow_retried_task" AFTER INSERT ON "task_event"
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW."type" = 'RETRIED') EXECUTE FUNCTION "follow_retried_task"();
