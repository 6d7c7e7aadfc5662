import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { codesDocument } from './codes-document.ts'

/** Run by hand after `error-codes.ts` has changed: `node shared/errors/write-codes.ts`. */
writeFileSync(join(import.meta.dirname, 'CODES.md'), codesDocument())
