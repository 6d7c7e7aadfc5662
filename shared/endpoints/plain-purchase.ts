import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { taskModelOf } from '#shared/inference/task-model.ts'
import type { PriceBook } from '#shared/metering/price-book.ts'
import type { Purchase } from '#shared/middleware/meter/meter.ts'
import type { HttpRequest } from '#shared/protocols/http-message.ts'
import { findTask } from '#shared/tasks/find-task.ts'
import { purchaseOf } from './purchase-of.ts'

/**
 * What a plain call buys, known before it runs; its estimate is made by the same function. Images are
 * opened only where the price counts their pixels.
 * @param inputs as the call has them
 * @throws ServiceError `input_invalid`, `image_…`
 */
export async function plainPurchase(
  prices: PriceBook,
  entry: ModelEntry,
  { body, sentBytes = body.length }: Pick<HttpRequest, 'body' | 'sentBytes'>,
  inputs: unknown,
): Promise<Purchase> {
  const { price, task: named } = entry.manifest
  const task = await findTask(named.name)
  const { rows } = task.rows(inputs, taskModelOf(entry))
  return purchaseOf(entry, {
    rows: rows.length,
    inputBytes: sentBytes,
    ...(prices.counts(price, 'perMillionPixels') && { pixels: task.pixels?.(rows) ?? 0 }),
  })
}
