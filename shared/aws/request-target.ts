/**
 * What follows the method on the first line of a request: the path and the sorted query, encoded as
 * AWS signs them (RFC 3986: everything but letters, digits, `-`, `.`, `_` and `~`). A request must
 * go out in exactly this form, or its signature does not hold.
 *
 * @param path decoded, with its leading slash
 */
export function requestTarget(path: string, query: Readonly<Record<string, string>> = {}): string {
  const search = encodeQuery(query)
  return encodePath(path) + (search && `?${search}`)
}

/** Each segment encoded once; the slashes stay, and so do empty and dot segments. */
export const encodePath = (path: string) => path.split('/').map(encode).join('/')

/** Pairs sorted by their encoded names, by code point. */
export const encodeQuery = (query: Readonly<Record<string, string>>) =>
  Object.entries(query)
    .map(([name, value]): [string, string] => [encode(name), encode(value)])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map((pair) => pair.join('='))
    .join('&')

const encode = (text: string) =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  )
