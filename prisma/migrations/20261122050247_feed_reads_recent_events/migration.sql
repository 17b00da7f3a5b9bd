-- CreateIndex
-- Events are appended, so a block range index finds the recent ones, and costs nothing to keep.
CREATE INDEX "task_event_at_idx" ON "task_event" USING BRIN ("at") WITH (pages_per_range = 32, autosummarize = on);
