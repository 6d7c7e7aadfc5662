import type { CallDialect, CallTarget, ReadCall } from '#shared/batch/scoring/call-dialect.ts'
import { isCarried } from '#shared/batch/scoring/part-line.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { taskModelOf } from '#shared/inference/task-model.ts'
import type { HttpRequest } from '#shared/protocols/http-message.ts'
import { decodeInfer, encodeInfer } from '#shared/protocols/open-inference.ts'
import { decodePredict } from '#shared/protocols/plain-call.ts'
import { type Action, matchRoute } from '#shared/protocols/routes.ts'
import { findTask } from '#shared/tasks/find-task.ts'

/**
 * Calls that come in files, read and answered as their routes do it, but for what is never the same
 * twice: timings and request ids.
 */
export const batchCalls: CallDialect = {
  async read(body, target) {
    const match = matchRoute('POST', target.url)
    if (!('route' in match)) throw match.error
    const reader = readers[match.route.action]
    if (reader) return reader(requestOf(body, target), target)
    throw new ServiceError('route_not_found', {
      detail: 'Calls of this route cannot be sent in a batch.',
    })
  },
  refuse(error, { url }) {
    const match = matchRoute('POST', url)
    const { dialect } = 'route' in match ? match.route : match
    const { status, body } = dialect.encodeError(error, '')
    const { request_id: _, ...rest } = JSON.parse(String(body))
    return { statusCode: status, json: JSON.stringify(rest) }
  },
}

type CallReader = (request: HttpRequest, target: CallTarget) => Promise<ReadCall>

const readers: Readonly<Partial<Record<Action, CallReader>>> = {
  async predict(request, { entry }) {
    const { manifest } = entry
    const task = await findTask(manifest.task.name)
    const asked = decodePredict(request, task.media)
    return {
      rows: task.rows(asked.inputs, taskModelOf(entry)).rows.length,
      async answer(model) {
        const { outputs } = await model.predict(asked)
        if (!isCarried(outputs)) throw new ServiceError('output_not_finite')
        const { name, version } = manifest
        return { statusCode: 200, json: JSON.stringify({ model: name, version, outputs }) }
      },
    }
  },
  async infer(request, { entry }) {
    const asked = decodeInfer(request, entry)
    const [first] = Object.values(asked.inputs)
    return {
      rows: first?.shape[0] ?? 1,
      async answer(model) {
        const { status, body } = encodeInfer(entry, asked, await model.infer(asked))
        return { statusCode: status, json: String(body) }
      },
    }
  },
}

const requestOf = (body: unknown, { url }: CallTarget): HttpRequest => ({
  method: 'POST',
  path: url,
  query: {},
  headers: { 'content-type': 'application/json' },
  // A dialect reads bytes, with the limits of any call.
  body: Buffer.from(JSON.stringify(body) ?? ''),
  sourceIp: '',
})
