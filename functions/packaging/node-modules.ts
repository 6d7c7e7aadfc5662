import { builtinModules } from 'node:module'
import type { Plugin } from 'esbuild'

/**
 * Node's own modules by `process.getBuiltinModule` instead of `import`. An import reads every
 * export of such a module, also those that load others: `node:http` brings undici with it, and
 * `node:crypto` Web Cryptography. Here an export is read where it is used.
 */
export const nodeModules: Plugin = {
  name: 'node-modules',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?[a-z]/ }, ({ path, kind }) => {
      const known = path.startsWith('node:') || builtinModules.includes(path)
      return known && kind !== 'require-call' ? { path, namespace: 'node-modules' } : undefined
    })
    onLoad({ filter: /.*/, namespace: 'node-modules' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('${path}')`,
    }))
  },
}
