-- AlterTable
ALTER TABLE "task" ADD COLUMN     "charged_seconds" REAL NOT NULL DEFAULT 0;

-- CreateTable
CREATE TABLE "fair_share" (
    "user_id" UUID NOT NULL,
    "queue_id" UUID NOT NULL,
    "urgent" BOOLEAN NOT NULL,
    "finish" DOUBLE PRECISION NOT NULL,
    "weight" REAL NOT NULL,
    "drift" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "placed_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "used" DOUBLE PRECISION NOT NULL DEFAULT 0,
    "used_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "fair_share_pkey" PRIMARY KEY ("user_id","queue_id","urgent")
);

-- CreateTable
CREATE TABLE "fair_clock" (
    "queue_id" UUID NOT NULL,
    "urgent" BOOLEAN NOT NULL,
    "now" DOUBLE PRECISION NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "fair_clock_pkey" PRIMARY KEY ("queue_id","urgent")
);

-- Room for HOT updates.
ALTER TABLE "fair_share" SET (fillfactor = 50);
ALTER TABLE "fair_clock" SET (fillfactor = 30);
