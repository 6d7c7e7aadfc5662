import type { TaskModel } from '#shared/tasks/task.ts'

/** A model of the given parts; the rest is plain. */
export const taskModel = (parts: Partial<TaskModel>): TaskModel => ({
  name: 'example',
  options: {},
  labels: ['a', 'b', 'c'],
  files: {},
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
  outputs: [{ name: 'p', datatype: 'FP32', shape: [-1, 3] }],
  limits: { rows: 64, pixels: 16_000_000 },
  ...parts,
})
