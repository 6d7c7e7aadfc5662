import { openJobWorld } from './job-world.ts'

/**
 * Takes one job of the home that is named, says so when its model is about to run, or has run, and then
 * waits to be killed. Arguments: the home, and `before` or `after`.
 */
const [, , home = '', when = 'before'] = process.argv
const world = await openJobWorld({
  home,
  weather: (jobs) => ({
    ...jobs,
    objects: {
      ...jobs.objects,
      // The answer is sold, and nobody has been told of it.
      put: (...asked) => (when === 'after' ? wait() : jobs.objects.put(...asked)),
    },
  }),
})
if (when === 'before') world.state.beforeRun = wait
await world.workOff()

async function wait(): Promise<never> {
  process.stdout.write('running\n')
  return new Promise(() => setInterval(() => undefined, 1_000))
}
