import { cancelJob, expireJob, resumeJob } from '#shared/batch/manage-job.ts'
import { orderJob } from '#shared/batch/order-job.ts'
import { planJob } from '#shared/batch/plan-job.ts'
import { publishJob } from '#shared/batch/publish-job.ts'
import { receiveObject } from '#shared/batch/receive-object.ts'
import { createReconciler } from '#shared/batch/reconcile.ts'
import { scoreChunk } from '#shared/batch/score-chunk.ts'

/** What is put to the proof; a planted bug is another one of these. */
export interface BatchCode {
  readonly orderJob: typeof orderJob
  readonly receiveObject: typeof receiveObject
  readonly planJob: typeof planJob
  readonly scoreChunk: typeof scoreChunk
  readonly publishJob: typeof publishJob
  readonly cancelJob: typeof cancelJob
  readonly expireJob: typeof expireJob
  readonly resumeJob: typeof resumeJob
  readonly createReconciler: typeof createReconciler
}

export const realBatchCode: BatchCode = {
  orderJob,
  receiveObject,
  planJob,
  scoreChunk,
  publishJob,
  cancelJob,
  expireJob,
  resumeJob,
  createReconciler,
}
