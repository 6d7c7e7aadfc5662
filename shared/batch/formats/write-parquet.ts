import { ByteWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer'
import {
  type OutputColumn,
  type OutputLine,
  type OutputTableOptions,
  outputTable,
} from './output-table.ts'

/** Records of a row group. Fixed, as are codec and pages: the same records are the same bytes. */
const groupRows = 65_536
const types = { integer: 'INT64', number: 'DOUBLE', text: 'STRING' } as const

/**
 * Parquet, compressed with Snappy, a row group at a time; memory is O(row group). Every column but
 * the record number may be null.
 */
export async function* writeParquet(
  lines: AsyncIterable<OutputLine>,
  options: OutputTableOptions,
): AsyncGenerator<Uint8Array> {
  const columns = outputTable(options)
  const writer = new ByteWriter()
  const schema = schemaFromColumnData({ columnData: columns.map(emptyColumn) })
  const parquet = new ParquetWriter({ writer, schema, codec: 'SNAPPY', createdBy: 'percall' })
  let group = columns.map(emptyColumn)
  let rows = 0
  const writeGroup = () => {
    // Nothing waits: the writer writes to memory.
    void parquet.write({ columnData: group, rowGroupSize: groupRows, pageSize: 1_048_576 })
    group = columns.map(emptyColumn)
    rows = 0
    return taken(writer)
  }
  for await (const line of lines) {
    for (const [index, column] of columns.entries()) group[index]?.data.push(cellOf(column, line))
    rows += 1
    if (rows === groupRows) yield writeGroup()
  }
  if (rows > 0) yield writeGroup()
  void parquet.finish()
  yield taken(writer)
}

const emptyColumn = ({ name, type }: OutputColumn) => ({
  name,
  type: types[type],
  nullable: name !== 'record',
  data: [] as unknown[],
})

function cellOf({ type, of }: OutputColumn, line: OutputLine): unknown {
  const value = of(line)
  return type === 'integer' && typeof value === 'number' ? BigInt(value) : value
}

/** What was written since the last time; the writer begins its buffer anew, its offset goes on. */
function taken(writer: ByteWriter): Uint8Array {
  const bytes = writer.getBytes().slice()
  writer.index = 0
  return bytes
}
