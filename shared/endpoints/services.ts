import type { KeyStore } from '#shared/access/key-store.ts'
import type { Peppers } from '#shared/access/peppers.ts'
import type { Catalog } from '#shared/catalog/catalog.ts'
import type { ModelRunner } from '#shared/inference/model-runner.ts'
import type { Ledger } from '#shared/metering/ledger.ts'
import type { PriceBook } from '#shared/metering/price-book.ts'
import type { ActionServices } from './action.ts'

/** Everything that the endpoints stand on. Made once a process, by one of the composition roots. */
export interface Services extends ActionServices, Peppers {
  readonly catalog: Catalog
  readonly keyStore: KeyStore
  readonly ledger: Ledger
  readonly prices: PriceBook
  readonly runner: ModelRunner
  /** Resolves where this process can serve. @throws ServiceError `model_not_ready` */
  ready(): Promise<void>
  /** Gives back threads, files and sockets. */
  close(): Promise<void>
}
