import { describe } from 'vitest'
import { accessBehaviour } from './access-behaviour.ts'
import { accountBehaviour } from './account-behaviour.ts'
import { artifactBehaviour } from './artifact-behaviour.ts'
import { badInputBehaviour } from './bad-input-behaviour.ts'
import { catalogBehaviour } from './catalog-behaviour.ts'
import { keyRightsBehaviour } from './key-rights-behaviour.ts'
import { limitsBehaviour } from './limits-behaviour.ts'
import { meteringBehaviour } from './metering-behaviour.ts'
import { modelBehaviour } from './model-behaviour.ts'
import { paidCallBehaviour } from './paid-call-behaviour.ts'
import { rehearsalBehaviour } from './rehearsal-behaviour.ts'
import type { StartHost } from './running-host.ts'

/** What percall does, whatever it runs on: every host passes this very suite. */
export function behaviour(host: string, start: StartHost): void {
  describe(`percall on ${host}`, () => {
    modelBehaviour(start)
    catalogBehaviour(start)
    badInputBehaviour(start)
    accessBehaviour(start)
    artifactBehaviour(start)
    meteringBehaviour(start)
    limitsBehaviour(start)
    paidCallBehaviour(start)
    rehearsalBehaviour(start)
    accountBehaviour(start)
    keyRightsBehaviour(start)
  })
}
