/** What reading and signing a document needs: one part of the page, loaded when the first document comes. */
export {
  digestShown,
  digestStream,
  hexOf,
  pairUp,
  requireSameDocument,
  requireSameXml,
} from '../digest/check';
export { contentOf } from '../digest/cms';
export { ranked } from './certificates';
