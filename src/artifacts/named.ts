/**
 * Every column that names an artifact: what one of them names is never removed. A table that comes to name artifacts
 * adds its column here, with a foreign key and an index; a test compares the list with the database's foreign keys.
 */
export const namingColumns = [
  'task_artifact.artifact_id',
  'task_preview.artifact_id',
  'schedule_artifact.artifact_id',
] as const;

const isNamedBy = (columns: readonly string[]) =>
  `(${columns
    .map((column) => `EXISTS (SELECT FROM ${column.split('.')[0]} WHERE ${column} = artifact.id)`)
    .join(' OR ')})`;

/** SQL: whether a row names the one of `artifact`. */
export const IS_NAMED_ARTIFACT = isNamedBy(namingColumns);

/** SQL: the same, but for a preview, whose row goes with it when the attempt that showed it takes it away. */
export const IS_KEPT_ARTIFACT = isNamedBy(
  namingColumns.filter((column) => !column.startsWith('task_preview')),
);
