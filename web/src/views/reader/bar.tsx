import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { fill, locale, sentence, texts } from '../../texts/format';
import { pageOf, type View, zoomStep } from './arithmetic';
import { Tool } from './mark';
import type { Search } from './search';

const t = texts.reader;

interface BarProps {
  readonly view: View;
  readonly onZoom: (zoom: number) => void;
  readonly onTogether: () => void;
  /** Where the signer is. */
  readonly name: string;
  readonly page: number;
  readonly pages: number;
  /** There is no other page to go to. */
  readonly single: boolean;
  readonly onPage: (page: number) => void;
  readonly search: Search;
}

/** What the signer reads with. It stays at the top of the screen. */
export function Bar({ view, onZoom, onTogether, name, page, pages, single, onPage, search }: BarProps): VNode {
  const [finding, setFinding] = useState(false);
  const { zoom, together } = view;
  const percent = new Intl.NumberFormat(locale(), { style: 'percent' }).format(zoom);
  return (
    <div class="reading" role="group" aria-label={t.tools}>
      <div class="tools">
        {!single && <PageNumber name={name} page={page} pages={pages} onPage={onPage} />}
        <span class="space" />
        {!together && (
          <>
            <Tool mark="smaller" name={t.smaller} disabled={zoomStep(zoom, -1) === zoom} onClick={() => onZoom(zoomStep(zoom, -1))} />
            <span class="zoom" role="status">
              <span class="unseen">{t.zoom} </span>
              {percent}
            </span>
            <Tool mark="larger" name={t.larger} disabled={zoomStep(zoom, 1) === zoom} onClick={() => onZoom(zoomStep(zoom, 1))} />
            {zoom !== 1 && <Tool mark="fit" name={t.fit} onClick={() => onZoom(1)} />}
          </>
        )}
        {!single && <Tool mark="together" name={t.together} pressed={together} onClick={onTogether} />}
        <Tool
          mark="find"
          name={t.find}
          pressed={finding}
          onClick={() => {
            setFinding(!finding);
            search.end();
          }}
        />
      </div>
      {finding && <Finder search={search} />}
    </div>
  );
}

function PageNumber({ name, page, pages, onPage }: Pick<BarProps, 'name' | 'page' | 'pages' | 'onPage'>): VNode {
  const [typed, setTyped] = useState<string | null>(null);
  const go = () => {
    const wanted = pageOf(typed ?? '', pages);
    setTyped(null);
    if (wanted !== null) onPage(wanted);
  };
  return (
    <>
      <label class="at">
        <span class="unseen">{fill(t.pageOf, { name })}</span>
        <input
          type="text"
          inputMode="numeric"
          autocomplete="off"
          size={Math.max(2, String(pages).length)}
          value={typed ?? String(page + 1)}
          onFocus={({ currentTarget }) => currentTarget.select()}
          onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          onKeyDown={({ key }) => key === 'Enter' && go()}
          onBlur={go}
        />
      </label>
      <span class="of">{fill(t.of, { pages })}</span>
      <Tool class="wide" mark="back" name={t.previous} disabled={page === 0} onClick={() => onPage(page - 1)} />
      <Tool class="wide" mark="on" name={t.next} disabled={page + 1 >= pages} onClick={() => onPage(page + 1)} />
    </>
  );
}

function Finder({ search }: { readonly search: Search }): VNode {
  const field = useRef<HTMLInputElement>(null);
  const { state, go } = search;
  const [typed, setTyped] = useState('');
  useEffect(() => field.current?.focus(), []);
  const count = state.found.length;
  const so = count > 0 ? fill(t.place, { number: state.at + 1, count }) : state.running ? t.searching : t.nothing;
  return (
    <div class="tools" role="search">
      <input
        ref={field}
        type="text"
        autocomplete="off"
        maxLength={200}
        aria-label={t.words}
        placeholder={t.words}
        value={typed}
        onInput={({ currentTarget }) => setTyped(currentTarget.value)}
        onKeyDown={({ key, shiftKey }) => key === 'Enter' && go(typed, shiftKey ? -1 : 1)}
      />
      <span class="of" role="status">
        {state.words !== '' && (state.problem !== null && count === 0 ? sentence(state.problem) : so)}
      </span>
      <Tool mark="back" name={t.before} disabled={count === 0} onClick={() => go(typed, -1)} />
      <Tool mark="on" name={t.after} disabled={typed.trim() === ''} onClick={() => go(typed, 1)} />
    </div>
  );
}
