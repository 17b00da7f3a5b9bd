-- A batch goes with the last of its tasks, whoever deletes that.
CREATE FUNCTION "remove_empty_batches"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM "batch" b USING (SELECT DISTINCT "batch_id" FROM "gone") g
  WHERE b."id" = g."batch_id" AND NOT EXISTS (SELECT FROM "batch_task" m WHERE m."batch_id" = b."id");
  RETURN NULL;
END $$;

CREATE TRIGGER "batch_task_removed" AFTER DELETE ON "batch_task"
REFERENCING OLD TABLE AS "gone" FOR EACH STATEMENT EXECUTE FUNCTION "remove_empty_batches"();
