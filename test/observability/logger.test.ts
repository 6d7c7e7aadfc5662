import { expect, test } from 'vitest'
import { createLogger, type LogLevel } from '#shared/observability/logger.ts'

function setUp(level: LogLevel) {
  const lines: string[] = []
  const logger = createLogger({ level, write: (line) => lines.push(line), now: () => 1_000 })
  return { logger, lines }
}

test.each([
  ['debug', 'debug info warn error'],
  ['info', 'info warn error'],
  ['error', 'error'],
  ['silent', ''],
] as const)('at the level %s writes: %s', (level, written) => {
  const { logger, lines } = setUp(level)
  for (const name of ['debug', 'info', 'warn', 'error'] as const) logger[name]('hello')
  expect(lines.map((line) => JSON.parse(line).level).join(' ')).toBe(written)
})

test('writes one JSON object on one line, whatever is in it', () => {
  const { logger, lines } = setUp('info')
  logger.info('two\nlines', { detail: '"quoted"\r\n', durationMs: 1.23456, model: undefined })
  expect(lines).toHaveLength(1)
  expect(lines[0]).not.toMatch(/[\r\n]/)
  expect(JSON.parse(lines[0] ?? '')).toStrictEqual({
    time: '1970-01-01T00:00:01.000Z',
    level: 'info',
    message: 'two\nlines',
    detail: '"quoted"\r\n',
    durationMs: 1.23,
  })
})

test('tells the chain of causes, and causes that are no errors', () => {
  const { logger, lines } = setUp('info')
  logger.error('failed', { cause: new Error('outer', { cause: new TypeError('inner') }) })
  logger.error('failed', { cause: 'a word' })
  const [chain, word] = lines.map((line) => JSON.parse(line).cause)
  expect(chain).toMatch(/^Error: outer.* \|\| TypeError: inner/)
  expect(word).toBe('a word')
})
