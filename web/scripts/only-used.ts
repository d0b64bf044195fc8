import type { Plugin } from 'vite';

interface Use {
  /** The object that the file fills. */
  readonly object: string;
  /** Its members in use. */
  readonly members: readonly string[];
  /** Members of these that are not. */
  readonly unused?: readonly string[];
}

const BUFFER = 'ByteStringBuffer.prototype.';

/**
 * What the key worker uses of node-forge, file by file. A bundler cannot leave out what is put on an object, and
 * node-forge puts everything on objects. `tests/journeys/test_pfx_matrix.py` opens every kind of file with what is left.
 */
const USED: Readonly<Record<string, Use>> = {
  'util.js': {
    object: 'util',
    members: ['isArray', 'isArrayBuffer', 'isArrayBufferView', 'ByteBuffer', 'ByteStringBuffer', 'createBuffer'],
    unused: [
      ...['isEmpty', 'putString', 'putInt24', 'putInt24Le', 'putInt32Le', 'getInt24', 'getInt24Le', 'getInt32Le'],
      ...['last', 'copy', 'toHex', 'toString', 'putInt', 'putSignedInt', 'getSignedInt'],
    ].map((method) => BUFFER + method),
  },
  'asn1.js': {
    object: 'asn1',
    members: ['Class', 'Type', 'maxDepth', 'create', 'copy', 'getBerValueLength', 'fromDer', 'toDer', 'derToOid'],
  },
  'cipher.js': { object: 'forge\\.cipher', members: ['algorithms', 'createDecipher', 'registerAlgorithm', 'getAlgorithm', 'BlockCipher'] },
  'cipherModes.js': { object: 'modes', members: ['cbc'], unused: ['cbc.prototype.encrypt', 'cbc.prototype.pad', 'cbc.prototype.unpad'] },
  'aes.js': { object: 'forge\\.aes', members: ['Algorithm'] },
  'des.js': { object: 'forge\\.des', members: ['Algorithm'] },
  'rc2.js': { object: 'forge\\.rc2', members: ['expandKey', 'createDecryptionCipher'] },
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
    filter: { id: /node-forge\/lib\/\w+\.js$/ },
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

function isNeedless(statement: string, { object, members, unused = [] }: Use): boolean {
  if (NEEDLESS.some((file) => statement.endsWith(`require('${file}');`))) return true;
  // The shim of `setImmediate`, which starts by itself.
  if (statement.startsWith('(function() {') && statement.includes('util.nextTick')) return true;
  const [, path = ''] = new RegExp(`^${object}\\.([\\w.]+) =`).exec(statement) ?? [];
  return path !== '' && (!members.includes(path.replace(/\..*/, '')) || unused.includes(path));
}
