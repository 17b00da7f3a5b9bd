-- AlterTable
ALTER TABLE "gpu_node" ADD COLUMN     "drain_until" TIMESTAMPTZ(3),
ADD COLUMN     "ejected_until" TIMESTAMPTZ(3),
ADD COLUMN     "ejections" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "lease_until" TIMESTAMPTZ(3),
ADD COLUMN     "leaving" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "loaded_at" TIMESTAMPTZ(3),
ADD COLUMN     "loaded_models" JSONB,
ADD COLUMN     "node_token_id" UUID,
ADD COLUMN     "reported_models" JSONB;

-- AlterTable
ALTER TABLE "run_estimate" ADD COLUMN     "swap_seconds" DOUBLE PRECISION[] DEFAULT ARRAY[]::DOUBLE PRECISION[],
ADD COLUMN     "swap_units" DOUBLE PRECISION[] DEFAULT ARRAY[]::DOUBLE PRECISION[];

-- CreateTable
CREATE TABLE "node_token" (
    "id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "hash" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),

    CONSTRAINT "node_token_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "node_token_name_key" ON "node_token"("name");

-- CreateIndex
CREATE UNIQUE INDEX "node_token_hash_key" ON "node_token"("hash");

-- AddForeignKey
ALTER TABLE "gpu_node" ADD CONSTRAINT "gpu_node_node_token_id_fkey" FOREIGN KEY ("node_token_id") REFERENCES "node_token"("id") ON DELETE SET NULL ON UPDATE CASCADE;
