import { describe, expect, test } from 'vitest'
import { isLoopback, isPublicAddress } from '#shared/jobs/webhooks/public-address.ts'
import { readWebhookUrl } from '#shared/jobs/webhooks/webhook-url.ts'

describe('an address that everybody can reach', () => {
  test.each([
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '192.169.0.0',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00:1450:4001:81b::200e',
  ])('is %s', (address) => {
    expect(isPublicAddress(address)).toBe(true)
  })

  test.each([
    // This network, private, shared, loopback, link-local and the metadata of clouds.
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '10.255.255.255',
    '100.64.0.1',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '169.254.170.2',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    // Special uses, multicast, reserved, broadcast.
    '192.0.0.170',
    '192.0.2.1',
    '192.88.99.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.7',
    '203.0.113.7',
    '224.0.0.1',
    '239.255.255.250',
    '240.0.0.1',
    '255.255.255.255',
    // The same in IPv6.
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:169.254.169.254',
    '::ffff:8.8.8.8',
    '64:ff9b::7f00:1',
    '64:ff9b::169.254.169.254',
    '64:ff9b:1::1',
    '100::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '3fff::1',
    '2606:4700:4700::1111%lo',
    // No addresses at all.
    '',
    'localhost',
    '127.1',
    '0x7f000001',
    '2130706433',
  ])('is not %s', (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })

  test('is not this machine, by any of its names', () => {
    expect(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'].map(isLoopback)).toEqual(
      Array(4).fill(true),
    )
    expect(['1.1.1.1', '::2', '10.0.0.1', 'localhost'].map(isLoopback)).toEqual(
      Array(4).fill(false),
    )
  })
})

describe('the URL of a webhook', () => {
  const refused = expect.objectContaining({ code: 'webhook_refused' })

  test.each([
    'https://example.com',
    'https://example.com/hook?token=ü',
    'https://example.com:443/x',
    'https://example.com:8443/x',
    'https://local.example.com/x',
    'https://mylocalhost.com./x',
    'https://1.1.1.1/x',
    'https://[2606:4700:4700::1111]/x',
  ])('may be %s', (url) => {
    expect(readWebhookUrl(url).href).toBe(new URL(url).href)
  })

  test.each([
    'http://example.com/x',
    'ftp://example.com/x',
    'file:///etc/passwd',
    'https://example.com:22/x',
    'https://example.com:80/x',
    'https://user:secret@example.com/x',
    'https://user@example.com/x',
    'https://127.0.0.1/x',
    'https://127.1/x',
    'https://0x7f.1/x',
    'https://2130706433/x',
    'https://017700000001/x',
    'https://①②⑦.0.0.1/x',
    'https://169.254.169.254/latest/meta-data',
    'https://[::1]/x',
    'https://[::ffff:169.254.169.254]/x',
    'https://[64:ff9b::a9fe:a9fe]/x',
    'https://[fd00:ec2::254]/x',
    'https://10.0.0.1:8443/x',
    'https://localhost/x',
    'https://LOCALHOST./x',
    'https://a.localhost:8443/x',
    'https://printer/x',
    'https://printer.local/x',
    'https://metadata.google.internal/x',
    'https://router.home.arpa/x',
    'https://',
    'example.com',
    '',
    `https://example.com/${'x'.repeat(2_048)}`,
  ])('may not be %s', (url) => {
    expect(() => readWebhookUrl(url)).toThrow(refused)
  })

  test('may lead to this machine where that is wanted, and nowhere else inside', () => {
    const policy = { local: true }
    for (const url of [
      'http://127.0.0.1:8080/x',
      'http://localhost:3000/x',
      'https://[::1]:9/x',
      'https://example.com/x',
    ]) {
      expect(readWebhookUrl(url, policy).href).toBe(new URL(url).href)
    }
    for (const url of [
      'http://example.com/x',
      'http://10.0.0.1/x',
      'https://169.254.169.254/x',
      'https://example.com:9/x',
      'https://printer/x',
    ]) {
      expect(() => readWebhookUrl(url, policy), url).toThrow(refused)
    }
  })
})
