-- A retry may have another input than the attempts before: what is not indexed yet follows it.
CREATE FUNCTION "document_changed"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE "document" d
  SET "knowledge_base_id" = (NEW."input" ->> 'knowledgeBaseId')::uuid, "name" = NEW."input" ->> 'name',
      "mime_type" = coalesce(a."mime_type", 'application/octet-stream'), "size_bytes" = coalesce(a."size_bytes", 0),
      "stage" = 'VALIDATING', "chunk_count" = NULL
  FROM (SELECT (NEW."input" #>> '{file,artifactId}')::uuid AS "id") f LEFT JOIN "artifact" a ON a."id" = f."id"
  WHERE d."id" = NEW."task_id" AND d."edition" IS NULL;
  RETURN NULL;
END $$;

CREATE TRIGGER "document_changed" AFTER UPDATE OF "input" ON "task_data"
FOR EACH ROW WHEN (NEW."input" ? 'knowledgeBaseId') EXECUTE FUNCTION "document_changed"();
