import { render } from 'preact';
import { Page } from './views/page';

const root = document.getElementById('page');
// /sign/{link}: the link is the page's only secret; it stays in the address and in memory.
// Its characters need no escapes: an address that has some is none of ours, and the server says so.
const link = location.pathname.split('/').filter(Boolean).at(-1) ?? '';
if (root !== null) {
  root.replaceChildren();
  render(<Page link={link} />, root);
}
