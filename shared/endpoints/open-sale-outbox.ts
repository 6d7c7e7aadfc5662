import type { Environment } from '#shared/config/environment.ts'
import { ServiceError } from '#shared/errors/service-error.ts'
import type { SaleOutbox } from '#shared/metering/sale-outbox.ts'
import { createSqsSaleOutbox } from '#shared/metering/sqs-sale-outbox.ts'
import { awsPlace } from './aws-settings.ts'
import { storeName } from './store-location.ts'

/** The outbox that `PERCALL_SALE_OUTBOX` names: `sqs:URL`. To be imported lazily, for its client. */
export function openSaleOutbox(environment: Environment): SaleOutbox {
  const { PERCALL_SALE_OUTBOX: location = '' } = environment
  const queueUrl = storeName('PERCALL_SALE_OUTBOX', location, 'sqs:')
  if (queueUrl === undefined) {
    throw new ServiceError('configuration_invalid', {
      detail: 'PERCALL_SALE_OUTBOX must be sqs:URL.',
    })
  }
  return createSqsSaleOutbox({
    queueUrl,
    ...awsPlace(environment),
    endpoint: environment.AWS_ENDPOINT_URL_SQS,
  })
}
