// Which services are wanted, as the shadow says it: one that is wrong does not hurt the others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeServices } from '../../../agent/services/config.ts';
import { SERVICES_MAX } from '../../../agent/services/limits.ts';

test('what is wrong is refused by its path, and the rest runs', () => {
  const { services, refused } = judgeServices({
    services: {
      pbx: { interface: 'fias', settings: { a: 1 } },
      off: { interface: 'fias', active: false },
      'Upper case': { interface: 'fias' },
      rehearsal: { interface: 'fias' },
      none: { interface: '../x' },
      odd: { interface: 'fias', colour: 'red' },
    },
    volume: 11,
  });
  assert.deepEqual([...services.keys()], ['pbx', 'off']);
  assert.equal(services.get('off')!.active, false);
  assert.deepEqual(refused, {
    volume: 'no such setting',
    'services.Upper case': 'not a name of a service',
    'services.rehearsal': 'not a name of a service',
    'services.none': 'interface: not a name',
    'services.odd': 'colour: not a setting',
  });
});

test('junk is refused as a whole, and no value of it is repeated', () => {
  for (const junk of [null, [], 'locks', 5, true]) {
    assert.deepEqual(judgeServices({ services: junk }).refused, { services: 'expected an object' });
  }
  const secret = judgeServices({ services: { a: { interface: 'x', settings: 'hunter2' } } });
  assert.doesNotMatch(JSON.stringify(secret.refused), /hunter2/);
});

test('no more services than a unit can carry, and refusals stay short', () => {
  const many = Array.from({ length: 500 }, (_, i) => [`s${i}`, { interface: 'bytes' }]);
  const { services, refused } = judgeServices({ services: Object.fromEntries(many) });
  assert.equal(services.size, SERVICES_MAX);
  assert.ok(Object.keys(refused).length <= SERVICES_MAX);
});
