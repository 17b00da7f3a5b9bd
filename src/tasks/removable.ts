// SQL: what becomes of a row of `task`. Whoever deletes tasks asks all of these.

/** Whether it is final. */
export const HAS_ENDED = "task.status IN ('SUCCEEDED', 'FAILED', 'CANCELED')";

/** Whether something names it that goes on without it only if that is deleted too. */
export const IS_NAMED = `(EXISTS (SELECT FROM generation_task WHERE task_id = task.id)
  OR EXISTS (SELECT FROM document WHERE document.id = task.id))`;

/** Whether a task that has not ended depends on it: its result may be what that takes up. */
export const IS_NEEDED = `EXISTS (SELECT FROM task_dependency d JOIN task c ON c.id = d.child_id
  WHERE d.parent_id = task.id AND c.status NOT IN ('SUCCEEDED', 'FAILED', 'CANCELED'))`;
