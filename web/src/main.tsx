import { render } from 'preact';
import { Page } from './views/page';

const root = document.getElementById('page');
// /sign/{link}: the link is the page's only secret; it stays in the address and in memory.
const link = decodeURIComponent(location.pathname.split('/').filter(Boolean).at(-1) ?? '');
if (root !== null) {
  root.replaceChildren();
  render(<Page link={link} />, root);
}
