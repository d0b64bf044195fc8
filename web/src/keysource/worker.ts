/**
 * The page's Worker. One instance digests files, another holds the keys of a certificate file: they share a script, since
 * both need the same hashes, and nothing else.
 */
import { Digests } from '../bytes/digests';
import type { FromDigester, ToDigester } from './digester.messages';
import type { ToWorker } from './pfx.messages';
import { take } from './pfx.keys';

const digests = new Digests();

self.onmessage = ({ data }: MessageEvent<ToWorker | ToDigester>) => {
  void (data.kind === 'open' || data.kind === 'sign' ? take(data) : digest(data));
};

async function digest(message: ToDigester): Promise<void> {
  const { call } = message;
  try {
    const value =
      message.kind === 'read'
        ? await digests.read(message.name, message.file, message.algorithm)
        : digests.followed(message.name, message.algorithm, message.tails);
    answer({ call, value });
  } catch (error) {
    // An error of a class of its own would not come through: the page asks for the name only.
    const { name, message: text } = error instanceof Error || error instanceof DOMException ? error : new Error(String(error));
    answer({ call, error: { name, text } });
  }
}

function answer(message: FromDigester): void {
  self.postMessage(message);
}
