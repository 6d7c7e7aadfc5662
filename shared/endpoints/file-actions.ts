import { findFile, removeFile, saveFile } from '#shared/batch/files.ts'
import { listFiles } from '#shared/batch/list-files.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import { callerOf } from '#shared/middleware/authenticate/caller-of.ts'
import { isMiss } from '#shared/middleware/call.ts'
import { nothing } from '#shared/protocols/batch-requests.ts'
import { jsonResponse } from '#shared/protocols/http-message.ts'
import { readMultipartUpload } from '#shared/protocols/multipart-upload.ts'
import { fileAnswer, filePage, listAnswer } from '#shared/protocols/openai-batch.ts'
import { accountAction } from './account-action.ts'
import { action } from './action.ts'
import type { BatchActionServices } from './batch-actions.ts'
import { sendObject } from './send-object.ts'

/** Of the OpenAI API. Larger inputs are put into the store. */
const usualLimitBytes = 200_000_000

/** A page may be shorter than asked for: `has_more` says whether it was the last. */
const largestPage = 1_000

/** Files in the words of the OpenAI API. */
export function fileActions(services: BatchActionServices) {
  const { objects, now } = services.batch
  const { uploadLimitBytes: limitBytes = usualLimitBytes } = services
  const find = (id: string, tenant: string) => findFile(id, tenant, objects, now())

  return {
    'create-file': action(services, {
      decode(call) {
        const { match, request } = call
        if (isMiss(match)) throw match.error
        const caller = callerOf(call)
        if (!caller) throw new ServiceError('credentials_missing')
        return { tenant: caller.tenant, request }
      },
      async run({ tenant, request }) {
        const { filename, bytes, fields } = await readMultipartUpload(request)
        // Its age counts from here, however long it takes to arrive.
        const createdAt = now()
        const describe = async () => {
          const { purpose, ...others } = await fields()
          return { purpose: purposeOf(purpose), expiresAt: expiryOf(others, createdAt) }
        }
        return saveFile({ tenant, filename, bytes, limitBytes, describe }, objects, createdAt)
      },
      encode: (file) => jsonResponse(fileAnswer(file)),
    }),
    files: accountAction(services, {
      schema: filePage,
      async run(page, { tenant }) {
        const limit = Math.min(page.limit, largestPage)
        const { files, more } = await listFiles({ ...page, tenant, limit }, objects, now())
        return listAnswer(files.map(fileAnswer), more)
      },
    }),
    file: accountAction(services, {
      schema: nothing,
      run: async (_, { id, tenant }) => fileAnswer(await find(id, tenant)),
    }),
    'file-content': accountAction(services, {
      schema: nothing,
      async run(_, { id, tenant, request: { method } }) {
        const { key } = await find(id, tenant)
        return sendObject(key, objects, { method, mediaType: 'application/octet-stream' })
      },
      encode: (response) => response,
    }),
    'delete-file': accountAction(services, {
      schema: nothing,
      async run(_, { id, tenant }) {
        await removeFile(await find(id, tenant), objects)
        return { id, object: 'file', deleted: true }
      },
    }),
  }
}

function purposeOf(purpose: string | undefined): string {
  if (purpose === 'batch') return purpose
  throw new ServiceError('upload_invalid', { detail: 'The field "purpose" must be "batch".' })
}

function expiryOf(fields: Readonly<Record<string, string>>, createdAt: number): number | undefined {
  const seconds = fields['expires_after[seconds]']
  if (seconds === undefined) return undefined
  const isSpan =
    /^\d{4,7}$/.test(seconds) && Number(seconds) >= 3_600 && Number(seconds) <= 2_592_000
  if (isSpan && fields['expires_after[anchor]'] === 'created_at')
    return createdAt + Number(seconds) * 1_000
  throw new ServiceError('upload_invalid', {
    detail: '"expires_after" must be 3,600 to 2,592,000 seconds from "created_at".',
  })
}
