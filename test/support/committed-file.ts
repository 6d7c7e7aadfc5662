import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ReadArtifact } from '#shared/inference/model-runner.ts'

/** The file that lies beside a model's manifest, as runners ask for it. */
export const committedFile: ReadArtifact = async ({ folder, manifest }) =>
  new Uint8Array(readFileSync(join(folder, manifest.artifact.file ?? '')))
