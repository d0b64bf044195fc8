/** What reading and signing a document needs: one part of the page, loaded when the first document comes. */
export { pairUp, requireSameXml } from '../digest/check';
export { Digester } from '../digest/digester';
export { treeOf } from '../digest/xml';
export { ranked } from './certificates';
export { Lane } from './lane';
export { Originals } from './originals';
