const units = ['B', 'kB', 'MB', 'GB', 'TB']

/** A size as people read it, in decimal units: `82.3 kB`. */
export function formatBytes(bytes: number): string {
  const step = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1)
  const value = bytes / 1_000 ** step
  return `${step === 0 ? value : value.toFixed(1)} ${units[step]}`
}
