import { runContainer } from '#shared/endpoints/run-container.ts'

await runContainer(import.meta.dirname, process.argv.slice(2))
