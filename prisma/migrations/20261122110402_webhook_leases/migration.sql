-- How many deliveries of a webhook are under way.
CREATE INDEX "webhook_delivery_leased_idx" ON "webhook_delivery"("webhook_id") WHERE "lease_until" IS NOT NULL;
