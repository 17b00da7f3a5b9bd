-- CreateTable
CREATE UNLOGGED TABLE "task_text" (
    "task_id" UUID NOT NULL,
    "attempt" INTEGER NOT NULL,
    "text" TEXT NOT NULL,

    CONSTRAINT "task_text_pkey" PRIMARY KEY ("task_id")
);

-- AddForeignKey
ALTER TABLE "task_text" ADD CONSTRAINT "task_text_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;
