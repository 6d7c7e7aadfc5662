/** The variables of a deployed function, with the simulated S3 in the place of AWS's. */
export const functionEnvironment = (taskRoot: string, endpoint: string, memoryMB: number) => ({
  PERCALL_LOG: 'error',
  PERCALL_ARTIFACTS: 's3://models',
  AWS_ENDPOINT_URL_S3: endpoint,
  LAMBDA_TASK_ROOT: taskRoot,
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: `${memoryMB}`,
})
