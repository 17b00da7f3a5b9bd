-- The last tasks of a batch may be deleted at the same time, where neither deletion sees the other: so they come one
-- after the other, and each looks for what is left with a snapshot of its own, behind the lock.
CREATE OR REPLACE FUNCTION "remove_empty_batches"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM "batch" WHERE "id" IN (SELECT "batch_id" FROM "gone") ORDER BY "id" FOR UPDATE;
  DELETE FROM "batch" b USING (SELECT DISTINCT "batch_id" FROM "gone") g
  WHERE b."id" = g."batch_id" AND NOT EXISTS (SELECT FROM "batch_task" m WHERE m."batch_id" = b."id");
  RETURN NULL;
END $$;

-- What was left over so far.
DELETE FROM "batch" b WHERE NOT EXISTS (SELECT FROM "batch_task" m WHERE m."batch_id" = b."id");
