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
  const schema = schemaFromColumnData({ columnData: columns.map((column) => dataOf(column, [])) })
  const parquet = new ParquetWriter({ writer, schema, codec: 'SNAPPY', createdBy: 'percall' })
  let group: OutputLine[] = []
  const writeGroup = () => {
    const columnData = columns.map((column) => dataOf(column, group))
    // Nothing waits: the writer writes to memory.
    void parquet.write({ columnData, rowGroupSize: groupRows, pageSize: 1_048_576 })
    group = []
    return taken(writer)
  }
  for await (const line of lines) {
    group.push(line)
    if (group.length === groupRows) yield writeGroup()
  }
  if (group.length > 0) yield writeGroup()
  void parquet.finish()
  yield taken(writer)
}

function dataOf(column: OutputColumn, lines: readonly OutputLine[]) {
  const data = lines.map((line) => {
    const value = column.of(line)
    return column.type === 'integer' && typeof value === 'number' ? BigInt(value) : value
  })
  return { name: column.name, type: types[column.type], nullable: column.name !== 'record', data }
}

/** What was written since the last time; the writer begins its buffer anew, its offset goes on. */
function taken(writer: ByteWriter): Uint8Array {
  const bytes = writer.getBytes().slice()
  writer.index = 0
  return bytes
}
