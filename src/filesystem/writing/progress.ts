/** How far an upload has come, for whoever asks while it runs: apart from the sending, since inspection tells it, too. */
import { Rate } from '../../observe/rate.js';

/** An upload under way. */
export interface UploadReport {
  /** Bytes that the network has taken, of the file's size. All of them: the platform has yet to say that it holds the file. */
  readonly sent: number;
  /** Bytes a second, over the last seconds. */
  readonly perSecond: number;
  /** Milliseconds since it began. */
  readonly age: number;
}

/** Notes how far it has come. A try that failed begins anew from nothing. */
export class Progress {
  sent = 0;
  readonly started = performance.now();
  readonly #rate = new Rate();

  note(sent: number): void {
    this.sent = sent;
    this.#rate.note(sent, performance.now());
  }

  report(): UploadReport {
    const now = performance.now();
    return { sent: this.sent, perSecond: this.#rate.perSecond(this.sent, now), age: now - this.started };
  }
}
