/** What signing needs once the documents are there: one part of the page, loaded then. */
export { contentOf } from '../digest/cms';
export { ranked } from './certificates';
