/** Whether a `Prefer` header asks to be answered later (RFC 7240, 4.1). */
export const prefersAsync = (prefer = ''): boolean =>
  prefer.split(',').some((one) => /^\s*respond-async\s*(;|$)/i.test(one))
