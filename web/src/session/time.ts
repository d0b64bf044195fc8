/** How long the link still works, as it is told to the signer. */

/** Minutes at which something new is said: often enough to act in time, seldom enough to be left in peace. */
const STEPS = [1, 2, 5, 10];

/** The number in "less than ... minutes", for so many milliseconds; null while there is time enough. */
export function warningFor(milliseconds: number): number | null {
  return STEPS.find((minutes) => milliseconds < minutes * 60_000) ?? null;
}
