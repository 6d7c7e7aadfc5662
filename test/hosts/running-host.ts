import type { KeyStore } from '#shared/access/key-store.ts'
import type { ArtifactStore } from '#shared/artifacts/artifact-store.ts'
import type { ObjectStore } from '#shared/batch/object-store.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import type { HttpAnswer, HttpCall } from '#test/lambda/http-api.ts'

/** A place where percall runs, as the behaviour suite sees it: HTTP in front, stores behind. */
export interface RunningHost {
  request(call: HttpCall): Promise<HttpAnswer>
  /** The stores that the host reads, to make keys in and to damage files in. */
  readonly keyStore: KeyStore
  readonly pepper: string
  /** The one before, with which keys still work. */
  readonly oldPepper: string
  readonly ledger: Ledger
  readonly artifacts: ArtifactStore
  /** Where inputs of batches lie, of a host that scores them. */
  readonly objects?: ObjectStore
  stop(): Promise<void>
}

export interface HostSettings {
  /** Tokens of this issuer, for the audience `percall`, are accepted. */
  readonly jwtIssuer: string
  /** A model whose file is not in the store. */
  readonly unpublished?: string | undefined
}

export type StartHost = (settings: HostSettings) => Promise<RunningHost>
