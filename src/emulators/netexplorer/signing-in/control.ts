/** What a test may do to sign-ins and links, and see of them. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { ordered } from '../../common/control.js';
import type { World } from '../call.js';
import { pathOf, type FileNode } from '../tree.js';
import { description, type Description } from '../description.js';
import { signInRefusals, type SignInRefusal } from './admission.js';
import type { SignedIn } from './connections.js';

/** What became of sign-ins since the start. */
export interface SeenSignIns {
  /** Connections that are alive. */
  readonly signedIn: readonly SignedIn[];
  readonly tokensGiven: number;
  /** By `DELETE /auth`. */
  readonly tokensGivenBack: number;
  /** Requests for a token, of either kind, also those that were refused. */
  readonly tokenRequests: number;
}

/** A link as a test sees it. Times in milliseconds since the epoch. */
export interface SeenLink {
  readonly kind: 'share' | 'deposit';
  readonly id: number;
  /** Its public address, from the platform's root. */
  readonly address: string;
  /** A login. */
  readonly owner: string;
  /** What it opens, by path in the tree. */
  readonly paths: readonly string[];
  readonly expiresAt?: number | undefined;
  readonly password?: string | undefined;
  readonly maxDownloads?: number | undefined;
  readonly downloads?: number | undefined;
}

export interface SignInControl {
  /** From now on nobody, or this user, is let in for this reason; left out: everybody is again. Tokens go on. */
  refuseSignIn(reason?: SignInRefusal, login?: string): Promise<void>;
  /** All tokens are gone; refresh tokens, too, where that is asked for, so that each person has to sign in again. */
  endSessions(refreshTokens?: boolean): Promise<void>;
  signIns(): Promise<SeenSignIns>;
  links(): Promise<SeenLink[]>;
  /** Tells what the platform knows of a document besides its bytes. */
  describe(path: string, told: Description): Promise<void>;
}

export function makeSignInControl(world: World): SignInControl {
  const { sessions, oauth, links, store, choices, descriptions } = world;
  const { connections } = sessions;
  return {
    refuseSignIn: (reason, login) => ordered(() => sessions.admission.refuse(reason, login)),
    endSessions: (refreshTokens = false) => ordered(() => {
      connections.endAll();
      if (refreshTokens) oauth.revokeAll();
    }),
    signIns: () => ordered(() => ({
      signedIn: connections.signedIn(),
      tokensGiven: connections.given,
      tokensGivenBack: connections.givenBack,
      tokenRequests: sessions.signIns + oauth.tokenRequests,
    })),
    links: () => ordered(() => [
      ...[...links.shares.values()].map(({ id, key, owner, roots, downloads, terms: { expiresAt, password, maxDownloads } }) => ({
        kind: 'share' as const,
        id,
        address: choices.links.sharePath + key,
        owner: owner.login,
        paths: roots.map(({ node }) => pathOf(node)),
        expiresAt,
        password,
        maxDownloads,
        downloads,
      })),
      ...[...links.deposits.values()].map(({ id, key, owner, folder, expiresAt }) => ({
        kind: 'deposit' as const, id, address: choices.links.depositPath + key, owner: owner.login, paths: [pathOf(folder)], expiresAt,
      })),
    ]),
    describe: (path, told) => ordered(() => {
      descriptions.set(fileAt(store.tree.at(path), path).guid, told);
    }),
  };
}

function fileAt(node: ReturnType<World['store']['tree']['at']>, path: string): FileNode {
  if (node?.kind !== 'file') throw new Error(`no file ${path}`);
  return node;
}

const refusal = z.strictObject({ reason: z.enum(signInRefusals).optional(), login: z.string().optional() });
const ending = z.strictObject({ refreshTokens: z.boolean() });
const describing = z.strictObject({ path: z.string(), told: description });

/** The same over HTTP. */
export function addSignInControl(app: FastifyInstance, control: SignInControl): void {
  app.get('/_control/sign-ins', () => control.signIns());
  app.get('/_control/links', () => control.links());
  app.post('/_control/refuse-sign-in', async (request) => {
    const { reason, login } = refusal.parse(request.body);
    await control.refuseSignIn(reason, login);
    return {};
  });
  app.post('/_control/end-sessions', async (request) => {
    await control.endSessions(ending.parse(request.body).refreshTokens);
    return {};
  });
  app.post('/_control/describe', async (request) => {
    const { path, told } = describing.parse(request.body);
    await control.describe(path, told);
    return {};
  });
}
