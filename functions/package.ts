import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { listFunctionFolders, repositoryRoot } from './packaging/function-folder.ts'
import { functionRoles, heavyRoles } from './packaging/function-roles.ts'
import { type Architecture, architectures } from './packaging/package-files.ts'
import { packageFunction } from './packaging/package-function.ts'

const help = `Builds one zip a function into dist/ and the CloudFormation template into .serverless/.

  npm run package                                  each function for the processor its model names
  npm run package -- --architecture x86_64         all functions for one processor
  npm run package -- --architecture x86_64 --zips  the zips alone
  npm run package -- --param heavy=lambda          with parameters of the stage, as many as there are

Needs no AWS account and no network.`

const { values } = parseArgs({
  options: {
    architecture: { type: 'string' },
    zips: { type: 'boolean', default: false },
    param: { type: 'string', multiple: true, default: [] },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
if (values.help) console.log(help)
else {
  await main().catch((error: Error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}

async function main(): Promise<void> {
  const wanted = architecture(values.architecture)
  const dist = join(repositoryRoot, 'dist')
  mkdirSync(dist, { recursive: true })
  const folders = listFunctionFolders()
  const packages = await Promise.all(
    folders.map((folder) => packageFunction(folder, { architecture: wanted })),
  )
  for (const { file, zip } of packages) writeFileSync(join(dist, file), zip)
  const documents = { 'roles.json': functionRoles(folders), ...heavyRoles() }
  for (const [name, content] of Object.entries(documents)) {
    writeFileSync(join(dist, name), JSON.stringify(content, null, 2))
  }
  console.table(
    packages.map(({ file, zip, unzippedBytes, startBytes, startPackages }) => ({
      file,
      'zip bytes': zip.length,
      'unzipped bytes': unzippedBytes,
      'JavaScript at start': startBytes,
      'packages at start': startPackages.join(' '),
    })),
  )
  if (values.zips) return
  const serverless = join(repositoryRoot, 'node_modules/.bin/serverless')
  const params = [...(wanted ? [`architecture=${wanted}`] : []), ...values.param]
  const parameters = params.map((param) => `--param=${param}`)
  const { status } = spawnSync(process.execPath, [serverless, 'package', ...parameters], {
    cwd: repositoryRoot,
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
}

function architecture(name: string | undefined): Architecture | undefined {
  if (name === undefined || Object.hasOwn(architectures, name)) return name as Architecture
  throw new Error(`--architecture is ${Object.keys(architectures).join(' or ')}, not "${name}".`)
}
