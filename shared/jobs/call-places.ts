/** Where the bytes of a call lie in the object store; all of them under one prefix. */
export const callPlaces = {
  all: (id: string) => `calls/${id}/`,
  /** Named after what is asked: another request under the same key writes over nothing. */
  body: (id: string, fingerprint: string) => `calls/${id}/request-${fingerprint.slice(0, 16)}`,
  /** Named after the run: one that was superseded leaves the answer of the other alone. */
  result: (id: string, fence: string) => `calls/${id}/result-${fence}`,
} as const
