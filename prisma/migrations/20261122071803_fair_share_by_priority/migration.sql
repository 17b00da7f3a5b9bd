-- AlterTable
ALTER TABLE "fair_share" DROP CONSTRAINT "fair_share_pkey",
DROP COLUMN "urgent",
ADD COLUMN     "priority" "task_priority" NOT NULL,
ADD CONSTRAINT "fair_share_pkey" PRIMARY KEY ("user_id", "queue_id", "priority");
