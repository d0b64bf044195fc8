/** Digests of files, made in a Worker of this page. */
import type { Algorithm, Fingerprint } from '../bytes/digests';
import type { FromDigester, ToDigester } from '../keysource/digester.messages';
import { KeyError } from '../keysource/keysource';
import { startWorker } from '../keysource/trusted';

type Answer = (answer: FromDigester | Error) => void;

/** `bytes/digests.ts` from afar. */
export class Digester {
  private worker: Worker | null = null;
  private calls = 0;
  private readonly waiting = new Map<number, Answer>();

  /** Throws KeyError `not-loaded`, DOMException when the file cannot be read. */
  read(name: string, file: Blob, algorithm: Algorithm): Promise<Fingerprint> {
    return this.ask({ kind: 'read', call: ++this.calls, name, file, algorithm });
  }

  /** The file under `name` must have been read with `algorithm`. Throws KeyError. */
  followed(name: string, algorithm: Algorithm, tails: readonly Uint8Array[]): Promise<Uint8Array> {
    return this.ask({ kind: 'followed', call: ++this.calls, name, algorithm, tails });
  }

  /** Forget all files. What is being read is not waited for any more. */
  close(): void {
    this.end(new KeyError('cancelled'));
  }

  private ask<T>(message: ToDigester): Promise<T> {
    return new Promise((resolve, reject) => {
      this.waiting.set(message.call, (answer) => {
        if (answer instanceof Error) reject(answer);
        else if ('error' in answer) reject(new DOMException(answer.error.text, answer.error.name));
        else resolve(answer.value as T);
      });
      this.worker ??= this.start();
      this.worker.postMessage(message);
    });
  }

  private start(): Worker {
    const worker = startWorker();
    worker.onmessage = ({ data }: MessageEvent<FromDigester>) => {
      this.waiting.get(data.call)?.(data);
      this.waiting.delete(data.call);
    };
    // It answers its own errors: this one is that its script did not arrive.
    worker.onerror = () => this.end(new KeyError('not-loaded'));
    return worker;
  }

  private end(reason: Error): void {
    this.worker?.terminate();
    this.worker = null;
    const waiting = [...this.waiting.values()];
    this.waiting.clear();
    for (const answer of waiting) answer(reason);
  }
}
