import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { texts } from '../texts/format';
import { Heading, Notice, type ViewProps } from './page';

const t = texts.source;

export function Source({ state, controller }: ViewProps): VNode {
  const kinds = state.session?.keySources ?? [];
  const [kind, setKind] = useState<string | null>(kinds.length === 1 ? (kinds[0] ?? null) : null);
  return (
    <section>
      <Heading text={t.heading} />
      <p>{t.intro}</p>
      <div class="choices">
        {kinds.includes('pfx') && (
          <Choice label={t.pfx} hint={t.pfxHint} chosen={kind === 'pfx'} onChoose={() => setKind('pfx')}>
            <PfxForm state={state} controller={controller} />
          </Choice>
        )}
        {kinds.includes('demo') && (
          <Choice label={t.demo} hint={t.demoHint} chosen={kind === 'demo'} onChoose={() => setKind('demo')}>
            <DemoForm state={state} controller={controller} />
          </Choice>
        )}
      </div>
      <button type="button" class="plain" disabled={state.busy} onClick={() => controller.go(state.session?.status === 'Pending' ? 'review' : 'documents')}>
        {t.back}
      </button>
    </section>
  );
}

function Choice(props: {
  readonly label: string;
  readonly hint: string;
  readonly chosen: boolean;
  readonly onChoose: () => void;
  readonly children: VNode;
}): VNode {
  return (
    <div class="choice">
      <button type="button" class="option" aria-expanded={props.chosen} onClick={props.onChoose}>
        <span class="name">{props.label}</span>
        <span class="facts">{props.hint}</span>
      </button>
      {props.chosen && props.children}
    </div>
  );
}

function PfxForm({ state, controller }: ViewProps): VNode {
  const [file, setFile] = useState<File | null>(null);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem('password') as HTMLInputElement;
    const password = field.value;
    field.value = ''; // it stays nowhere but in the key worker
    if (file !== null) void controller.openPfx(file, password);
  };
  return (
    <form onSubmit={submit} autocomplete="off">
      <label>
        {t.file}
        <input
          type="file"
          accept=".pfx,.p12,application/x-pkcs12"
          required
          onChange={({ currentTarget }) => setFile(currentTarget.files?.[0] ?? null)}
        />
      </label>
      <label>
        {t.password}
        <input type="password" name="password" autocomplete="off" />
      </label>
      <p class="facts">{t.private}</p>
      <Notice problem={state.problem} />
      <button class="primary" disabled={file === null || state.busy}>
        {t.open}
      </button>
    </form>
  );
}

function DemoForm({ state, controller }: ViewProps): VNode {
  const [name, setName] = useState('');
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void controller.openDemo(name);
  };
  return (
    <form onSubmit={submit} autocomplete="off">
      <label>
        {t.name}
        <input
          type="text"
          required
          maxLength={48}
          autocomplete="name"
          value={name}
          onInput={({ currentTarget }) => setName(currentTarget.value)}
        />
      </label>
      <Notice problem={state.problem} />
      <button class="primary" disabled={name.trim() === '' || state.busy}>
        {t.make}
      </button>
    </form>
  );
}
