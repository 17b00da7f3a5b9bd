-- CreateTable
CREATE TABLE "upload" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "storage_key" TEXT,
    "mime_type" TEXT NOT NULL,
    "size_bytes" INTEGER NOT NULL,
    "sha256" TEXT,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "upload_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "user_storage" (
    "user_id" UUID NOT NULL,
    "bytes" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "user_storage_pkey" PRIMARY KEY ("user_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "upload_storage_key_key" ON "upload"("storage_key");

-- CreateIndex
CREATE INDEX "upload_user_id_idx" ON "upload"("user_id");

-- CreateIndex
CREATE INDEX "upload_expires_at_idx" ON "upload"("expires_at");

-- AddForeignKey
ALTER TABLE "upload" ADD CONSTRAINT "upload_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "user_storage" ADD CONSTRAINT "user_storage_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- A row is updated with every artifact.
ALTER TABLE "user_storage" SET (fillfactor = 70);

-- Whoever writes artifacts or uploads changes what their users have stored, in the order of the users' ids.
CREATE FUNCTION "count_stored"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "user_storage" AS stored ("user_id", "bytes")
  SELECT "user_id", sum("size_bytes") FROM "changed" GROUP BY "user_id" ORDER BY "user_id"
  ON CONFLICT ("user_id") DO UPDATE SET "bytes" = stored."bytes" + excluded."bytes";
  RETURN NULL;
END $$;

-- A user that is deleted has no row any more.
CREATE FUNCTION "count_removed"() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  removed record;
BEGIN
  FOR removed IN
    SELECT "user_id", sum("size_bytes") AS "bytes" FROM "changed" GROUP BY "user_id" ORDER BY "user_id"
  LOOP
    UPDATE "user_storage" SET "bytes" = "user_storage"."bytes" - removed."bytes"
    WHERE "user_storage"."user_id" = removed."user_id";
  END LOOP;
  RETURN NULL;
END $$;

CREATE TRIGGER "count_stored" AFTER INSERT ON "artifact"
  REFERENCING NEW TABLE AS "changed" FOR EACH STATEMENT EXECUTE FUNCTION "count_stored"();
CREATE TRIGGER "count_removed" AFTER DELETE ON "artifact"
  REFERENCING OLD TABLE AS "changed" FOR EACH STATEMENT EXECUTE FUNCTION "count_removed"();
CREATE TRIGGER "count_stored" AFTER INSERT ON "upload"
  REFERENCING NEW TABLE AS "changed" FOR EACH STATEMENT EXECUTE FUNCTION "count_stored"();
CREATE TRIGGER "count_removed" AFTER DELETE ON "upload"
  REFERENCING OLD TABLE AS "changed" FOR EACH STATEMENT EXECUTE FUNCTION "count_removed"();

-- What there is already.
INSERT INTO "user_storage" ("user_id", "bytes")
SELECT "user_id", sum("size_bytes") FROM "artifact" GROUP BY "user_id";
