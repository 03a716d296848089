/** Arrhes keeps the contract, as far as its traits go. */
import { describeProvider } from '../conformance.js';
import { startSubject } from './subject.js';

describeProvider('arrhes', () => startSubject());
describeProvider('arrhes behind a prefix, with years, unsorted lists and times in other offsets', () => startSubject({
  emulator: { prefix: '/api/v2', carriesYear: true, shuffle: 7, offsetsMinutes: [0, 330, -210], wrapsFinalize: true, wantsIds: true },
}));
