-- CreateTable
CREATE TABLE "remote_job" (
    "task_id" UUID NOT NULL,
    "node_id" UUID NOT NULL,
    "attempt" INTEGER NOT NULL,
    "handle" TEXT,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "remote_job_pkey" PRIMARY KEY ("task_id")
);

-- AddForeignKey
ALTER TABLE "remote_job" ADD CONSTRAINT "remote_job_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "remote_job" ADD CONSTRAINT "remote_job_node_id_fkey" FOREIGN KEY ("node_id") REFERENCES "gpu_node"("id") ON DELETE CASCADE ON UPDATE CASCADE;
