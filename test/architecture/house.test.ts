import { expect, test } from 'vitest'
import { codesDocument } from '#shared/errors/codes-document.ts'
import { routes } from '#shared/protocols/routes.ts'
import { floorBreaches, floorPlan } from './floor-plan.ts'
import { readHouse, tell } from './house.ts'
import { fileBreaches, missingFiles, undocumentedRoutes } from './house-rules.ts'
import { readImports } from './read-imports.ts'
import { vendorBreaches } from './vendors.ts'

const house = readHouse()

test('imports go down only, and drivers are known to the composition roots alone', () => {
  expect(floorBreaches(house).map(tell)).toStrictEqual([])
})

test('each vendor has one place', () => {
  expect(vendorBreaches(house).map(tell)).toStrictEqual([])
})

test('files are small, named after their kind, and hold nothing of one machine', () => {
  expect(fileBreaches(house).map(tell)).toStrictEqual([])
})

test('rooms, functions and models are complete', () => {
  expect(missingFiles(house).map(tell)).toStrictEqual([])
})

test('every route has a row in functions/README.md', () => {
  expect(undocumentedRoutes(house, routes).map(tell)).toStrictEqual([])
})

test('CODES.md is what `node shared/errors/write-codes.ts` writes', () => {
  const file = house.find(({ path }) => path === 'shared/errors/CODES.md')
  expect(file?.text).toBe(codesDocument())
})

test('the floor plan has no cycles', () => {
  const placed = new Set<string>()
  for (const [room, below] of Object.entries(floorPlan)) {
    for (const other of below.filter((name) => Object.hasOwn(floorPlan, name))) {
      expect(placed, `${room} stands below ${other}`).toContain(other)
    }
    placed.add(room)
  }
})

test('the checks see the house: its files and its imports', () => {
  expect(house.length).toBeGreaterThan(200)
  expect(house.flatMap(readImports).length).toBeGreaterThan(500)
})
