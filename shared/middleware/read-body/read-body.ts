import type { Step } from '../step.ts'
import type { InflateBodyOptions } from './inflate-body.ts'

/** Undoes Content-Encoding. @throws ServiceError those of `inflateBody` */
export function readBody(options: InflateBodyOptions): Step {
  return {
    async before({ event }) {
      const { body, headers, oversized } = event.request
      const isPlain = headers['content-encoding'] === undefined
      if (isPlain && !oversized && body.length <= options.limitBytes) return
      // Few bodies are compressed or too large: it is in no cold start.
      const { inflateBody } = await import('./inflate-body.ts')
      event.request = await inflateBody(event.request, options)
    },
  }
}
