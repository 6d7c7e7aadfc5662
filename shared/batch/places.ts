/** Where things lie in the object store. Only `incoming/` starts a job, and nothing is written there. */
export const places = {
  incoming: 'incoming/',
  uploads: 'uploads/',
  jobs: 'jobs/',
  /** A mark for each file that expires, in the order of their times. */
  expiring: 'expiring/',
  plan: (jobId: string) => `jobs/${jobId}/plan.json`,
  /** What a packed input was unpacked into, or the list of a prefix. */
  source: (jobId: string) => `jobs/${jobId}/source`,
  /** How far an object of the job is that takes several runs to write. */
  progress: (jobId: string, name: 'source' | 'results' | 'errors') =>
    `jobs/${jobId}/progress/${name}`,
  /** Named after its bytes: two attempts that agree write one part. */
  part: (jobId: string, chunk: number, sha256: string) =>
    `jobs/${jobId}/parts/${String(chunk).padStart(6, '0')}-${sha256.slice(0, 16)}`,
  outputs: (tenant: string, model: string, input: string, jobId: string) =>
    `outgoing/${tenant}/${model.split('@')[0]}/${input}/${jobId}/`,
  /** Why a dropped object came to nothing: beside its outputs, in the same folders as it lies in. */
  refusal: (key: string) => {
    const [tenant, model, ...path] = key.slice(places.incoming.length).split('/')
    const folders = path.length > 0 ? [tenant, model?.split('@')[0], ...path] : [tenant, model]
    return `outgoing/${folders.filter((part) => part !== undefined).join('/')}.refused.json`
  },
} as const
