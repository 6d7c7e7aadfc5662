/** What a measuring process tells whoever started it. */
export const tell = (told: object): void => console.log(JSON.stringify({ told }))
