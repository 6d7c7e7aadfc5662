import type { Breach, SourceFile } from './house.ts'
import { type Import, readImports } from './read-imports.ts'

const words = ['errors', 'config', 'observability']
const knowledge = ['artifacts', 'runtime', 'tasks', 'catalog', 'access', 'metering']
const work = ['account', 'exporters', 'inference', 'generation', 'batch', 'jobs']

/**
 * The rooms of `shared/`, from the ground up, and the rooms whose values each may import. Types may
 * come from anywhere. A room that is not listed is a breach: whoever builds one says here where it
 * stands.
 */
export const floorPlan: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  config: ['errors'],
  observability: ['errors', 'config'],
  // What the drivers of the stores are made of.
  aws: words,
  sqlite: words,
  runtime: words,
  tasks: ['errors', 'runtime'],
  catalog: [...words, 'runtime'],
  artifacts: [...words, 'aws'],
  access: [...words, 'aws', 'sqlite'],
  metering: [...words, 'aws', 'sqlite'],
  // What stands on the ledger: accounts, and what leaves for billing systems.
  account: [...words, 'access', 'metering', 'aws', 'sqlite'],
  exporters: [...words, 'metering', 'account', 'aws', 'sqlite'],
  inference: [...words, ...knowledge],
  generation: [...words, ...knowledge, 'inference'],
  batch: [...words, ...knowledge, 'inference', 'aws', 'sqlite'],
  jobs: [...words, ...knowledge, 'exporters', 'inference', 'batch', 'aws', 'sqlite'],
  protocols: [...words, ...knowledge, ...work],
  middleware: [...words, ...knowledge, ...work],
  endpoints: [...words, ...knowledge, ...work, 'aws', 'sqlite', 'protocols', 'middleware'],
  cli: [...words, ...knowledge, ...work, 'aws', 'sqlite', 'protocols', 'endpoints'],
}

/** Where a file stands: a room of `shared/`, or a folder of the top level. */
export function roomOf(path: string): string {
  const [top = '', room = ''] = path.split('/')
  return top === 'shared' ? room : `${top}/`
}

/** Whether a place of the top level may import the values of a room. */
function mayEnter(from: string, path: string, room: string): boolean {
  if (/^functions\/[^/]+\/handler\.ts$/.test(path)) return room === 'endpoints'
  if (from === 'functions/') return room === 'functions/' || Object.hasOwn(floorPlan, room)
  if (from === 'models/') return room === 'models/' || knowledge.includes(room)
  return floorPlan[from]?.includes(room) ?? false
}

/** Files that know a vendor's store. Ports, which everyone knows, have no vendor in their name. */
const driver =
  /^shared\/(?!endpoints\/)[^/]+\/(stores\/)?(s3|dynamodb|sqs|lambda|sqlite|directory)-[^/]+\.ts$/
const driverUser = [
  driver,
  /^shared\/endpoints\/([a-z]+-services|open-[a-z-]+)\.ts$/,
  /^shared\/cli\//,
  /^functions\//,
]

export function floorBreaches(house: readonly SourceFile[]): Breach[] {
  const paths = new Set(house.map(({ path }) => path))
  // Tests may import what they prove.
  const bound = house.filter(({ path }) => !path.startsWith('test/'))
  return bound.flatMap(readImports).flatMap((item) => {
    const problem = problemOf(item, paths)
    return problem === undefined ? [] : [{ file: item.file, line: item.line, problem }]
  })
}

function problemOf({ file, specifier, target, typeOnly }: Import, paths: ReadonlySet<string>) {
  if (target === undefined || target === 'package.json') return undefined
  if (!paths.has(target)) return `${specifier} does not exist`
  const [from, to] = [roomOf(file), roomOf(target)]
  if (from !== to && !specifier.startsWith('#'))
    return `${specifier} must be imported as #${target}`
  if (file.startsWith('shared/') && !Object.hasOwn(floorPlan, from)) {
    return `the room ${from} is not on the floor plan`
  }
  if (typeOnly || from === to) return undefined
  if (!mayEnter(from, file, to)) return `${from} may not import values of ${to} (${specifier})`
  const known = driverUser.some((pattern) => pattern.test(file))
  return driver.test(target) && !known
    ? `only a composition root may import ${specifier}`
    : undefined
}
