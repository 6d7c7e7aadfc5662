import { type Breach, lineOf, type SourceFile } from './house.ts'
import { readImports, withoutComments } from './read-imports.ts'

/** One vendor, one place: which files may import a package. Tests may import what they prove. */
const vendors: readonly { package: RegExp; only: RegExp; where: string }[] = [
  {
    package: /^onnxruntime-/,
    only: /^shared\/runtime\/onnx-session\.ts$/,
    where: 'shared/runtime/onnx-session.ts',
  },
  {
    package: /^@(aws-sdk|smithy)\//,
    only: /^shared\/[^/]+\/(stores\/)?(s3|dynamodb|sqs|lambda)-[^/]+\.ts$/,
    where: 'files called s3-, dynamodb-, sqs- or lambda-…',
  },
  {
    package: /^node:sqlite$/,
    only: /^shared\/[^/]+\/(stores\/)?sqlite-[^/]+\.ts$/,
    where: 'files called sqlite-…',
  },
  {
    package: /^@middy\//,
    only: /^shared\/(middleware|endpoints)\//,
    where: 'shared/middleware and shared/endpoints',
  },
  {
    package: /^stripe(\/|$)/,
    only: /^shared\/exporters\/stripe-sink\.ts$/,
    where: 'shared/exporters/stripe-sink.ts',
  },
  {
    package: /^jose(\/|$)/,
    only: /^shared\/access\//,
    where: 'shared/access',
  },
  {
    package: /^node:(fs|net|http|https|tls|child_process|worker_threads)(\/|$)/,
    only: /^(?!shared\/tasks\/)|^shared\/tasks\/images\/codec-files\.ts$/,
    where: 'rooms other than tasks, which do no I/O',
  },
]

const environment = /\bprocess\.env\b/g
const environmentReader = 'shared/config/environment.ts'

export function vendorBreaches(house: readonly SourceFile[]): Breach[] {
  const ours = house.filter(({ path }) => path.endsWith('.ts') && !path.startsWith('test/'))
  const imports = ours
    .flatMap(readImports)
    .flatMap(({ file, line, specifier }) =>
      vendors
        .filter((vendor) => vendor.package.test(specifier) && !vendor.only.test(file))
        .map(({ where }) => ({ file, line, problem: `${specifier} belongs into ${where}` })),
    )
  const reads = ours
    .filter(({ path }) => path !== environmentReader)
    .flatMap(({ path, text }) => {
      const code = withoutComments(text)
      return [...code.matchAll(environment)].map(({ index }) => ({
        file: path,
        line: lineOf(code, index),
        problem: `the environment is read in ${environmentReader} alone`,
      }))
    })
  return [...imports, ...reads]
}
