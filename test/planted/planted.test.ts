import assert from 'node:assert/strict';
import { plantedBugs } from './bugs.js';
import { plant } from './planted-bug.js';
import { PlantedTree, readSource } from './planted-tree.js';

/** `npm run proof -- planted` plants all of them. */
describe('Planted bugs', () => {
  it('can all be planted in the sources as they are, each under a name of its own', () => {
    for (const bug of plantedBugs) assert.notEqual(plant(readSource(bug.file), bug), '');
    assert.equal(new Set(plantedBugs.map(({ name }) => name)).size, plantedBugs.length);
    assert.ok(plantedBugs.length >= 24);
  });

  it('are not planted where their place is gone, or there are two', () => {
    const bug = { name: 'a bug', file: 'a.ts', search: 'a (b)', replacement: 'c', specs: [] };
    assert.equal(plant('x a\n (b) y', bug), 'x c y');
    assert.throws(() => plant('a', bug), /a bug: a.ts has 0 places/);
    assert.throws(() => plant('a (b) a (b)', bug), /2 places/);
  });

  it('are noticed by tests that pass without them', () => {
    const tree = new PlantedTree();
    try {
      const [bug] = plantedBugs;
      assert.ok(bug);
      assert.ok(tree.passes(bug.specs));
      assert.ok(tree.notices(bug));
      assert.ok(tree.passes(bug.specs), 'it was not taken out again');
    } finally {
      tree.remove();
    }
  });
});
