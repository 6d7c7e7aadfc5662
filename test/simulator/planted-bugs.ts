/** A mistake that somebody could make: lines of the real code, and what stands there instead. */
export interface PlantedBug {
  readonly name: string
  readonly changes: readonly Change[]
}

interface Change {
  readonly file: string
  /** Stands there exactly once. */
  readonly find: string
  readonly replace: string
}

const inFile = (file: string) => (find: string, replace: string) => ({ file, find, replace })
const call = inFile('shared/metering/metered-call.ts')
const identity = inFile('shared/metering/request-identity.ts')
const sweep = inFile('shared/metering/sweep.ts')
const ledger = inFile('test/metering/memory-ledger.ts')
const bug = (name: string, ...changes: Change[]): PlantedBug => ({ name, changes })

const settle = 'return receiptOf(await surely(() => ledger.settle(settlement)), fence)'
const charge = 'charge: chargeOf(price, units, { hold, free }),'
const ownAnswer = `({
  kind: 'answered',
  answer: settlement.answer,
  charge: settlement.charge,
  account: undefined,
  replayed: false,
})`
const nameWithoutTenant = ledger(
  'const nameOf = (tenant: string, id: string) => JSON.stringify([tenant, id])',
  'const nameOf = (_: string, id: string) => id',
)
const belowZero = ledger(
  "if (moved.available < 0n || moved.held < 0n || moved.spent < 0n) throw new Error('Below zero.')",
  '',
)
const stateGuard = "if (request.state !== 'reserved') return { kind: 'lost', request }"
const fenceGuard = 'if (!request || !account || request.fence !== fence)'

