/** SQL: whether something names the row of `artifact`. Until then, and only then, it is garbage. */
export const IS_NAMED_ARTIFACT = `(EXISTS (SELECT FROM task_artifact WHERE artifact_id = artifact.id)
    OR EXISTS (SELECT FROM schedule_artifact WHERE artifact_id = artifact.id))`;
