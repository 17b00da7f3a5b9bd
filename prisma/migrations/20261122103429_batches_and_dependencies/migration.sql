-- AlterEnum
ALTER TYPE "task_status" ADD VALUE 'BLOCKED';

-- AlterTable
ALTER TABLE "task_data" ADD COLUMN     "texts" JSONB;

-- CreateTable
CREATE TABLE "task_dependency" (
    "child_id" UUID NOT NULL,
    "parent_id" UUID NOT NULL,

    CONSTRAINT "task_dependency_pkey" PRIMARY KEY ("child_id","parent_id")
);

-- CreateTable
CREATE TABLE "batch" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "idempotency_key" TEXT,
    "input_hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "batch_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "batch_task" (
    "batch_id" UUID NOT NULL,
    "task_id" UUID NOT NULL,
    "ref" TEXT,

    CONSTRAINT "batch_task_pkey" PRIMARY KEY ("batch_id","task_id")
);

-- CreateIndex
CREATE INDEX "task_dependency_parent_id_idx" ON "task_dependency"("parent_id");

-- CreateIndex
CREATE UNIQUE INDEX "batch_user_id_idempotency_key_key" ON "batch"("user_id", "idempotency_key");

-- CreateIndex
CREATE UNIQUE INDEX "batch_task_task_id_key" ON "batch_task"("task_id");

-- AddForeignKey
ALTER TABLE "task_dependency" ADD CONSTRAINT "task_dependency_child_id_fkey" FOREIGN KEY ("child_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "batch" ADD CONSTRAINT "batch_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "batch_task" ADD CONSTRAINT "batch_task_batch_id_fkey" FOREIGN KEY ("batch_id") REFERENCES "batch"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "batch_task" ADD CONSTRAINT "batch_task_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;
