import type { KeyStore } from '#shared/access/key-store.ts'

/** A key store that is opened by the first call that needs it. */
export function lazyKeyStore(open: () => Promise<KeyStore>): KeyStore {
  return {
    put: async (record) => (await open()).put(record),
    find: async (id) => (await open()).find(id),
    list: async (tenant) => (await open()).list(tenant),
    change: async (id, changes) => (await open()).change(id, changes),
    revoke: async (id, at) => (await open()).revoke(id, at),
  }
}
