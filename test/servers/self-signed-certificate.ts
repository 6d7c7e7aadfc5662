import { generateKeyPairSync, sign } from 'node:crypto'

// The few DER forms (ITU-T X.690) that a certificate (RFC 5280) is made of.
const der = (tag: number, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts)
  const { length } = body
  const size = length < 128 ? [] : length < 256 ? [0x81] : [0x82, length >> 8]
  return Buffer.concat([Buffer.from([tag, ...size, length & 0xff]), body])
}
const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts)
const objectId = (hex: string) => der(0x06, Buffer.from(hex, 'hex'))
const text = (tag: number, value: string) => der(tag, Buffer.from(value))

const ecdsaWithSha256 = sequence(objectId('2a8648ce3d040302'))
const subjectAltName = objectId('551d11')
const basicConstraints = objectId('551d13')
const isAuthority = sequence(der(0x01, Buffer.from([0xff])))

/** A certificate for 127.0.0.1 that vouches for itself, and its key, both PEM; valid until 2049. */
export function selfSignedCertificate() {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = sequence(der(0x31, sequence(objectId('550403'), text(0x0c, 'percall test'))))
  const extensions = sequence(
    sequence(basicConstraints, der(0x04, isAuthority)),
    sequence(subjectAltName, der(0x04, sequence(der(0x87, Buffer.from([127, 0, 0, 1]))))),
  )
  const certificate = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1])),
    ecdsaWithSha256,
    name,
    sequence(text(0x17, '250101000000Z'), text(0x17, '490101000000Z')),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  )
  const signature = sign('sha256', certificate, privateKey)
  const signed = sequence(certificate, ecdsaWithSha256, der(0x03, Buffer.from([0]), signature))
  const base64 = signed.toString('base64').replace(/.{64}/g, '$&\n')
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}
