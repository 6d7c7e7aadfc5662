import { expect, test } from 'vitest'
import { testEntry } from '#test/support/test-model.ts'
import { jsonOf, startSteps } from './steps.ts'

test.each([
  { putOff: 'plain@1', runs: '1' },
  { putOff: 'plain@2', runs: '2' },
])(
  'a call that was put off for $putOff runs there, whatever the alias means now',
  async ({ putOff, runs }) => {
    let version = '2'
    const steps = startSteps({
      deferral: { entryOf: () => testEntry({ version }) },
      repin({ input }, pinned) {
        version = pinned
        return input
      },
      run: () => ({ version }),
    })
    const caller = async () => ({
      method: 'api-key' as const,
      keyId: 'key-1',
      tenant: 'acme',
      mode: 'live' as const,
      scopes: ['predict' as const],
    })
    const answer = await steps.call({ deferred: { caller, model: putOff } })
    expect(jsonOf(answer)).toEqual({ version: runs })
  },
)
