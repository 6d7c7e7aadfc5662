/** Where things lie in the object store. Only `incoming/` starts a job, and nothing is written there. */
export const places = {
  incoming: 'incoming/',
  plan: (jobId: string) => `jobs/${jobId}/plan.json`,
  /** What a packed input was unpacked into, or the list of a prefix. */
  source: (jobId: string) => `jobs/${jobId}/source`,
  /** Named after its bytes: two attempts that agree write one part. */
  part: (jobId: string, chunk: number, sha256: string) =>
    `jobs/${jobId}/parts/${String(chunk).padStart(6, '0')}-${sha256.slice(0, 16)}`,
  outputs: (tenant: string, model: string, input: string, jobId: string) =>
    `outgoing/${tenant}/${model.split('@')[0]}/${input}/${jobId}/`,
} as const
