import { batchErrorCodes } from './batch-error-codes.ts'
import { errorRow as row } from './error-row.ts'
import { jobErrorCodes } from './job-error-codes.ts'
import { moneyErrorCodes } from './money-error-codes.ts'

/**
 * Every way a call can fail, as data. A code is a promise to callers: it never changes its meaning.
 *
 * `status` is the HTTP status of the plain dialects (a protocol may map it, see `protocols/`);
 * `retryable` says whether the same request may succeed later; `title` is the public sentence;
 * `fix` tells the reader what to do about it.
 */
export const errorCodes = {
  // The request as a whole.
  route_not_found: row(
    404,
    false,
    'There is nothing at this path.',
    'See /openapi.json for the routes that exist.',
  ),
  method_not_allowed: row(
    405,
    false,
    'This path does not take this method.',
    'Use a method named in the Allow header.',
  ),
  unsupported_media_type: row(
    415,
    false,
    'The body has a content type that this route does not read.',
    'Send application/json, or for an image model the bytes of a JPEG, PNG or WebP file.',
  ),
  not_acceptable: row(
    406,
    false,
    'The call accepts no form that this route can answer in.',
    'Accept application/json, or leave the Accept header out.',
  ),
  unsupported_encoding: row(
    415,
    false,
    'The body has a Content-Encoding that is not understood.',
    'Send the body as it is, or compressed with gzip or deflate.',
  ),
  payload_too_large: row(
    413,
    false,
    'The body is larger than the limit.',
    'Send fewer inputs per call.',
  ),
  body_not_decodable: row(
    400,
    false,
    'The compressed body cannot be inflated.',
    'Check that Content-Encoding names what the body really is.',
  ),
  json_invalid: row(
    400,
    false,
    'The body is not valid JSON.',
    'Send one JSON object, encoded as UTF-8.',
  ),
  json_too_deep: row(
    400,
    false,
    'The JSON is nested too deeply.',
    'Flatten the arrays and objects.',
  ),
  json_string_too_long: row(
    400,
    false,
    'A string in the JSON is too long.',
    'Send shorter strings.',
  ),
  number_not_finite: row(
    400,
    false,
    'A number is not finite or does not fit its datatype.',
    'Send numbers within the range of the datatype; NaN and Infinity are not accepted.',
  ),
  // What the model was asked.
  model_not_found: row(
    404,
    false,
    'There is no model of this name.',
    'List the models with GET /v1/models.',
  ),
  version_not_found: row(
    404,
    false,
    'The model has no such version or alias.',
    'List its versions with GET /v1/models/{name}.',
  ),
  input_invalid: row(
    422,
    false,
    'The inputs are not what this model takes.',
    "Compare with the model's sample request, GET /v1/models/{name}.",
  ),
  parameter_invalid: row(
    422,
    false,
    'A parameter is unknown or has a value out of range.',
    'Remove or correct the parameter.',
  ),
  prompt_too_long: row(
    422,
    false,
    'The prompt and the tokens asked for do not fit into the context of the model.',
    'Shorten the prompt, or ask for fewer tokens.',
  ),
  tensor_missing: row(
    422,
    false,
    'A tensor that the model needs is missing.',
    'Send every input that GET /v2/models/{name} lists.',
  ),
  tensor_unknown: row(
    422,
    false,
    'A tensor is named that the model does not have.',
    'Send only tensors that GET /v2/models/{name} lists.',
  ),
  datatype_wrong: row(
    422,
    false,
    'A tensor has a datatype that the model does not take.',
    'Send the datatype that GET /v2/models/{name} lists.',
  ),
  shape_wrong: row(
    422,
    false,
    'A tensor has a shape that the model does not take.',
    'Send the shape that GET /v2/models/{name} lists; -1 stands for any size.',
  ),
  element_count_wrong: row(
    422,
    false,
    'The number of values does not equal the product of the shape.',
    'Make data and shape agree.',
  ),
  too_many_rows: row(
    422,
    false,
    'More inputs than the model takes in one call.',
    'Split the inputs over several calls.',
  ),
  too_many_elements: row(
    422,
    false,
    'More values than the model takes in one call.',
    'Send a smaller tensor.',
  ),
  image_unreadable: row(
    422,
    false,
    'The image cannot be decoded.',
    'Send a complete JPEG, PNG or WebP file.',
  ),
  image_type_unsupported: row(
    415,
    false,
    'The image is not of a supported type.',
    'Send JPEG, PNG or WebP.',
  ),
  image_too_large: row(
    422,
    false,
    'The image has more pixels than the limit.',
    'Scale the image down before sending it.',
  ),
  // Who may call.
  credentials_missing: row(
    401,
    false,
    'The call carries no credentials.',
    'Send an API key as "Authorization: Bearer pc_…" or "x-api-key: pc_…".',
  ),
  api_key_malformed: row(
    401,
    false,
    'The API key is not of the form pc_live_… or pc_test_…, or its checksum is wrong.',
    'Copy the key again, whole.',
  ),
  api_key_unknown: row(
    401,
    false,
    'The API key does not exist.',
    'Create one with "percall keys create".',
  ),
  api_key_revoked: row(401, false, 'The API key was revoked.', 'Use another key.'),
  api_key_expired: row(
    401,
    false,
    'The API key has expired.',
    'Create a new one with "percall keys create".',
  ),
  token_invalid: row(
    401,
    false,
    'The token is not one that this service accepts.',
    'Obtain a token from the configured issuer for the configured audience.',
  ),
  token_expired: row(401, false, 'The token has expired.', 'Obtain a fresh token.'),
  issuer_unavailable: row(
    503,
    true,
    'The issuer of the tokens does not answer as it should.',
    'Try again later, or use an API key.',
  ),
  key_not_found: row(
    404,
    false,
    'There is no API key of this id.',
    'List the keys with "percall keys list".',
  ),
  scope_missing: row(
    403,
    false,
    'The credentials do not have the scope that this call needs.',
    'Use a key with that scope.',
  ),
  model_not_allowed: row(
    403,
    false,
    'The key may not call this model.',
    'Use a key that may, or add the model to the list of this one.',
  ),
  address_not_allowed: row(
    403,
    false,
    'The key may not be used from this address.',
    'Call from an address on the list of the key, or have the list changed.',
  ),
  too_many_attempts: row(
    429,
    true,
    'Too many bad credentials from this address.',
    'Wait as long as Retry-After says.',
  ),
  // What it costs.
  ...moneyErrorCodes,
  // Files of many records.
  ...batchErrorCodes,
  ...jobErrorCodes,
  // The model's file.
  // What the store holds stays so until somebody publishes: only what is on its way may pass by itself.
  artifact_not_found: row(
    502,
    false,
    "The model's file is not in the artifact store.",
    'Publish it with "percall models publish".',
  ),
  artifact_access_denied: row(
    502,
    true,
    "The artifact store refused access to the model's file.",
    "Check the function's role and the bucket policy.",
  ),
  artifact_truncated: row(
    502,
    true,
    "The model's file arrived shorter or longer than its manifest says.",
    'Publish it again with "percall models publish".',
  ),
  artifact_digest_mismatch: row(
    502,
    false,
    "The bytes of the model's file do not match the digest in its manifest.",
    'Publish it again with "percall models publish".',
  ),
  artifact_unavailable: row(
    502,
    true,
    'The artifact store does not answer as it should.',
    'Try again later.',
  ),
  artifact_timed_out: row(
    504,
    true,
    "The model's file did not arrive in time.",
    'Try again later.',
  ),
  model_opset_unsupported: row(
    500,
    false,
    'The model uses operators or an opset that the runtime does not have.',
    'Export it for an opset that the runtime supports.',
  ),
  model_invalid: row(
    500,
    false,
    'The runtime cannot load the model.',
    'Check the artifact with "percall doctor".',
  ),
  model_not_ready: row(
    503,
    true,
    'The model does not give the answer of its golden sample on this machine.',
    'Look at the log of the model; other models are not affected.',
  ),
  out_of_memory: row(
    503,
    true,
    'There is not enough memory for this model.',
    'Give the function more memory.',
  ),
  model_already_loaded: row(
    409,
    false,
    'A model is loaded under this name.',
    'Unload it first, or use another name.',
  ),
  insufficient_memory: row(
    507,
    true,
    'There is no memory left for one more model.',
    'Unload another model, then try again.',
  ),
  // Running it.
  inference_failed: row(
    500,
    false,
    'The model failed on this input.',
    'Try another input; if it persists, report the request id.',
  ),
  deadline_exceeded: row(
    504,
    true,
    'The model did not answer in time.',
    'Send fewer inputs per call, or try again.',
  ),
  overloaded: row(503, true, 'All workers are busy.', 'Try again as Retry-After says.'),
  store_unavailable: row(
    503,
    true,
    'A store that the service needs does not answer.',
    'Try again later.',
  ),
  server_unreachable: row(
    503,
    true,
    'The server does not answer, or not as percall does.',
    'Check its address, and that it is running.',
  ),
  configuration_invalid: row(
    500,
    false,
    'The service is configured wrongly.',
    'Correct the setting that the message names.',
  ),
  internal: row(500, true, 'Something went wrong inside the service.', 'Report the request id.'),
} as const

export type ErrorCode = keyof typeof errorCodes
