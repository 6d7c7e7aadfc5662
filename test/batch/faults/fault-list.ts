/** One thing that goes wrong, what then is to happen, and the test in which it does. */
export interface Fault {
  readonly number: number
  readonly what: string
  readonly outcome: string
  /** A title of that file, or of a row of its cases; the file lies in `test/`. */
  readonly tests: readonly { readonly file: string; readonly title: string }[]
}

let faults = 0
/** Numbered as they come. */
const fault = (what: string, outcome: string, ...tests: (readonly [string, string])[]): Fault => ({
  number: ++faults,
  what,
  outcome,
  tests: tests.map(([file, title]) => ({ file: `${file}.test.ts`, title })),
})

const jobs = 'batch/faults'
const midJob = 'batch/faults/mid-job'
const gone = 'batch/faults/input-gone'
const lost = 'batch/faults/lost-part'
const json = 'batch/formats/read-json-lines'
const csv = 'batch/formats/read-csv'
const s3 = 'batch/s3-object-faults'
const killed = 'batch/faults/killed-worker'
const poisoned = 'batch/poison-job'
const ledger = 'metering/dynamodb-faults'
const disk = 'batch/faults/failing-disk'

const rangeGone = 'costs one error for each range that cannot be read, and what was scored is paid'
const recordsGone = 'costs one error for each of its records where they were counted: %s'
const manyEvents = 'an event that comes %i times, in any order, makes one job'
const booksStraight =
  'keeps every book straight when the n-th request meets: $fault, and $who tries again; shards: $shards'
const oneError = 'one error line; every other record is scored'
const nextWorker = 'another worker ends the job: same bytes, same charge, one chunk again at most'

