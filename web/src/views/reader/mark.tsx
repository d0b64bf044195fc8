import type { VNode } from 'preact';

/** As in `views/icon.tsx`: lines of two units on a grid of 24. */
const PATHS = {
  larger: 'M12 5v14M5 12h14',
  smaller: 'M5 12h14',
  fit: 'M3 12h18M3 12l4-4m-4 4 4 4M21 12l-4-4m4 4-4 4',
  together: 'M4 4h6v7H4zM14 4h6v7h-6zM4 14h6v6H4zM14 14h6v6h-6z',
  back: 'M6 15l6-6 6 6',
  on: 'M6 9l6 6 6-6',
  find: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zm5 12 5 5',
  close: 'M6 6l12 12M18 6 6 18',
};

interface ToolProps {
  readonly mark: keyof typeof PATHS;
  readonly name: string;
  readonly onClick: () => void;
  readonly disabled?: boolean;
  readonly pressed?: boolean;
  readonly class?: string;
}

/** A button of the reader: a picture with a name. */
export function Tool({ mark, name, onClick, disabled = false, pressed, class: kind = '' }: ToolProps): VNode {
  return (
    <button type="button" class={`quiet ${kind}`} aria-label={name} title={name} aria-pressed={pressed} disabled={disabled} onClick={onClick}>
      <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
        <path d={PATHS[mark]} />
      </svg>
    </button>
  );
}
