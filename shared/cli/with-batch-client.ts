import type { BatchClient, BatchClientOptions } from './batch-client.ts'
import type { BatchOptions } from './batch-options.ts'
import { commandEnvironment } from './command-environment.ts'

/** Does something over the API of batches and jobs, on this machine or where the options say. */
export async function withBatchClient(
  options: BatchOptions,
  how: BatchClientOptions,
  use: (client: BatchClient) => Promise<void>,
): Promise<void> {
  // Only now: the help of a command is to be there at once.
  const { openBatchClient } = await import('./batch-client.ts')
  const client = await openBatchClient(commandEnvironment(options), options, how)
  try {
    await use(client)
  } finally {
    await client.close()
  }
}
