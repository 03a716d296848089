/** Who waits for a request, and the way to tell the file system that he does so no more. */
import type { Caller } from '../filesystem/filesystem.js';
import type { RequestHeader } from './protocol/requests.js';

/** A caller whose AbortController is made when somebody looks at it: most requests never do. */
export class RequestCaller implements Caller {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  #controller: AbortController | undefined;
  #interrupted = false;

  constructor(header: Pick<RequestHeader, 'pid' | 'uid' | 'gid'>) {
    this.pid = header.pid;
    this.uid = header.uid;
    this.gid = header.gid;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#interrupted) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  interrupt(): void {
    this.#interrupted = true;
    this.#controller?.abort();
  }
}
