import { expect, test } from 'vitest'
import { floorBreaches } from './floor-plan.ts'
import { plant, tell } from './house.ts'
import { fileBreaches, missingFiles, undocumentedRoutes } from './house-rules.ts'
import { vendorBreaches } from './vendors.ts'

/** Files that importing files below may name. */
const neighbours = {
  'shared/errors/service-error.ts': '',
  'shared/access/key-store.ts': '',
  'shared/access/sqlite-key-store.ts': '',
  'shared/inference/model.ts': '',
  'shared/endpoints/model-endpoint.ts': '',
  'shared/endpoints/lambda-host.ts': '',
  'shared/tasks/find-task.ts': '',
}
const floors = (path: string, text: string) =>
  floorBreaches(plant({ ...neighbours, [path]: text })).map(tell)

test.each([
  [
    'upwards',
    'shared/runtime/a.ts',
    "\nimport { model } from '#shared/inference/model.ts'",
    'shared/runtime/a.ts:2: runtime may not import values of inference',
  ],
  [
    'upwards, over several lines',
    'shared/errors/a.ts',
    "import {\n  a,\n  type B,\n} from '#shared/access/key-store.ts'",
    'shared/errors/a.ts:1: errors may not import values of access',
  ],
  [
    'upwards, with types by name, which loads the file',
    'shared/runtime/a.ts',
    "import { type Model } from '#shared/inference/model.ts'",
    'shared/runtime/a.ts:1: runtime may not import values of inference',
  ],
  [
    'upwards, at run time',
    'shared/catalog/a.ts',
    "// one\n/* two\n three */\nconst a = () => import('#shared/tasks/find-task.ts')",
    'shared/catalog/a.ts:4: catalog may not import values of tasks',
  ],
  [
    'upwards, for its effects',
    'shared/tasks/a.ts',
    "import '#shared/inference/model.ts'",
    'shared/tasks/a.ts:1: tasks may not import values of inference',
  ],
  [
    'upwards, to hand it on',
    'shared/tasks/a.ts',
    "export * from '#shared/inference/model.ts'",
    'shared/tasks/a.ts:1: tasks may not import values of inference',
  ],
  [
    'upwards, as the entry of a thread',
    'shared/tasks/a.ts',
    "new URL('../inference/model.ts', import.meta.url)",
    'shared/tasks/a.ts:1: ../inference/model.ts must be imported as #shared/inference/model.ts',
  ],
  [
    'across, by a relative path',
    'shared/inference/a.ts',
    "import { a } from '../errors/service-error.ts'",
    'shared/inference/a.ts:1: ../errors/service-error.ts must be imported as',
  ],
  [
    'from a room that is on no plan',
    'shared/attic/a.ts',
    "import { a } from '#shared/errors/service-error.ts'",
    'shared/attic/a.ts:1: the room attic is not on the floor plan',
  ],
  [
    'of a driver, by those who should know the port',
    'shared/inference/a.ts',
    "import { a } from '#shared/access/sqlite-key-store.ts'",
    'shared/inference/a.ts:1: only a composition root may import',
  ],
  [
    'of a driver, by an endpoint',
    'shared/endpoints/node-host.ts',
    "const a = import('#shared/access/sqlite-key-store.ts')",
    'shared/endpoints/node-host.ts:1: only a composition root may import',
  ],
  [
    'of a room, by a handler',
    'functions/iris/handler.ts',
    "import { a } from '#shared/tasks/find-task.ts'",
    'functions/iris/handler.ts:1: functions/ may not import values of tasks',
  ],
  [
    'of what does not exist',
    'shared/errors/a.ts',
    "import { a } from './gone.ts'",
    'shared/errors/a.ts:1: ./gone.ts does not exist',
  ],
])('finds an import %s', (_, path, text, breach) => {
  expect(floors(path, text)).toStrictEqual([expect.stringContaining(breach)])
})

test.each([
  ['shared/inference/a.ts', "import { a } from '#shared/errors/service-error.ts'"],
  ['shared/errors/a.ts', "import type { A } from '#shared/access/key-store.ts'"],
  ['shared/errors/a.ts', "type A = typeof import('#shared/access/key-store.ts')"],
  ['shared/errors/a.ts', "// import { a } from '#shared/access/key-store.ts'"],
  ['shared/errors/a.ts', "/**\nimport { a } from '#shared/access/key-store.ts'\n*/"],
  ['shared/endpoints/open-keys.ts', "import('#shared/access/sqlite-key-store.ts')"],
  ['shared/endpoints/local-services.ts', "import('#shared/access/sqlite-key-store.ts')"],
  ['shared/access/a.ts', "import { a } from './sqlite-key-store.ts'"],
  ['functions/iris/handler.ts', "import { a } from '#shared/endpoints/model-endpoint.ts'"],
  ['functions/iris/handler.ts', "import { a } from '#shared/endpoints/lambda-host.ts'"],
  ['test/a.ts', "import { a } from '#shared/access/sqlite-key-store.ts'"],
])('%s may say: %s', (path, text) => {
  expect(floors(path, text)).toStrictEqual([])
})

