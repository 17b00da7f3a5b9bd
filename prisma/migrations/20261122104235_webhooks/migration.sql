-- CreateTable
CREATE TABLE "webhook" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "url" TEXT NOT NULL,
    "for_tasks" BOOLEAN NOT NULL DEFAULT false,
    "events" "task_event_type"[] DEFAULT ARRAY[]::"task_event_type"[],
    "enabled" BOOLEAN NOT NULL DEFAULT true,
    "disabled_at" TIMESTAMPTZ(3),
    "disabled_reason" TEXT,
    "failures" INTEGER NOT NULL DEFAULT 0,
    "failing_since" TIMESTAMPTZ(3),
    "resting_until" TIMESTAMPTZ(3),
    "used_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "webhook_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "webhook_secret" (
    "owner_id" UUID NOT NULL,
    "secret" BYTEA NOT NULL,
    "previous" BYTEA,
    "previous_until" TIMESTAMPTZ(3),

    CONSTRAINT "webhook_secret_pkey" PRIMARY KEY ("owner_id")
);

-- CreateTable
CREATE TABLE "task_webhook" (
    "task_id" UUID NOT NULL,
    "webhook_id" UUID NOT NULL,

    CONSTRAINT "task_webhook_pkey" PRIMARY KEY ("task_id")
);

-- CreateTable
CREATE TABLE "webhook_delivery" (
    "id" UUID NOT NULL,
    "webhook_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "subject_id" UUID NOT NULL,
    "version" INTEGER,
    "status" "task_status",
    "attempt" INTEGER,
    "kind" TEXT,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "by_hand" BOOLEAN NOT NULL DEFAULT false,
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "response_status" INTEGER,
    "error" TEXT,
    "delivered_at" TIMESTAMPTZ(3),
    "next_attempt_at" TIMESTAMPTZ(3) DEFAULT CURRENT_TIMESTAMP,
    "lease_until" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "webhook_delivery_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "webhook_user_id_url_idx" ON "webhook"("user_id", "url");

-- CreateIndex
CREATE INDEX "task_webhook_webhook_id_idx" ON "task_webhook"("webhook_id");

-- CreateIndex
CREATE INDEX "webhook_delivery_webhook_id_id_idx" ON "webhook_delivery"("webhook_id", "id");

-- AddForeignKey
ALTER TABLE "webhook" ADD CONSTRAINT "webhook_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "task_webhook" ADD CONSTRAINT "task_webhook_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- A URL that tasks name is one webhook for each user.
CREATE UNIQUE INDEX "webhook_user_id_url_for_tasks_key" ON "webhook"("user_id", "url") WHERE "for_tasks";

-- What a user is told of every task.
CREATE INDEX "webhook_user_id_idx" ON "webhook"("user_id") WHERE NOT "for_tasks";

-- What is still to be sent, a webhook's oldest first.
CREATE INDEX "webhook_delivery_pending_idx" ON "webhook_delivery"("webhook_id", "next_attempt_at") WHERE "next_attempt_at" IS NOT NULL;

-- A UUIDv7 of now.
CREATE FUNCTION "new_row_id"() RETURNS uuid LANGUAGE sql VOLATILE AS $$
  SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING
    substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1),
    'hex')::uuid
$$;

-- Whoever writes events fills the outbox with them. Its plans are kept, also those made while the tables were small: by
-- indexes always.
CREATE FUNCTION "fill_webhook_outbox"() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT FROM webhook) THEN
    INSERT INTO webhook_delivery (id, webhook_id, type, subject_id, version, status, attempt, kind, at)
    SELECT new_row_id(), told.webhook_id, 'task.' || lower(e.type::text), e.task_id, e.version, e.status, e.attempt, t.kind, e.at
    FROM new_event e JOIN task t ON t.id = e.task_id CROSS JOIN LATERAL (
      SELECT w.id AS webhook_id FROM webhook w
      WHERE w.user_id = t.user_id AND NOT w.for_tasks AND w.enabled AND (w.events = '{}' OR e.type = ANY (w.events))
      UNION
      SELECT w.id FROM task_webhook h JOIN webhook w ON w.id = h.webhook_id WHERE h.task_id = e.task_id AND w.enabled
    ) told
    ORDER BY e.task_id, e.version;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER "fill_webhook_outbox" AFTER INSERT ON "task_event" REFERENCING NEW TABLE AS new_event
  FOR EACH STATEMENT EXECUTE FUNCTION "fill_webhook_outbox"();
