/** A mistake that somebody could make: lines of the real code, and what stands there instead. */
export interface PlantedBatchBug {
  readonly name: string
  readonly changes: readonly Change[]
  /** Without it, it does no harm. */
  readonly event?: 'cancel' | 'lose'
}

interface Change {
  /** In `shared/batch`. */
  readonly file: string
  /** Stands there exactly once. */
  readonly find: string
  readonly replace: string
}

const inFile = (file: string) => (find: string, replace: string) => ({ file, find, replace })
const order = inFile('order-job.ts')
const plan = inFile('plan-job.ts')
const score = inFile('score-chunk.ts')
const settle = inFile('settle-running.ts')
const publish = inFile('publish-job.ts')
const parts = inFile('read-parts.ts')
const steps = inFile('write-in-steps.ts')
const send = inFile('send-chunks.ts')
const manage = inFile('manage-job.ts')
const fail = inFile('fail-job.ts')
const reconcile = inFile('reconcile.ts')
const whenStopped = (bug: PlantedBatchBug): PlantedBatchBug => ({ ...bug, event: 'cancel' })
const bug = (name: string, ...changes: Change[]): PlantedBatchBug => ({ name, changes })

export const plantedBatchBugs: readonly PlantedBatchBug[] = [
  bug(
    'settles before the part is stored',
    score('    await objects.put(key, part, { ifAbsent: true })\n', ''),
    score(
      'return reportFrom(await ticket.settle(answer, units))',
      `const receipt = await ticket.settle(answer, units)
    await objects.put(key, part, { ifAbsent: true })
    return reportFrom(receipt)`,
    ),
  ),
  whenStopped(
    bug(
      'begins a chunk without looking at the job again',
      score("if ((await jobs.find(job.id))?.state !== 'scoring') {", 'if (false) {'),
    ),
  ),
  bug(
    'forgets to have the last chunk published',
    score(
      'if (done.chunks === chunks) await queues.publish',
      'if (done.chunks > chunks) await queues.publish',
    ),
    send('if (done.size === job.chunks) await queues.publish.send([toMessage(job)])', ''),
  ),
  bug(
    'gives up a chunk whose attempt is in flight',
    score(
      'const backoffMs =',
      "if (code === 'request_in_flight') return 'done'; const backoffMs =",
    ),
    reconcile("else if (job.state === 'scoring') await sendChunks(job, services)", ''),
  ),
  bug(
    'charges for records that are errors',
    score('await ticket.settle(answer, units)', 'await ticket.settle(answer, opened.units)'),
  ),
  bug('does not hold the cap of the job', score('...(isCapped ? [cap] : [])', '')),
  bug(
    'publishes before all chunks are done',
    publish(
      "if (job.done.chunks < job.chunks) return 'done'",
      "if (job.done.chunks + 1 < job.chunks) return 'done'",
    ),
    score('if (done.chunks === chunks) await', 'if (done.chunks + 1 >= chunks) await'),
  ),
  bug(
    'announces outputs before they are there',
    publish(
      "const results = await writeOutput(whole, 'results', services)",
      "const early = await writeManifest(whole, [], services); void early\n  const results = await writeOutput(whole, 'results', services)",
    ),
  ),
  bug(
    'writes outputs again that are there',
    steps("if (await objects.head(key)) return { kind: 'exists' }", ''),
    steps('piece.subarray(0, filled), { ifAbsent: true })', 'piece.subarray(0, filled))'),
    steps('draft, pieces, { ifAbsent: true })', 'draft, pieces)'),
  ),
  bug(
    'ends the job before the manifest is there',
    publish(
      'const manifest = await writeManifest(whole, outputs, services)',
      `await jobs.change(job.id, [job.state], { state: end, outputs, at: now() })
  const manifest = await writeManifest(whole, outputs, services)`,
    ),
  ),
  whenStopped(
    bug(
      'publishes a stopped job while chunks run',
      publish(
        "if (job.state !== 'publishing' && !(await settleRunning(job, services))) {",
        'if (false) {',
      ),
    ),
  ),
  whenStopped(
    bug(
      'counts chunks of a stopped job as the message says',
      publish('const whole = (await jobs.find(job.id)) ?? job', 'const whole = job'),
    ),
  ),
  whenStopped(
    bug(
      'leaves an attempt alive whose lease is over',
      settle(
        'settled &&= await endExpired(request, ledger, now())',
        'settled &&= request.leaseUntil <= now()',
      ),
    ),
  ),
  whenStopped(
    bug(
      'forgets what was sold and not yet told of',
      settle('await jobs.finishChunk(job.id, report)', 'void report'),
    ),
  ),
  whenStopped(
    bug(
      'numbers the records of a stopped job as if nothing were missing',
      parts('errors: records, lines }', 'errors: 0 * records, lines }'),
    ),
  ),
  {
    ...bug(
      'keeps the money of a job whose results are lost',
      fail('await refundChunk(job, chunk, services)', ''),
    ),
    event: 'lose',
  },
  {
    ...bug(
      'tries for ever to publish what is lost',
      fail('receives < attemptsBeforeFailure', 'true'),
    ),
    event: 'lose',
  },
  {
    ...bug(
      'publishes a part that is not what was settled',
      parts("digest.digest('hex') === part.sha256", 'true'),
    ),
    event: 'lose',
  },
  bug('numbers lines within their chunk', parts('linesBefore += report.lines', '')),
  bug(
    'plans anew what was planned',
    plan(
      'await objects.put(places.plan(job.id), bytes, { ifAbsent: true })\n  return readPlan(job.id, objects)',
      'await objects.put(places.plan(job.id), bytes)\n  return plan.chunks.length > 1 ? { ...plan, chunks: plan.chunks.slice(1) } : plan',
    ),
  ),
  bug(
    'asks for chunks before the job may be scored',
    plan("if (job?.state === 'scoring') await sendChunks(job, services)", ''),
    plan(
      "const planned = await jobs.change(job.id, ['planning'], change)\n    if (planned) await sendChunks(planned, services)",
      // The more is done in between, the sooner somebody works on a chunk too early.
      "await sendChunks({ ...job, chunks: plan.chunks.length }, services)\n    for (let look = 0; look < 40; look += 1) await jobs.find(job.id)\n    await jobs.change(job.id, ['planning'], change)",
    ),
    reconcile("else if (job.state === 'scoring') await sendChunks(job, services)", ''),
  ),
  bug(
    'takes a second event for a second order',
    order(
      '.update(JSON.stringify([tenant, free, ...identity]))',
      '.update(JSON.stringify([tenant, free, ...identity, Math.random()]))',
    ),
  ),
  bug(
    'overwrites the job with a second event',
    order(
      "const stored = outcome === 'created' ? job : await jobs.find(id)",
      "if (outcome === 'exists') await jobs.change(id, ['scoring'], { state: 'planning', at })\n  const stored = outcome === 'created' ? job : await jobs.find(id)",
    ),
  ),
  whenStopped(
    bug(
      'cancels a job that is being published',
      manage(
        "jobs.change(job.id, ['planning', 'scoring', 'paused'], {",
        "jobs.change(job.id, ['planning', 'scoring', 'paused', 'publishing'], {",
      ),
    ),
  ),
  bug(
    'resumes without asking for the chunks',
    manage('await sendChunks(current, services)', ''),
    reconcile("else if (job.state === 'scoring') await sendChunks(job, services)", ''),
  ),
  bug(
    'never looks for objects that no event told of',
    reconcile('orderForgotten().finally(rouse)', 'rouse()'),
  ),
  bug(
    'never makes good a message that was lost',
    reconcile('else if (job.changedAt + quietMs <= services.now()) await nudge(job)', ''),
  ),
]
