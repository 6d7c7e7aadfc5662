import { type ColumnMetaData, type FileMetaData, parquetSchema, type SchemaTree } from 'hyparquet'

/** A group of more rows would not fit into memory, however well they are packed. */
const mostRowsOfGroup = 20_000_000

/**
 * Whether the footer agrees with itself and with the size of its file. The parser takes what it
 * finds, and the reader trusts it: a column of another name would fail where nobody listens.
 * @throws Error that says what is wrong, for the log
 */
export function checkFooter({ schema, row_groups, num_rows }: FileMetaData, sizeBytes: number) {
  const leaves = leavesOf(parquetSchema({ schema } as FileMetaData))
  if (schema.length !== countOf(parquetSchema({ schema } as FileMetaData))) fail('schema')
  let rows = 0n
  for (const group of row_groups) {
    if (!isWhole(group.num_rows, mostRowsOfGroup)) fail('rows of a group')
    if (!isWhole(group.total_byte_size, Number.MAX_SAFE_INTEGER)) fail('size of a group')
    rows += group.num_rows
    if (group.columns.length !== leaves.length) fail('number of columns')
    for (const [index, { meta_data: column }] of group.columns.entries()) {
      const leaf = leaves[index]
      if (!column || !leaf) return fail('column')
      checkColumn(column, leaf, sizeBytes)
    }
  }
  if (rows !== num_rows) fail('number of rows')
}

function checkColumn(column: ColumnMetaData, leaf: SchemaTree, sizeBytes: number): void {
  if (column.path_in_schema.join('\n') !== leaf.path.join('\n')) fail('name of a column')
  if (column.type !== leaf.element.type || !column.codec) fail('type of a column')
  const { data_page_offset, dictionary_page_offset, total_compressed_size } = column
  const start = dictionary_page_offset || data_page_offset
  const places = [data_page_offset, start, total_compressed_size, start + total_compressed_size]
  if (!places.every((place) => isWhole(place, sizeBytes))) fail('place of a column')
  if (!isWhole(column.total_uncompressed_size, Number.MAX_SAFE_INTEGER)) fail('size of a column')
}

const isWhole = (value: unknown, most: number) =>
  typeof value === 'bigint' && value >= 0n && value <= most

function leavesOf(tree: SchemaTree): SchemaTree[] {
  return tree.children.length > 0 ? tree.children.flatMap(leavesOf) : [tree]
}

const countOf = (tree: SchemaTree): number =>
  tree.children.reduce((sum, child) => sum + countOf(child), 1)

function fail(what: string): never {
  throw new Error(`The footer contradicts itself: ${what}.`)
}
