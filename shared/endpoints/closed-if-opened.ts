import { lazily } from './lazily.ts'

/** What is opened by the first who needs it, and closed only where somebody did. */
export function closedIfOpened<Store extends { close(): Promise<void> }>(
  open: () => Promise<Store>,
) {
  let isOpened = false
  const store = lazily(() => {
    isOpened = true
    return open()
  })
  return { store, close: async () => (isOpened ? (await store()).close() : undefined) }
}
