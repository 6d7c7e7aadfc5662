import { createDirectoryObjectStore } from '#shared/batch/stores/directory-object-store.ts'
import { someBytes } from './some-bytes.ts'

/** Writes objects, small part by small part, until it is killed. Argument: the directory. */
const [, , directory = ''] = process.argv
const bytes = someBytes(4 * 1024 * 1024 + 1, 7)
const store = createDirectoryObjectStore({ directory })

async function* slowly() {
  for (let start = 0; start < bytes.length; start += 64 * 1024) {
    yield bytes.subarray(start, start + 64 * 1024)
  }
}

process.stdout.write('begin\n')
for (let index = 0; ; index += 1) {
  await Promise.all([
    store.write(`a/${index % 3}`, slowly()),
    store.write(`b/${index}`, slowly(), { ifAbsent: true }),
  ])
}
