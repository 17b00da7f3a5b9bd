const INTERVAL_MS = 200;

export type Report = (value: number | null, message: string | undefined) => void;

/** Passes progress on at most five times a second: the first at once, then always the latest. */
export interface Progress {
  report: Report;
  /** Drops what has not been passed on. */
  end(): void;
}

export function createProgress(pass: Report): Progress {
  let timer: NodeJS.Timeout | null = null;
  let latest: Parameters<Report> | null = null;

  function passOn(): void {
    timer = null;
    if (!latest) return;
    const told = latest;
    latest = null;
    timer = setTimeout(passOn, INTERVAL_MS);
    pass(...told);
  }

  return {
    report(value, message) {
      latest = [value, message];
      if (!timer) passOn();
    },
    end() {
      if (timer) clearTimeout(timer);
      // Whatever still comes is too late.
      timer = null;
      latest = null;
      pass = () => undefined;
    },
  };
}