test.each([
  ['shared/inference/a.ts', "import { Tensor } from 'onnxruntime-node'"],
  ['shared/inference/a.ts', "import type { Tensor } from 'onnxruntime-common'"],
  ['shared/artifacts/store.ts', "const a = await import('@aws-sdk/client-s3')"],
  ['shared/access/key-store.ts', "import { DatabaseSync } from 'node:sqlite'"],
  ['shared/protocols/a.ts', "import middy from '@middy/core'"],
  ['shared/endpoints/a.ts', "import { jwtVerify } from 'jose'"],
  ['shared/tasks/a.ts', "import { readFileSync } from 'node:fs'"],
  ['functions/a.ts', 'const a = process.env.HOME'],
])('finds a vendor in %s: %s', (path, text) => {
  expect(vendorBreaches(plant({ [path]: `\n${text}\n` })).map(tell)).toStrictEqual([
    expect.stringContaining(`${path}:2: `),
  ])
})

test('lets each vendor be where it belongs', () => {
  const house = plant({
    'shared/runtime/onnx-session.ts': "import('onnxruntime-node')",
    'shared/artifacts/s3-artifact-publisher.ts': "import { S3 } from '@aws-sdk/client-s3'",
    'shared/access/sqlite-key-store.ts': "import { DatabaseSync } from 'node:sqlite'",
    'shared/endpoints/action.ts': "import middy from '@middy/core'",
    'shared/config/environment.ts': 'process.env.HOME',
    'shared/cli/a.ts': '// process.env is read elsewhere',
    'test/a.ts': "import 'onnxruntime-node'\nprocess.env.HOME",
  })
  expect(vendorBreaches(house)).toStrictEqual([])
})

const times = (count: number) => 'x\n'.repeat(count)
const machine = ['', 'root', 'x'].join('/')

test.each([
  ['shared/a/long.ts', times(401), ':401: has more than 400 lines'],
  ['functions/a/handler.ts', times(9), ':9: has more than 8 lines'],
  ['shared/a/README.md', times(41), ':41: has more than 40 lines'],
  ['models/a/model.onnx', 'x'.repeat(500_001), ':1: has 500001 bytes'],
  ['shared/a/camelCase.ts', '', ':1: is not named in kebab-case'],
  ['shared/a/index.ts', '', ':1: is a barrel'],
  ['shared/a/b.ts', '\nexport default 1', ':2: exports have names'],
  ['package-lock.json', '{\n"resolved": "https://host/a.tgz"', ':2: names a registry'],
  ['README.md', `\n\nSee ${machine}/y`, ':3: names a path of one machine'],
])('finds what is wrong with %s', (path, text, breach) => {
  expect(fileBreaches(plant({ [path]: text })).map(tell)).toStrictEqual([
    expect.stringContaining(path + breach),
  ])
})

test('lets files be as long and as large as their limits', () => {
  const house = plant({
    'shared/a/b.ts': times(400),
    'functions/a/handler.ts': times(8),
    'shared/a/README.md': times(40),
    'models/a/model.onnx': 'x'.repeat(500_000),
    'test/a.lambda.ts': "const url = 'http://host/work/x'",
  })
  expect(fileBreaches(house)).toStrictEqual([])
})

test('finds a room without its README, and what a function or a model lacks', () => {
  const manifest = { artifact: { file: 'model.onnx' }, task: { name: 'text-classification' } }
  const house = plant({
    'shared/attic/a.ts': '',
    'functions/iris/handler.ts': '',
    'functions/spam/function.yml': '',
    'models/a/manifest.json': JSON.stringify(manifest),
    'models/b/model.onnx': '',
  })
  const lacks = (folder: string, ...names: string[]) =>
    names.map((name) => `${folder}:1: lacks ${name}`)
  expect(missingFiles(house).map(tell)).toStrictEqual([
    ...lacks('shared/attic', 'README.md'),
    ...lacks('functions/iris', 'function.yml'),
    ...lacks('functions/spam', 'handler.ts'),
    ...lacks('models/a', 'sample.json', 'expected.json', 'README.md', '/^recipe\\.\\w+$/'),
    ...lacks('models/a', 'model.onnx', 'labels.json'),
    ...lacks('models/b', 'manifest.json', 'sample.json', 'expected.json', 'README.md'),
    ...lacks('models/b', '/^recipe\\.\\w+$/'),
  ])
})

test('finds a route without a row, and a row without a route', () => {
  const table = '| route |\n| --- |\n| `GET /a` | x |\n| `POST /gone` | x |\n'
  const routes = [
    { method: 'GET', path: '/a' },
    { method: 'GET', path: '/b' },
  ]
  expect(undocumentedRoutes(plant({ 'functions/README.md': table }), routes).map(tell)).toEqual([
    'functions/README.md:1: has no row for GET /b',
    'functions/README.md:4: POST /gone is no route',
  ])
})
