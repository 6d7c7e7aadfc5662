import type { Command } from 'commander'
import type { CallLimits } from '#shared/metering/ledger.ts'
import { readAmount, readCount } from './read-amount.ts'

export interface KeyLimitOptions {
  readonly monthlyCap?: bigint
  readonly callsPerDay?: number
  readonly callsPerMinute?: number
  readonly burst?: number
  readonly atOnce?: number
  readonly model?: readonly string[]
  readonly allowIp?: readonly string[]
}

/** What a key may be limited to. */
export const withKeyLimits = (command: Command): Command =>
  command
    .option('--model <model...>', 'the models that it may call (default: all)')
    .option(
      '--allow-ip <address...>',
      'where it may be used from, e.g. 203.0.113.0/24 2001:db8::/32',
    )
    .option('--monthly-cap <amount>', 'money it may spend a month, e.g. 12.50', readAmount)
    .option('--calls-per-day <count>', 'calls it may make a day', readCount)
    .option('--calls-per-minute <count>', 'calls it may make a minute', readCount)
    .option('--burst <count>', 'how many of them may come at once (default: all)', readCount)
    .option('--at-once <count>', 'calls it may have running at a time', readCount)
    .hook('preAction', (_, called) => {
      const { burst, callsPerMinute } = called.opts<KeyLimitOptions>()
      if (burst === undefined || callsPerMinute !== undefined) return
      called.error('error: --burst says how many of --calls-per-minute may come at once')
    })

/** `undefined` where no limit was asked for. */
export function limitsOf(options: KeyLimitOptions): CallLimits | undefined {
  const { monthlyCap, callsPerDay, callsPerMinute, burst, atOnce } = options
  const limits: CallLimits = {
    ...(monthlyCap !== undefined && { monthlySpend: monthlyCap }),
    ...(callsPerDay !== undefined && { dailyCalls: callsPerDay }),
    ...(atOnce !== undefined && { concurrency: atOnce }),
    ...(callsPerMinute !== undefined && {
      rate: { perMinute: callsPerMinute, burst: burst ?? callsPerMinute },
    }),
  }
  return Object.keys(limits).length > 0 ? limits : undefined
}
