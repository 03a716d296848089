import { testSettings } from '../subject.js';
import { describeProvider } from '../conformance.js';
import { startSubject } from './subject.js';

const tooLong = (name: string) => (Array.from(name).length > 200 ? 'ENAMETOOLONG' : undefined);

// (NetExplorer's page: what surprises)
describeProvider('NetExplorer', () => startSubject(), (name) => (/[\\:*?"<>|\n]|^ | $/.test(name) ? 'EINVAL' : tooLong(name)));

describeProvider(
  'NetExplorer with names encoded', () => startSubject({ settings: { netexplorer: { ...testSettings.netexplorer, names: 'encode' } } }), tooLong,
);
