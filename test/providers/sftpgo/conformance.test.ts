/** SFTPGo keeps the contract, at the home's root and below it. */
import { describeProvider } from '../conformance.js';
import { startSubject } from './subject.js';

describeProvider('sftpgo', () => startSubject());
describeProvider('sftpgo below a folder', () => startSubject({ base: '/some folder/with; signs' }));
