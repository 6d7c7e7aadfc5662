import type { Environment } from '#shared/config/environment.ts'
import { type NodeHost, startNodeHost } from '#shared/endpoints/node-host.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { Endpoint } from '#shared/protocols/http-message.ts'

/** Starts the Node host, and says in plain words why it cannot listen. */
export async function startListening(
  endpoint: Endpoint,
  { HOST: host, PORT: port, PERCALL_BODY_LIMIT: bodyLimitBytes }: Environment,
): Promise<NodeHost> {
  try {
    return await startNodeHost({ endpoint, host, port, bodyLimitBytes })
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const [detail, fix] = reasons(host, port)[code] ?? []
    if (detail === undefined || fix === undefined) throw cause
    throw new ServiceError('configuration_invalid', { detail, fix, cause })
  }
}

const reasons = (host: string, port: number): Record<string, [detail: string, fix: string]> => ({
  EADDRINUSE: [
    `Port ${port} of ${host} is in use by another process.`,
    `Stop that process, or choose another port: percall dev --port ${port + 1}`,
  ],
  EACCES: [
    `This user may not listen on port ${port}.`,
    'Choose a port above 1023: percall dev --port 8080',
  ],
  EADDRNOTAVAIL: [
    `This machine has no address ${host}.`,
    'Choose one that it has: percall dev --host 127.0.0.1',
  ],
  ENOTFOUND: [
    `The host name ${host} is not known here.`,
    'Give an address: percall dev --host 127.0.0.1',
  ],
})
