import { describe, vi } from 'vitest'
import { openLocalBatch } from './local-batch.ts'
import { describePipeline } from './pipeline-contract.ts'

// A lost reply may cost a lease of half a minute.
vi.setConfig({ testTimeout: 120_000 })

describe('batches on SQLite and a directory', () => describePipeline(openLocalBatch))
