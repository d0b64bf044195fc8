import type { Plugin } from 'vite';

/**
 * What the key worker uses of node-forge, file by file: the object that a file fills, and its members in use. A bundler
 * cannot leave out what is put on an object, and node-forge puts everything on objects. `tests/journeys/test_pfx_matrix.py`
 * opens every kind of file with what is left.
 */
const USED: Readonly<Record<string, { readonly object: string; readonly members: readonly string[] }>> = {
  'util.js': {
    object: 'util',
    members: ['isArray', 'isArrayBuffer', 'isArrayBufferView', 'ByteBuffer', 'ByteStringBuffer', 'createBuffer', 'decodeUtf8'],
  },
  'asn1.js': {
    object: 'asn1',
    members: ['Class', 'Type', 'maxDepth', 'create', 'copy', 'getBerValueLength', 'fromDer', 'toDer', 'derToOid'],
  },
  'cipherModes.js': { object: 'modes', members: ['cbc'] },
};

/** Files that only the members left out need. */
const NEEDLESS = ['./oids', './baseN'];

interface Statement {
  readonly start: number;
  readonly end: number;
}

/** Leave out the statements of node-forge that fill members which nobody uses. */
export const onlyUsed: Plugin = {
  name: 'only-used',
  transform: {
    filter: { id: /node-forge\/lib\/(util|asn1|cipherModes)\.js$/ },
    handler(code, id) {
      const used = USED[id.replace(/^.*\//, '')];
      if (used === undefined) return null;
      const needless = (this.parse(code).body as readonly Statement[]).filter((statement) =>
        isNeedless(code.slice(statement.start, statement.end), used),
      );
      if (needless.length === 0) this.error('nothing to leave out: node-forge has changed');
      return { code: needless.reduceRight((rest, { start, end }) => rest.slice(0, start) + rest.slice(end), code), map: null };
    },
  },
};

function isNeedless(statement: string, { object, members }: (typeof USED)[string]): boolean {
  if (NEEDLESS.some((file) => statement.endsWith(`require('${file}');`))) return true;
  // The shim of `setImmediate`, which starts by itself.
  if (statement.startsWith('(function() {') && statement.includes('util.nextTick')) return true;
  const [, member] = new RegExp(`^${object}\\.(\\w+)[.\\w]* =`).exec(statement) ?? [];
  return member !== undefined && !members.includes(member);
}
