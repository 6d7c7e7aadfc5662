import { InvalidArgumentError, Option } from 'commander'

/** `--tenant`, for an operator who serves more than one. */
export const tenantOption = (meaning: string): Option =>
  new Option('--tenant <name>', meaning).default('default').argParser((text) => {
    if (/^[A-Za-z0-9._:@|-]{1,128}$/.test(text)) return text
    throw new InvalidArgumentError('It has 1 to 128 letters, digits and ". _ : @ | -".')
  })
