-- CreateTable
CREATE TABLE "task_preview" (
    "task_id" UUID NOT NULL,
    "attempt" INTEGER NOT NULL,
    "artifact_id" UUID NOT NULL,

    CONSTRAINT "task_preview_pkey" PRIMARY KEY ("task_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "task_preview_artifact_id_key" ON "task_preview"("artifact_id");

-- AddForeignKey
ALTER TABLE "task_preview" ADD CONSTRAINT "task_preview_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task_preview" ADD CONSTRAINT "task_preview_artifact_id_fkey" FOREIGN KEY ("artifact_id") REFERENCES "artifact"("id") ON DELETE CASCADE ON UPDATE CASCADE;
