import { endWithParent } from '#shared/inference/end-with-parent.ts'

/** What the tests of killable processes start: it does what it is told. */
endWithParent()
const kept: Buffer[] = []

process.on('message', (order: string) => {
  if (order === 'hang') for (;;);
  if (order === 'eat') for (;;) kept.push(Buffer.alloc(20_000_000, 1))
  if (order === 'fill the heap')
    for (const list: string[][] = []; ; ) list.push(Array(1_000).fill(order))
  if (order === 'crash') process.abort()
  if (order === 'leave') process.exit(3)
  const { pid, ppid, env } = process
  process.send?.({ order, pid, ppid, secret: env.PERCALL_SECRET_OF_TEST })
})
