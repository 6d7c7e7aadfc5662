import { readFileSync } from 'node:fs'
import { tell } from '../harness/tell.ts'

/** Calls a packaged function so many times, lets it settle, and reads what the kernel counts. */
const [, , file = '', event = '', calls] = process.argv
const { handler } = await import(file)
for (let call = 0; call < Number(calls); call += 1) {
  const { statusCode, body } = await handler(JSON.parse(event))
  if (statusCode !== 200) throw new Error(body)
}
await new Promise((resolve) => setTimeout(resolve, 500))
const rollup = readFileSync('/proc/self/smaps_rollup', 'utf8')
const megabytes = (name: string) =>
  (Number(new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(rollup)?.[1]) * 1_024) / 1e6
tell({ rssMB: megabytes('Rss'), pssMB: megabytes('Pss') })
process.exit()
