import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCatalog } from '#shared/catalog/catalog.ts'
import type { ModelEntry } from '#shared/catalog/model-entry.ts'
import { parseManifest } from '#shared/catalog/parse-manifest.ts'
import { readModels } from '#shared/catalog/read-models.ts'
import { taskModelOf } from '#shared/inference/task-model.ts'
import { createOnnxSession } from '#shared/runtime/onnx-session.ts'
import type { Session } from '#shared/runtime/session.ts'
import { findTask } from '#shared/tasks/find-task.ts'
import type { Task, TaskModel } from '#shared/tasks/task.ts'
import { cacheFolder } from './cache-folder.ts'

export interface BareModel {
  readonly entry: ModelEntry
  readonly session: Session
  readonly task: Task
  readonly model: TaskModel
}

/** A model of `makeBatchModels` and what belongs to it, with nothing around; one thread. */
export async function loadBare(name: string): Promise<BareModel> {
  const entry = createCatalog(
    readModels(cacheFolder('batch-models'), { parse: parseManifest }),
  ).find(name)
  const { file = '', format } = entry.manifest.artifact
  const bytes = new Uint8Array(readFileSync(join(entry.folder, file)))
  const session = await createOnnxSession(bytes, { threads: 1, format })
  const task = await findTask(entry.manifest.task.name)
  return { entry, session, task, model: taskModelOf(entry) }
}