/** Of any deployment. */
export const faultList: readonly Fault[] = [
  fault('an event duplicated 2 to 10 times', 'one job', [jobs, manyEvents]),
  fault(
    'events reordered',
    'one job a version of the object',
    [jobs, manyEvents],
    [
      midJob,
      'an event that is late, after the file was replaced, makes a job of what is there then',
    ],
  ),
  fault('an event lost', 'found by the reconciler, once', [
    jobs,
    'an object that no event told of becomes a job, once',
  ]),
  fault(
    'the object overwritten mid-job',
    'an error for each record left, or for each range of bytes',
    [gone, rangeGone],
    [gone, recordsGone],
  ),
  fault(
    'the object deleted mid-job',
    'the same',
    [gone, rangeGone],
    [gone, recordsGone],
    ['batch/stopped-job', 'a job whose input is gone when its time is over still ends'],
  ),
  fault(
    'an etag that does not match',
    'never a byte of another version',
    [s3, 'never goes on in another version of the object'],
    [s3, 'another version'],
  ),
  fault('a truncated last line', 'one error', [
    jobs,
    'a last line that is cut off is one error, and one without its newline is none',
  ]),
  fault(
    'invalid UTF-8',
    oneError,
    [json, 'bytes that are not UTF-8'],
    [csv, 'bytes that are not UTF-8'],
  ),
  fault('NUL bytes', oneError, [json, 'a NUL byte'], [csv, 'a NUL byte']),
  fault('a single line of 1 GB', 'one error, in flat memory', [
    json,
    'skips a line of 1 GB in flat memory, and no chunk within it owns it',
  ]),
  fault('JSON nested a million deep', 'one error, as soon as any', [
    json,
    'refuses what is nested a million levels deep as fast as any other record',
  ]),
  fault(
    'a duplicate custom_id',
    'refused before the job begins, with both line numbers',
    [
      'batch/duplicate-ids',
      'lines that have the id of an earlier one fail their job before it begins, each by its number',
    ],
    [
      'batch/official-client',
      'a file with wrong lines fails as a whole, and names each line and what is wrong',
    ],
  ),
  fault('CSV of a header only', 'a job without records, with outputs', [
    jobs,
    'a header without rows',
  ]),
  fault(
    'a ragged row of CSV',
    oneError,
    [csv, 'a row with a field too few'],
    [csv, 'a row with a field too many'],
  ),
  fault(
    'newlines between quotes',
    'one record, wherever the file is cut',
    [csv, 'makes an object of each row, with newlines, separators and quotes inside of quotes'],
    ['batch/formats/cut', 'tells of every cut of CSV whether it lies inside of quotes'],
  ),
  fault(
    'a gzip bomb 1:1000',
    'refused before the job begins',
    [jobs, 'a gzip bomb'],
    ['batch/formats/unpack', 'stops a bomb at the limit, and names it'],
  ),
  fault('a gzip size that is a lie', 'refused', [
    'batch/formats/unpack',
    'finds out a size that is a lie',
  ]),
  fault(
    'Parquet with a wrong footer, or a huge row group',
    'refused before the job begins',
    [jobs, 'a Parquet file with a wrong footer'],
    ['batch/formats/read-parquet', 'answers any damage of the footer with rows or with one error'],
    ['batch/formats/cut', 'refuses a row group that would not fit into memory'],
  ),
  fault(
    'NaN and Infinity',
    oneError,
    [json, 'NaN'],
    [json, 'Infinity'],
    [
      'batch/formats/read-parquet',
      'makes one error of a row with a number that JSON does not have',
    ],
  ),
  fault('a record that hangs the model', oneError, [poisoned, 'hangs the model']),
  fault('a record that exhausts the memory', oneError, [poisoned, 'eats the memory']),
  fault('a record that crashes the process', oneError, [poisoned, 'kills the process']),
  fault('a worker killed before its GET', nextWorker, [killed, 'before it reads a chunk']),
  fault('a worker killed in its GET', nextWorker, [killed, 'while it reads a chunk']),
  fault('a worker killed after it has scored', nextWorker, [killed, 'after it has scored a chunk']),
  fault('a worker killed after the PUT of a part', nextWorker, [
    killed,
    'after it has stored a part',
  ]),
  fault('a worker killed after it has settled', nextWorker, [
    killed,
    'after it has settled a chunk',
  ]),
  fault('a worker killed before the message is removed', nextWorker, [
    killed,
    'before it removes a message',
  ]),
  fault(
    'a worker killed while it finalises',
    nextWorker,
    [killed, 'after it has written the errors'],
    [killed, 'after it has written the results'],
    [killed, 'after it has written the manifest'],
  ),
  fault('a message of the queue duplicated', 'each chunk charged once', [
    midJob,
    'messages of chunks that come twice, and in any order, charge each chunk once',
  ]),
  fault('a message visible again while its chunk runs', 'the chunk runs once', [
    midJob,
    'a message whose time is over while its chunk runs is not run a second time beside it',
  ]),
  fault('dead letters redriven twice', 'each chunk charged once', [
    jobs,
    'a chunk that was given up on, and is tried again twice, is charged once',
  ]),
  fault(
    'storage that says 503 SlowDown',
    'tried again after longer and longer, and given up for a while',
    [s3, 'gets over errors of the server and a request to slow down'],
    [s3, 'stops after some errors of the server in a row'],
  ),
  fault(
    'a body that is cut off',
    'goes on where it ended',
    [s3, 'goes on where the connection broke off (%s)'],
    [json, 'does not take a connection that broke for the end of the file'],
  ),
  fault('a body at 1 KB a second', 'is waited for', [
    s3,
    'waits for a body of 1 KB a second, and asks only once',
  ]),
  fault(
    'bytes that are corrupted',
    'never published; the job fails and is refunded',
    [lost, 'a part that somebody has damaged is never published'],
    [lost, 'fails its job, whose owner is told why and gets all of his money back'],
    ['batch/formats/read-parquet', 'refuses a page that is damaged'],
  ),
  fault(
    '409 or 412 on a conditional write',
    'one object, whoever wrote it',
    [s3, 'gets over a conflict with another write, and a request to slow down'],
    [s3, 'finds that the object exists where the reply to its own put was lost'],
  ),
  fault(
    'a database that throttles',
    'asked again, and charged once',
    [ledger, booksStraight],
    [ledger, 'throttling'],
  ),
  fault(
    'a storm of transaction conflicts',
    'asked again, and charged once',
    [ledger, booksStraight],
    [ledger, 'transaction conflict'],
  ),
  fault('clocks off by 5 minutes', 'nothing is charged twice', [
    jobs,
    'clocks that are %i ms apart charge nothing twice',
  ]),
  fault('a local disk that is full', 'goes on once there is room', [
    disk,
    'a disk that is full (ENOSPC) loses nothing once there is room again',
  ]),
  fault('two finalisers', 'one output', [jobs, 'two who publish at once write one output']),
  fault('a cancel while it finalises', 'the job completes', [
    jobs,
    'completes where it is being published already',
  ]),
  fault(
    'a cap reached in the middle of a chunk',
    'the chunk does not begin; a higher cap ends the job',
    [
      midJob,
      'a cap of any amount is kept where chunks have %i records, and raising it ends the job',
    ],
  ),
  fault('an alias moved mid-job', 'the model that was ordered answers', [
    jobs,
    'an alias that moves changes nothing for a job that was ordered before',
  ]),
  fault('a key revoked mid-job', 'no chunk begins any more; what ran is paid', [
    midJob,
    'begins no chunk more, and what had run is paid and can be had',
  ]),
]

/** Of one machine, in addition. */
export const localFaultList: readonly Fault[] = [
  fault('the whole service killed', 'its processes end with it, and the next one ends its jobs', [
    'batch/faults/killed-parent',
    'a service that is killed takes its scoring processes with it, and the next one ends its jobs',
  ]),
  fault('a database that another process has locked', 'asked again', [
    midJob,
    'another process that holds the lock of the database costs time and nothing else',
  ]),
  fault(
    'ENOSPC from the n-th write on, for every n',
    'same bytes, same charge once there is room',
    [disk, 'a disk that is full (ENOSPC) loses nothing once there is room again'],
  ),
  fault('EIO at the n-th write, for every n', 'got over by the same process', [
    disk,
    'a write that fails once (EIO) is got over',
  ]),
]
