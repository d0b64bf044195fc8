// The peers that run in Node. A request is a line {"peer", "file", "output"}; the answer is {"ms"} of the processor,
// of this process with all its threads, from reading the file to writing the output. Keys are loaded before.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';
import { readFileSync, writeFileSync } from 'node:fs';

const require = createRequire(`${process.cwd()}/`);
const [p12, privateKey, cert] = process.argv.slice(2).map((file) => readFileSync(file));
const peers = {};

try {
  const { PDF, P12Signer } = await import(require.resolve('@libpdf/core'));
  const signer = await P12Signer.create(new Uint8Array(p12), 'bench');
  peers['@libpdf/core'] = async (bytes) => {
    const pdf = await PDF.load(new Uint8Array(bytes));
    const signed = await pdf.sign({ signer, subFilter: 'ETSI.CAdES.detached' });
    return signed.bytes ?? signed;
  };
} catch (error) {
  console.error(String(error));
}
try {
  const { signWithPrivateKey } = require('@documenso/pdf-sign');
  // It makes the CMS object and leaves the PDF to others. It cannot read PKCS #12 of today's ciphers.
  peers['@documenso/pdf-sign'] = async (content) => signWithPrivateKey({ content, cert, privateKey });
} catch (error) {
  console.error(String(error));
}

for await (const line of createInterface({ input: process.stdin })) {
  const { peer, file, output } = JSON.parse(line);
  const before = process.cpuUsage();
  try {
    writeFileSync(output, await peers[peer](readFileSync(file)));
    const { user, system } = process.cpuUsage(before);
    console.log(JSON.stringify({ ms: (user + system) / 1000 }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
