/** A file that a task reads cannot be had. The message is for the task's owner. */
export class MediaUnavailableError extends Error {
  override readonly name = 'MediaUnavailableError';
  /** Whether another try may find it. */
  readonly retryable: boolean;

  constructor(message: string, { retryable, ...options }: { retryable: boolean } & ErrorOptions) {
    super(message, options);
    this.retryable = retryable;
  }
}
