/** Parts of the page that are loaded later than the first view. */
import { useEffect, useState } from 'preact/hooks';

export interface Part<T> {
  /** Null until it has come. */
  readonly part: T | null;
  readonly failed: boolean;
  /** Ask for it once more. */
  readonly again: () => void;
}

/** Load a part as soon as `wanted`. `load` is the same function every time. */
export function usePart<T>(load: () => Promise<T>, wanted: boolean): Part<T> {
  const [part, setPart] = useState<T | null>(null);
  const [failed, setFailed] = useState(false);
  const again = () => {
    setFailed(false);
    load().then(
      (loaded) => setPart(() => loaded),
      () => setFailed(true),
    );
  };
  useEffect(() => {
    if (wanted) again();
  }, [wanted]);
  return { part, failed, again };
}
