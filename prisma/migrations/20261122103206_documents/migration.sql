-- CreateEnum
CREATE TYPE "document_stage" AS ENUM ('VALIDATING', 'CONVERTING', 'CHUNKING', 'EMBEDDING', 'INDEXED');

-- CreateTable
CREATE TABLE "knowledge_base" (
    "id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "embedding_model" TEXT NOT NULL,
    "dimensions" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "knowledge_base_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "document" (
    "id" UUID NOT NULL,
    "knowledge_base_id" UUID NOT NULL,
    "user_id" UUID NOT NULL,
    "name" TEXT NOT NULL,
    "mime_type" TEXT NOT NULL,
    "size_bytes" INTEGER NOT NULL,
    "stage" "document_stage" NOT NULL DEFAULT 'VALIDATING',
    "chunk_count" INTEGER,
    "edition" INTEGER,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "document_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "chunk" (
    "document_id" UUID NOT NULL,
    "edition" INTEGER NOT NULL,
    "ordinal" INTEGER NOT NULL,
    "knowledge_base_id" UUID NOT NULL,
    "start_offset" INTEGER NOT NULL,
    "end_offset" INTEGER NOT NULL,
    "text" TEXT NOT NULL,
    "words" tsvector NOT NULL,
    "embedding" REAL[],

    CONSTRAINT "chunk_pkey" PRIMARY KEY ("document_id","edition","ordinal")
);

-- CreateTable
CREATE TABLE "document_part" (
    "task_id" UUID NOT NULL,
    "document_id" UUID NOT NULL,

    CONSTRAINT "document_part_pkey" PRIMARY KEY ("task_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "knowledge_base_user_id_name_key" ON "knowledge_base"("user_id", "name");

-- CreateIndex
CREATE UNIQUE INDEX "knowledge_base_id_user_id_key" ON "knowledge_base"("id", "user_id");

-- CreateIndex
CREATE INDEX "document_knowledge_base_id_id_idx" ON "document"("knowledge_base_id", "id");

-- CreateIndex
CREATE INDEX "document_knowledge_base_id_name_idx" ON "document"("knowledge_base_id", "name");

-- CreateIndex
CREATE INDEX "chunk_knowledge_base_id_idx" ON "chunk"("knowledge_base_id");

-- CreateIndex
CREATE INDEX "chunk_words_idx" ON "chunk" USING GIN ("words");

-- CreateIndex
CREATE INDEX "document_part_document_id_idx" ON "document_part"("document_id");

-- AddForeignKey
ALTER TABLE "knowledge_base" ADD CONSTRAINT "knowledge_base_user_id_fkey" FOREIGN KEY ("user_id") REFERENCES "user_account"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "document" ADD CONSTRAINT "document_id_fkey" FOREIGN KEY ("id") REFERENCES "task"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "document" ADD CONSTRAINT "document_knowledge_base_id_user_id_fkey" FOREIGN KEY ("knowledge_base_id", "user_id") REFERENCES "knowledge_base"("id", "user_id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "document_part" ADD CONSTRAINT "document_part_task_id_fkey" FOREIGN KEY ("task_id") REFERENCES "task"("id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Vectors are looked at one after the other and do not compress.
ALTER TABLE "chunk" ALTER COLUMN "embedding" SET STORAGE EXTERNAL;

-- A document is there as soon as its task is, whoever writes the task.
CREATE FUNCTION "document_submitted"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO "document" ("id", "knowledge_base_id", "user_id", "name", "mime_type", "size_bytes")
  SELECT t."id", (NEW."input" ->> 'knowledgeBaseId')::uuid, t."user_id", NEW."input" ->> 'name',
         coalesce(a."mime_type", 'application/octet-stream'), coalesce(a."size_bytes", 0)
  FROM "task" t LEFT JOIN "artifact" a ON a."id" = (NEW."input" #>> '{file,artifactId}')::uuid
  WHERE t."id" = NEW."task_id" AND t."kind" = 'DOCUMENT';
  RETURN NULL;
END $$;

CREATE TRIGGER "document_submitted" AFTER INSERT ON "task_data"
FOR EACH ROW WHEN (NEW."input" ? 'knowledgeBaseId') EXECUTE FUNCTION "document_submitted"();
