/**
 * Tells a server that works long from one that cannot be reached any more. While the server's end of
 * an upload is waited for, megabytes may still lie in the kernel's send buffer, where no watchdog
 * sees them stand still; without this a network that is gone would be noticed minutes late. A small
 * request without credentials, on a connection of its own, is sent now and then: every answer counts.
 */
import type { FsError } from '../errors.js';
import { unobserved } from '../observe/requests.js';
import { stallError } from './breaks.js';
import { Connection, type ConnectionSettings } from './connections.js';
import { exchange } from './exchange.js';

export class Heartbeat {
  private connection: Connection | undefined;
  /** One question at a time, whoever waits for its answer. */
  private asked: Promise<FsError | undefined> | undefined;
  private readonly lifetime = new AbortController();

  constructor(
    private readonly settings: ConnectionSettings, private readonly host: string, private readonly connectTimeout: number, private readonly stallTimeout: number,
  ) {}

  /** Undefined where the server answers within the stall time-out, else why it counts as gone. Never rejects. */
  ask(): Promise<FsError | undefined> {
    this.asked ??= this.send().finally(() => {
      this.asked = undefined;
    });
    return this.asked;
  }

  async close(): Promise<void> {
    this.lifetime.abort();
    await this.connection?.close();
  }

  private async send(): Promise<FsError | undefined> {
    this.connection ??= new Connection({ ...this.settings, keepAlive: 4_000 });
    const { connection } = this;
    const limits = { connect: this.connectTimeout, stall: this.stallTimeout, answer: this.stallTimeout };
    try {
      const outcome = await exchange(
        { connection, release: () => connection.rest() }, this.host, { method: 'HEAD', path: '/', headers: {} }, limits, unobserved.meter, this.lifetime.signal,
      );
      if ('answer' in outcome) {
        await outcome.answer.body.return();
        return undefined;
      }
      return outcome.broken.error;
    } catch {
      return stallError(this.host, 'asking whether it is still there', this.stallTimeout);
    }
  }
}
