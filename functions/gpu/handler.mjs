// Lambda's runtime client looks for handlers in JavaScript.
export { handler } from './handler.ts'
