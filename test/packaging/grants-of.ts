import { expect } from 'vitest'
import type { PolicyStatement } from '#test/lambda/deployment.ts'
import { on } from './expected-grants.ts'

/** A statement as `resource action` words; what is not a resource of this template stays a riddle. */
export function grantsOf({ Effect, Action, Resource }: PolicyStatement): string[] {
  expect(Effect).toBe('Allow')
  return [Resource].flat().flatMap((resource) => {
    const { 'Fn::GetAtt': attribute, 'Fn::Sub': path } = Object(resource)
    const text = typeof resource === 'string' ? resource : String(path)
    const name = attribute?.[0] ?? text.replace(/^\$\{(\w+)\.Arn\}/, '$1')
    return on(name, ...[Action].flat())
  })
}
