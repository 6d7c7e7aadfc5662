import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { mayConnect, type WebhookPolicy } from './webhook-url.ts'

export interface ResolvedAddress {
  readonly address: string
  readonly family: number
}

/** All addresses of a name. */
export type Resolve = (host: string) => Promise<readonly ResolvedAddress[]>

/** An address that may not be called. Its message names none: the owner of the name is told of it. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused'
}

/**
 * A look-up for sockets: the connection goes to the very addresses that were checked, so a name that
 * resolves to something else a moment later (DNS rebinding) gains nothing. One address that is not
 * public spoils all of them.
 */
export const guardedLookup =
  (policy: WebhookPolicy, resolve: Resolve = resolveBySystem): LookupFunction =>
  (host, { all }, done) => {
    resolve(host).then(
      (found) => {
        const [first] = found
        if (!first || !found.every(({ address }) => mayConnect(address, policy))) {
          done(new AddressRefused('not a public address'), '', 0)
        } else if (all) done(null, [...found])
        else done(null, first.address, first.family)
      },
      (cause) => done(cause, '', 0),
    )
  }

const resolveBySystem: Resolve = (host) =>
  new Promise((resolve, reject) => {
    systemLookup(host, { all: true }, (error, found) => (error ? reject(error) : resolve(found)))
  })
