/** Memory that whatever is being received at once has to share. */
export interface Budget {
  /** @returns what gives the bytes back, more than once at will; null where there are not so many left */
  take(bytes: number): (() => void) | null;
}

export function createBudget(total: number): Budget {
  let taken = 0;
  return {
    take(bytes) {
      if (taken + bytes > total) return null;
      taken += bytes;
      let held = bytes;
      return () => {
        taken -= held;
        held = 0;
      };
    },
  };
}
