import assert from 'node:assert/strict'
import { test } from 'node:test'
import { madeAt, uuidMaker } from '../src/uuid.js'

const zeros = (/** @type {number} */ length) => new Uint8Array(length)

test('an id is a UUID of version 7 and knows when it was made', () => {
  const id = uuidMaker(() => 0x0123456789ab, (length) => new Uint8Array(length).fill(255))()
  assert.equal(id, '01234567-89ab-7fff-8fff-ffffffffffff')
  assert.equal(madeAt(id), 0x0123456789ab)
})

test('ids of one ms, and of a clock that was put back, sort as they were made', () => {
  let time = 1_000_000
  const make = uuidMaker(() => time, zeros)
  const made = Array.from({ length: 5_000 }, make)
  time -= 60_000
  made.push(make(), make())
  assert.deepEqual([...made].sort(), made)
  assert.equal(new Set(made).size, made.length)
})

test('what is no id was never made', () => {
  for (const text of ['', 'hello', 'undefined']) assert.ok(!(madeAt(text) > 1_000_000_000))
})