/** Some come in pairs: one guard stands behind another. */
export const plantedBugs: readonly PlantedBug[] = [
  bug(
    'replies before it charges',
    call(settle, `surely(() => ledger.settle(settlement)).catch(() => {}); return ${ownAnswer}`),
  ),
  bug(
    'takes an ambiguous settle for a success',
    call(
      settle,
      `return await surely(() => ledger.settle(settlement))
        .then((outcome) => receiptOf(outcome, fence), () => ${ownAnswer})`,
    ),
  ),
  bug(
    'a lost attempt sends its own answer',
    call(
      settle,
      `const outcome = await surely(() => ledger.settle(settlement))
      return outcome.kind === 'lost' ? ${ownAnswer} : receiptOf(outcome, fence)`,
    ),
  ),
  bug(
    'charges for a failure',
    call(
      'ledger.release({ tenant, requestKey, fence, outcome, reason, now: time }),',
      `ledger.settle({ tenant, requestKey, fence, charge: hold, units: {}, now: time, answer: {
        status: 500, headers: {}, body: new Uint8Array(), expiresAt: time + retentionMs } }),`,
    ),
  ),
  bug(
    'a replay runs the model again',
    call(
      "if (outcome.kind === 'replay') return replayOf(outcome.request, account)",
      "if (outcome.kind === 'replay') return ticket(outcome.request, call)",
    ),
  ),
  bug(
    'a replay is written anew',
    call(
      "return { kind: 'answered', answer: request.answer, charge, account, replayed: true }",
      `const body = Buffer.concat([request.answer.body, Buffer.from(' ')])
      return { kind: 'answered', answer: { ...request.answer, body }, charge, account, replayed: true }`,
    ),
  ),
  bug('all attempts have the same fence', call('fence: newId(),', 'fence: call.requestKey,')),
  bug(
    'charges more than the hold',
    call(charge, 'charge: free ? 0n : priceOf(price, units),'),
    ledger('if (paid < 0n || paid > hold) throw', 'if (paid < 0n) throw'),
  ),
  bug(
    'forgets the pinned price',
    call('prices.byId(sale.priceId)', "prices.current(sale.priceId.split('@')[0] ?? '', now())"),
  ),
  bug(
    'a counted retry does not know what it repeats',
    call('return found?.requestKey ?? call.requestKey', 'return call.requestKey'),
  ),
  bug(
    'a first try is taken for a retry',
    call('if (!call.retry || call.retry.count === 0)', 'if (!call.retry)'),
  ),
  bug(
    'a lease without time to work',
    call('leaseUntil: time + call.timeoutMs + leaseMarginMs', 'leaseUntil: time'),
  ),
  bug(
    'a renewal that renews nothing',
    call('await surely(() => ledger.renew(lease))', "'renewed'"),
  ),
  bug(
    'whoever has lost its lease works on',
    call(
      "ledger.renew(lease))) === 'lost'",
      "ledger.renew(lease))) !== 'lost' && lease.fence === ''",
    ),
  ),
  bug(
    'anybody renews',
    ledger(
      "request?.state !== 'reserved' || request.fence !== fence",
      "request?.state !== 'reserved'",
    ),
  ),
  bug(
    'renews what has ended',
    ledger("request?.state !== 'reserved' || request.fence", '!request || request.fence'),
  ),
  bug(
    'reserves without limits',
    call('counters: counterHolds(parties, hold, time, call.units.calls),', 'counters: [],'),
  ),
  bug(
    'forgets the limits of the tenant',
    call('const parties = limitedParties(call, account.limits)', 'const { parties } = call'),
  ),
  bug(
    'an answer is kept for no time',
    call(
      `units,
          answer: { ...answer, expiresAt: time + retentionMs },`,
      `units,
          answer: { ...answer, expiresAt: time },`,
    ),
  ),
  bug(
    'a test call is charged',
    call(charge, 'charge: chargeOf(price, units, { hold }),'),
    call('return call.free ? 0n : priceOf(price, call.units)', 'return priceOf(price, call.units)'),
  ),
  bug('ignores the fingerprint', identity('contentType], body)', 'contentType])')),
  bug(
    'a key is shared among tenants',
    identity(
      'hash([tenant, mode, method, path, idempotencyKey])',
      'hash([method, path, idempotencyKey])',
    ),
    nameWithoutTenant,
  ),
  bug(
    'a retry pointer is shared among keys',
    identity('hash([tenant, keyId, fingerprint])', 'hash([tenant, fingerprint])'),
  ),
  bug(
    'a retry pointer is shared among tenants',
    identity('hash([tenant, keyId, fingerprint])', 'hash([keyId, fingerprint])'),
    nameWithoutTenant,
  ),
  bug(
    'no sweeper',
    sweep('await releaseExpiredLeases(ledger, now(), graceMs, batch, failures)', '0'),
  ),
  bug(
    'sweeps before the lease is over',
    sweep('ledger.expiredLeases(now - graceMs, batch)', 'ledger.expiredLeases(now + 8_000, batch)'),
  ),
  bug('expires credit that is held', sweep('account.spent + account.held', 'account.spent')),
  bug('expires credit that is spent', sweep('account.spent + account.held', 'account.held')),
  bug(
    'expires the same credit twice',
    sweep('creditLeft(entries,', "creditLeft(entries.filter(({ type }) => type !== 'expiry'),"),
  ),
  bug(
    'counts what was spent before a credit came as taken from it',
    sweep(
      'creditLeft(entries,',
      'creditLeft(entries.map((entry) => ({ ...entry, spentBefore: 0n })),',
    ),
  ),
  bug(
    'two sweepers expire the same credit',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: this is code.
    sweep('id: `expiry-${expiries + 1}`', 'id: `expiry-${amount}-${account.spent}`'),
  ),
  bug(
    'expires what a call takes meanwhile',
    sweep('ledger.post(entry, account)', 'ledger.post(entry)'),
  ),
  bug('expires credit by a clock that is ahead', sweep('5 * 60 * 1_000', '0')),
  bug('no fence', ledger(fenceGuard, 'if (!request || !account)')),
  bug('settles in any state', ledger(stateGuard, '')),
  bug(
    'an unguarded sweeper',
    ledger(
      stateGuard,
      "if (request.state !== 'reserved' && state !== 'void') return { kind: 'lost', request }",
    ),
    belowZero,
  ),
  bug(
    'a takeover holds twice',
    ledger(
      'const mine = { ...request, fence, leaseUntil }',
      `const mine = { ...request, fence, leaseUntil }
      const payer = accounts.get(tenant)
      if (payer && payer.available >= hold) move(payer, -hold, hold, 0n)`,
    ),
  ),
  bug(
    'no balance condition',
    ledger("if (mode === 'prepaid' && available < hold)", "if (mode === 'prepaid' && hold < 0n)"),
    belowZero,
  ),
  bug(
    'a cap that is checked without the call',
    ledger('used(id) + amount > limit', 'used(id) > limit'),
  ),
  bug(
    'a cap that refuses its last unit',
    ledger('used(id) + amount > limit', 'used(id) + amount >= limit'),
  ),
  bug(
    'a void without a refund',
    ledger(
      "modes.get(name) === 'prepaid' ? hold - paid : 0n, -hold, paid)",
      "modes.get(name) === 'prepaid' && charge !== undefined ? hold - paid : 0n, -hold, paid)",
    ),
  ),
  bug(
    'what is left of a hold does not return',
    ledger(
      "modes.get(name) === 'prepaid' ? hold - paid : 0n, -hold, paid)",
      "modes.get(name) === 'prepaid' && charge === undefined ? hold : 0n, -hold, paid)",
    ),
  ),
  bug(
    'counters are not released',
    ledger('count(counter.id, -givenBack(counter, charge))', 'void counter'),
  ),
  bug(
    'calls of the day are given back',
    ledger('calls: 0n, concurrency: amount', 'calls: amount, concurrency: amount'),
  ),
  bug(
    'a charge of every attempt',
    ledger(
      // biome-ignore lint/suspicious/noTemplateCurlyInString: this is code.
      "const id = state === 'done' ? requestKey : `${requestKey}:${fence}`",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: this is code.
      'const id = `${requestKey}:${fence}`',
    ),
    ledger(stateGuard, ''),
  ),
  bug(
    'an answer without an entry',
    ledger('if (!entries.has(nameOf(tenant, id))) {', "if (state !== 'done') {"),
  ),
  bug(
    'refunds more than the charge',
    ledger('if (amount > left) return', 'if (amount < 0n) return'),
  ),
  bug(
    'takes over before the lease is over',
    ledger('if (request.leaseUntil > now) return', 'if (request.leaseUntil > now + 60_000) return'),
  ),
  bug(
    'never takes over',
    ledger('if (request.leaseUntil > now) return', 'if (request.hold >= 0n) return'),
  ),
  bug(
    'another payload gets the answer',
    ledger('if (request && request.fingerprint !== fingerprint) return', 'if (!requestKey) return'),
  ),
  bug(
    'a top-up that was repeated counts twice',
    ledger(
      "? { kind: 'duplicate', account }",
      "? { kind: 'posted', account: move(account, amount, 0n, 0n) }",
    ),
  ),
]
