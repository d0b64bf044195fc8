// The page's weight, gzipped, against its budget (contract/rulings.md, Build). Exits 1 when it is over.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const folder = process.argv[2] ?? '../src/signroom/page/static';
const files = readdirSync(join(folder, 'assets')).map((name) => ({
  name,
  size: gzipSync(readFileSync(join(folder, 'assets', name)), { level: 9 }).length,
}));
const html = readFileSync(join(folder, 'index.html'), 'utf8');
const sum = (wanted) => files.filter(wanted).reduce((total, { size }) => total + size, 0);

// The scripts that the page names, and what they import at once (as against `import()`).
const loadedFirst = new Set(files.map(({ name }) => name).filter((name) => html.includes(name)));
for (const name of loadedFirst) {
  if (!name.endsWith('.js')) continue;
  const code = readFileSync(join(folder, 'assets', name), 'utf8');
  for (const [, imported] of code.matchAll(/(?:from|import)\s*["'`]\.\/([^"'`]+)["'`]/g)) loadedFirst.add(imported);
}

const script = ({ name }) => name.endsWith('.js');
const first = (file) => script(file) && loadedFirst.has(file.name);
const pfx = ({ name }) => /^(worker|legacy)[.-]/.test(name);
const budgets = [
  ['first load of script', sum(first), 25_000],
  ['worker: digests and PFX', sum((file) => script(file) && pfx(file)), 32_000],
  ['all script', sum(script), 60_000],
  ['style', sum(({ name }) => name.endsWith('.css')), 10_000],
];

for (const [what, size, limit] of budgets) {
  console.log(`${size > limit ? 'OVER' : 'ok  '} ${what}: ${size} of ${limit} bytes`);
}
const inline = /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/i.test(html);
if (inline) console.log('OVER index.html has inline script or style, which the CSP forbids');
process.exit(inline || budgets.some(([, size, limit]) => size > limit) ? 1 : 0);
