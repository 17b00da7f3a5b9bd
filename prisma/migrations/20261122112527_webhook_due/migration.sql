-- AlterTable
ALTER TABLE "webhook_delivery" ADD COLUMN     "is_due" BOOLEAN NOT NULL DEFAULT true;

-- What is due, a webhook's oldest first; and what will be.
DROP INDEX "webhook_delivery_pending_idx";
CREATE INDEX "webhook_delivery_due_idx" ON "webhook_delivery"("webhook_id", "next_attempt_at") WHERE "is_due" AND "next_attempt_at" IS NOT NULL;
CREATE INDEX "webhook_delivery_waiting_idx" ON "webhook_delivery"("next_attempt_at") WHERE NOT "is_due" AND "next_attempt_at" IS NOT NULL;
