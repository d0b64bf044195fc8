import { Api } from './server/api';
import { awaitsSignature } from './server/model';

// /sign/{link}: the link is the page's only secret; it stays in the address and in memory.
// Its characters need no escapes: an address that has some is none of ours, and the server says so.
const link = location.pathname.split('/').filter(Boolean).at(-1) ?? '';
// The code of a hand-over works once; the session's own link in its place works after a reload, too.
const api = new Api(link, (own) => history.replaceState(history.state, '', `/sign/${own}${location.search}`));
// The session is asked for while the rest of the page, and its words, are on their way.
const session = api.load();
session.catch(() => undefined); // the page says it, and asks again
void import('./views/page').then(
  ({ show }) => show(api, session),
  // A part, or the words, did not come: what the document says of it waits no longer.
  () => document.querySelector('.late')?.classList.remove('waits'),
);
void import('./views/steps').catch(() => undefined);
// The first page to read is asked for before the page around it is drawn.
void Promise.all([session, import('./views/reader/reader')]).then(
  ([{ status, documents }, { warm }]) => {
    const first = documents.find(awaitsSignature);
    if (status === 'Pending' && first !== undefined) warm(first, api);
  },
  () => undefined,
);
