import { errorRow as row } from './error-row.ts'

/** What can go wrong about batches, as a whole and of one record: a part of the table of error codes. */
export const batchErrorCodes = {
  upload_invalid: row(
    422,
    false,
    'The upload is not a form with one file.',
    'Send multipart/form-data with the fields "purpose" and "file".',
  ),
  batch_price_unsupported: row(
    422,
    false,
    'The price of the model cannot be counted over a batch.',
    'Give the model a price by call or by row, or call it record by record.',
  ),
  job_not_ended: row(
    409,
    true,
    'The job has not ended yet.',
    'Wait for its end: percall batch watch.',
  ),
  job_not_paused: row(
    409,
    false,
    'The job is not paused.',
    'Only a paused job can be resumed; order a new one for what was left out.',
  ),
  batch_input_invalid: row(
    422,
    false,
    'The input of the batch cannot be read.',
    'Mend the file as the message says, and send it again.',
  ),
  object_key_invalid: row(
    422,
    false,
    'The text cannot be the key of an object.',
    'Use segments between slashes that are not empty and do not begin with a dot, 1,024 bytes in all.',
  ),
  object_gone: row(
    410,
    false,
    'The object was deleted or overwritten since the work on it began.',
    'Leave inputs as they are until their job has ended.',
  ),
  results_lost: row(
    410,
    false,
    'Results were lost before they were published. Nothing is charged for the job.',
    'Order the job again.',
  ),
  batch_expired: row(
    410,
    false,
    'The time of the batch was over before this request was answered.',
    'Order a new batch of the requests that are left.',
  ),
  record_invalid: row(
    422,
    false,
    'The record cannot be read.',
    'Mend the line that the error names, and send it again.',
  ),
  record_too_large: row(
    422,
    false,
    'The record is larger than the limit.',
    'Send shorter records.',
  ),
  record_timed_out: row(
    422,
    false,
    'The model did not finish with this record in time.',
    'Leave the record out or make it smaller; the others were scored.',
  ),
  chunk_timed_out: row(
    504,
    false,
    'A piece of the input takes longer to score than a function may run.',
    'Give the function "batch-score" more memory, and resume the job.',
  ),
  record_out_of_memory: row(
    422,
    false,
    'The model needs more memory for this record than there is.',
    'Leave the record out or make it smaller; the others were scored.',
  ),
  record_crashed: row(
    422,
    false,
    'The model crashed on this record.',
    'Leave the record out; the others were scored.',
  ),
  output_not_finite: row(
    422,
    false,
    'The model answers this record with a number that is not finite.',
    'Look for extreme values in the record; JSON has no words for NaN and Infinity.',
  ),
  model_crashed: row(
    500,
    false,
    'The process that runs the model ended again and again.',
    'Look at the log of the model; give it more memory, or publish a version that runs.',
  ),
} as const
