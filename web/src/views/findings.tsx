import type { VNode } from 'preact';
import type { Finding } from '../server/model';
import { fill, texts } from '../texts/format';

const sentences: Readonly<Record<string, string>> = texts.findings;

/** What is worth a word about a file that can be signed; codes that this page does not know are left out. */
export function Findings({ findings }: { readonly findings: readonly Finding[] }): VNode {
  return (
    <>
      {findings.map((finding, index) => {
        const sentence = sentences[finding.code];
        if (sentence === undefined) return null;
        return (
          <span key={index} class={isDoubt(finding) ? 'warning' : 'facts'}>
            {fill(sentence, { ...finding.facts, name: finding.facts.name || texts.documents.nameless })}
          </span>
        );
      })}
    </>
  );
}

/** True for what the signer should look at first. */
export function isDoubt({ level }: Finding): boolean {
  return level === 'but';
}
