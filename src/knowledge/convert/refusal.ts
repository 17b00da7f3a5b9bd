/** A file that can't be made into text, in words for whoever gave it. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
}
