import { ByteWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer'
import {
  type OutputColumn,
  type OutputLine,
  type OutputTableOptions,
  outputTable,
} from './output-table.ts'
import type { OutputWriter } from './output-writer.ts'

/** Records of a row group. Fixed, as are codec and pages: the same records are the same bytes. */
const groupRows = 65_536
const types = { integer: 'INT64', number: 'DOUBLE', text: 'STRING' } as const

/** What the footer will say, and the rows of the group that is not full yet, column by column. */
export interface ParquetState {
  readonly offset: number
  readonly footer: Pick<ParquetWriter, (typeof footerParts)[number]>
  readonly group: readonly (readonly unknown[])[]
}

const footerParts = ['row_groups', 'num_rows', 'pendingIndexes'] as const

/**
 * Parquet, compressed with Snappy, a row group at a time; memory is O(row group). Every column but
 * the record number may be null.
 */
export function createParquetWriter(
  options: OutputTableOptions,
  from?: ParquetState,
): OutputWriter<OutputLine, ParquetState> {
  const columns = outputTable(options)
  const writer = new ByteWriter()
  const schema = schemaFromColumnData({ columnData: columns.map(emptyColumn) })
  const parquet = new ParquetWriter({ writer, schema, codec: 'SNAPPY', createdBy: 'percall' })
  let group = columns.map(emptyColumn)
  if (from) {
    Object.assign(parquet, from.footer)
    writer.offset = from.offset
    // What every file begins with was written long ago.
    writer.index = 0
    for (const [index, data] of from.group.entries()) group[index]?.data.push(...data)
  }
  const writeGroup = () => {
    // Nothing waits: the writer writes to memory.
    void parquet.write({ columnData: group, rowGroupSize: groupRows, pageSize: 1_048_576 })
    group = columns.map(emptyColumn)
  }
  const rows = () => group[0]?.data.length ?? 0

  return {
    add(lines) {
      for (const line of lines) {
        for (const [index, column] of columns.entries())
          group[index]?.data.push(cellOf(column, line))
        if (rows() === groupRows) writeGroup()
      }
      return taken(writer)
    },
    end() {
      if (rows() > 0) writeGroup()
      void parquet.finish()
      return taken(writer)
    },
    state: () => ({
      offset: writer.offset,
      footer: Object.fromEntries(footerParts.map((part) => [part, parquet[part]])) as never,
      group: group.map(({ data }) => data),
    }),
  }
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
