/**
 * Two ends that are not answers: the server breaks the connection, or the client's body ends early. They travel as
 * exceptions because they happen deep inside a handler and only the exchange can act on them.
 */

/** The connection is to be closed at once: without an answer, or in the middle of one. */
export class ConnectionBroken extends Error {
  constructor(why: string) {
    super(why);
    this.name = 'ConnectionBroken';
  }
}

/** The request's body ended before all of it had come. */
export class BodyCut extends Error {
  constructor() {
    super('the body of the request was cut off');
    this.name = 'BodyCut';
  }
}
