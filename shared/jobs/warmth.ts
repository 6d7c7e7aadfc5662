/**
 * Which heavy models an instance holds ready: calls of those need not be put off. A DynamoDB item that
 * expires on AWS, the memory of the host on one machine.
 *
 * Every method throws ServiceError `store_unavailable` when the store does not answer as it should.
 */
export interface Warmth {
  /** @param model with its version, e.g. `iris@1` */
  isWarm(model: string): Promise<boolean>
  /** Says that an instance holds it ready for so long from now on; said again, it holds longer. */
  keep(model: string, forMs: number): Promise<void>
}
