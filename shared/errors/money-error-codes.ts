import { errorRow as row } from './error-row.ts'

/** What can go wrong about accounts, prices and what is paid: a part of the table of error codes. */
export const moneyErrorCodes = {
  idempotency_key_invalid: row(
    400,
    false,
    'The Idempotency-Key header is not a key.',
    'Send 1 to 255 printable ASCII characters, fresh for every call that is not a retry.',
  ),
  idempotency_key_reused: row(
    422,
    false,
    'The Idempotency-Key was used for another request.',
    'Send a fresh key, or the very same request as before.',
  ),
  request_in_flight: row(
    409,
    true,
    'The same request is being worked on.',
    'Try again as Retry-After says; the answer will be the one of the first attempt.',
  ),
  answer_expired: row(
    410,
    false,
    'This request was answered and charged, and its answer is no longer kept.',
    'Send a fresh Idempotency-Key for a new call.',
  ),
  attempt_superseded: row(
    503,
    true,
    'Another attempt of this request has taken over.',
    'Try again with the same Idempotency-Key.',
  ),
  account_missing: row(
    402,
    false,
    'There is no account that could pay for this call.',
    'Ask the operator to open one.',
  ),
  credit_exhausted: row(
    402,
    false,
    'The credit does not cover this call.',
    'Add credit, or send fewer inputs per call.',
  ),
  spend_cap_reached: row(
    402,
    false,
    'This call would pass the spending cap.',
    'Raise the cap, or wait for the next month.',
  ),
  quota_exceeded: row(429, true, 'The calls of this day are used up.', 'Wait until midnight UTC.'),
  concurrency_exceeded: row(
    429,
    true,
    'Too many calls are running at the same time.',
    'Wait for one of them to end.',
  ),
  rate_limited: row(429, true, 'Calls come too fast.', 'Wait as long as Retry-After says.'),
  amount_invalid: row(
    422,
    false,
    'The amount is not one.',
    'Send a positive whole number of millionths of the currency unit.',
  ),
  currency_mismatch: row(
    422,
    false,
    'The currency is not that of the account.',
    'Use the currency of the account.',
  ),
  price_unknown: row(
    500,
    false,
    'The model has a price that is not in the price book.',
    'Add the price, or correct the manifest.',
  ),
  resource_not_found: row(404, false, 'There is no such thing.', 'Check the id.'),
  result_too_large: row(422, false, 'The answer would be too large.', 'Ask for less at once.'),
  invoice_invalid: row(
    422,
    false,
    'The invoice does not agree with itself.',
    'Get it again; if it stays so, do not trust it.',
  ),
  cursor_invalid: row(400, false, 'The cursor is not one.', 'Send next_cursor as it was received.'),
} as const
