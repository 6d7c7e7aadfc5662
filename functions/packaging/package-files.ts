/** What goes into a zip: content by path inside it, with `/` between folders. */
export type PackageFiles = Readonly<Record<string, Uint8Array>>

/** AWS's names of its processors and the ones Node and ELF use for the same. */
export const architectures = {
  x86_64: { node: 'x64', elfMachine: 62 },
  arm64: { node: 'arm64', elfMachine: 183 },
} as const

export type Architecture = keyof typeof architectures
