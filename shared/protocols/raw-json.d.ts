/** ECMAScript "JSON.parse source text access", in Node since 22; not in TypeScript's library yet. */
interface JSON {
  rawJSON(text: string): unknown
}
