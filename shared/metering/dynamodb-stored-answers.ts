import { createHash } from 'node:crypto'
import { attributes } from '#shared/aws/dynamodb-attributes.ts'
import type { DynamodbItem } from '#shared/aws/dynamodb-client.ts'
import type { AnswerStore } from './answer-store.ts'
import type { Settlement, StoredAnswer } from './ledger.ts'

const { text, number, bytes, readText, readNumber, readBytes, optionalText } = attributes

/**
 * Answers as attributes of their request. A write costs one unit per started KB, doubled in a
 * transaction, so a large body goes to the answer store and the request holds its name.
 */
export function createStoredAnswers(store: AnswerStore, largestInlineBytes: number) {
  return {
    /** Stores a large body, which must happen before the transaction that points at it. */
    async toAttributes(
      owner: Pick<Settlement, 'tenant' | 'requestKey' | 'fence'>,
      { status, headers, body, expiresAt }: StoredAnswer,
    ): Promise<DynamodbItem> {
      const large = body.byteLength > largestInlineBytes
      const name = bodyName(owner, body)
      if (large) await store.put(name, body)
      return {
        answerStatus: number(status),
        answerHeaders: text(JSON.stringify(headers)),
        answerExpiresAt: number(expiresAt),
        ...(large
          ? { answerName: text(name), answerBytes: number(body.byteLength) }
          : { answerBody: bytes(body) }),
      }
    },

    /** `undefined` where there is none, or where its body has gone after its time. */
    async read(item: DynamodbItem): Promise<StoredAnswer | undefined> {
      if (!item.answerStatus) return undefined
      const name = optionalText(item, 'answerName')
      const body = name === undefined ? readBytes(item, 'answerBody') : await store.get(name)
      if (!body || (name !== undefined && !name.startsWith(digest(body)))) return undefined
      return {
        status: readNumber(item, 'answerStatus'),
        headers: JSON.parse(readText(item, 'answerHeaders')),
        body,
        expiresAt: readNumber(item, 'answerExpiresAt'),
      }
    },

    /** Removes a body that nothing will ever point at. What stays, the store's lifecycle removes. */
    async forget(answer: DynamodbItem): Promise<void> {
      const name = optionalText(answer, 'answerName')
      if (name !== undefined) await store.remove(name).catch(() => undefined)
    },
  }
}

/**
 * The digest of the body, and which attempt it belongs to. Two attempts never share an object: the
 * one's would expire or be removed under the other.
 */
function bodyName(
  { tenant, requestKey, fence }: Pick<Settlement, 'tenant' | 'requestKey' | 'fence'>,
  body: Uint8Array,
): string {
  return `${digest(body)}-${digest(JSON.stringify([tenant, requestKey, fence])).slice(0, 32)}`
}

const digest = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex')
