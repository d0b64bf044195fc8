/** The views that come after the first one: one part of the page, loaded while the first is looked at. */
export { Aside } from './aside';
export { Certificates } from './certificates';
export { Consent } from './consent';
export { Ended } from './ended';
export { HandOver } from './hand-over';
export { Review, ReviewHead } from './review';
export { Signing } from './signing';
export { Source } from './source';
export { TimeLeft } from './time-left';
