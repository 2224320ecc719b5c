// A file of orders: what spreadsheets write is read, every bad field is named by line and column, and nothing of a
// wrong file is taken.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csvLine, readCsv } from '../../../image/ledger/csv.ts';
import { readOrders } from '../../../image/ledger/orders.ts';
import type { Orders } from '../../../image/ledger/orders.ts';
import { randomFrom, testSeed } from '../../agent/random.ts';
import { API_KEY } from './sample.ts';

const HEAD =
  'order,count,name,pms_host,pms_subscription_id,pms_account_id,pms_api_user,pms_api_key,services';
const ADLER = `A-17,3,"Hotel ""Adler""",sky-eu1.clock-software.com,7,4711,unit,${API_KEY},`;
const FILES: Readonly<Record<string, string>> = {
  'pbx.json': JSON.stringify({
    pbx: {
      interface: 'bytes',
      settings: { line: { kind: 'tcp-client', host: '10.1.2.7', port: 4001 } },
    },
  }),
  'wrong.json': JSON.stringify({
    pbx: { interface: 'bytes', settings: { line: { kind: 'tcp-client', host: '10.1.2.7' } } },
    tv: { interface: 'televison', settings: {} },
    'Not A Name': {},
  }),
};
const around = { known: new Set(['OLD-1']), beside: (name: string) => FILES[name] };
const read = (text: string | Uint8Array): Promise<Orders> => readOrders(Buffer.from(text), around);

/** "line field: problem", one a line. */
async function problems(text: string | Uint8Array): Promise<string> {
  const orders = await read(text);
  assert.ok(!orders.ok, 'it was taken');
  return orders.problems
    .map(({ line, field, problem }) => `${line} ${field}: ${problem}`)
    .join('\n');
}

test('a line becomes units with the record that the agent reads', async () => {
  const orders = await read(`${HEAD}\n${ADLER}pbx.json\nB,1,,,,,,,\n`);
  assert.ok(orders.ok);
  const [adler, plain] = orders.lines;
  assert.deepEqual(
    [adler!.order, adler!.count, adler!.name, adler!.services],
    ['A-17', 3, 'Hotel "Adler"', ['pbx']],
  );
  assert.equal(
    JSON.stringify(adler!.record),
    JSON.stringify({
      v: 1,
      accounts: [
        {
          ...{ kind: 'pms', host: 'sky-eu1.clock-software.com', subscriptionId: 7 },
          ...{ accountId: 4711, apiUser: 'unit', apiKey: API_KEY },
        },
      ],
      services: JSON.parse(FILES['pbx.json']!) as object,
    }),
  );
  assert.ok(!JSON.stringify(adler!.accounts).includes(API_KEY), 'the list has the key');
  assert.deepEqual(
    [plain!.order, plain!.accounts, plain!.record],
    ['B', [], { v: 1, accounts: [] }],
  );
});

test('what spreadsheets write is the same: byte order mark, CRLF, semicolons, tabs, UTF-16, blank lines', async () => {
  const text = `Order;Count;Name\r\nA;2;"Schöne; Aussicht"\r\n\r\n;;\r\nB;1;София\r\n`;
  const expected = await read(text);
  assert.ok(expected.ok);
  assert.deepEqual(
    expected.lines.map(({ line, order, name }) => [line, order, name]),
    [
      [2, 'A', 'Schöne; Aussicht'],
      [5, 'B', 'София'],
    ],
  );
  const forms = [
    `\uFEFF${text}`,
    text.replaceAll('\r\n', '\n'),
    text.replaceAll('\r\n', '\r'),
    text.replaceAll(';', '\t').replace('Schöne\t', 'Schöne;'),
    Buffer.from(`\uFEFF${text}`, 'utf16le'),
    Buffer.from(`\uFEFF${text}`, 'utf16le').swap16(),
  ];
  for (const form of forms) assert.deepEqual(await read(form), expected);
});

const mistakes: readonly (readonly [string, string | Buffer, string])[] = [
  ['an empty file', '', '1 -: the file is empty'],
  ['no order', HEAD, '1 -: there is no order below the first line'],
  ['a missing column', 'order,name\nA,x', '1 count: this column is missing'],
  [
    'an unknown column',
    'order,count,Colour-Of Box\nA,1,red',
    '1 Colour-Of Box: no such column; there are: order, count, name',
  ],
  [
    'an order below a column without a name',
    'order,count,,Name\nA 1,1,,"a\u202eb"',
    '1 -: no such column; there are: order, count, name',
  ],
  ['a column twice', 'order,count,count\nA,1,1', '1 count: this column is there twice'],
  ['an order that is known', 'order,count\nOLD-1,1', '2 order: is in the ledger already'],
  ['an order with blanks', 'order,count\nA 17,1', '2 order: letters, digits'],
  ['a count of nothing', 'order,count\nA,0', '2 count: a whole number from 1 to'],
  ['a count in words', 'order,count\nA,many', '2 count: a whole number from 1 to'],
  ['too many in all', 'order,count\nA,20000\nB,20000', '1 count: 40000 units'],
  ['a long name', `order,count,name\nA,1,${'x'.repeat(81)}`, '2 name: at most 80'],
  ['a name that turns text round', 'order,count,name\nA,1,"a\u202eb"', '2 name:'],
  ['too many cells', 'order,count\nA,1,2', '2 -: has 3 cells, the first line has 2'],
  ['half an account', `${HEAD}\nA,1,,host.example,7,,unit,key,`, '2 pms_account_id: missing'],
  [
    'a host with an address',
    `${HEAD}\nA,1,,https://x,7,1,u,k,`,
    '2 pms_host: not a host name in lower case',
  ],
  ['an account in words', `${HEAD}\nA,1,,h,7,one,u,k,`, '2 pms_account_id: not a whole number'],
  ['a key with blanks', `${HEAD}\nA,1,,h,7,1,u,"k k",`, '2 pms_api_key: has characters'],
  ['no services file', `${HEAD}\nA,1,,,,,,,none.json`, '2 services: there is no file none.json'],
  ['a services file elsewhere', `${HEAD}\nA,1,,,,,,,../pbx.json`, '2 services: { … } as JSON, or'],
  ['services that are no JSON', `${HEAD}\nA,1,,,,,,,{pbx}`, '2 services: not JSON'],
  [
    'an open quote',
    'order,count,name\nA,1,"x\nB,1,y\n',
    '2 -: a quote is opened here and never closed',
  ],
  [
    'text behind a quote',
    'order,count,name\nA,1,"x\ny" z\n',
    '3 -: there is text behind a closing quote',
  ],
  [
    'another character set',
    Buffer.from('order,count,name\nB,1,x\nA,1,Sch\xf6n', 'latin1'),
    '3 -: has letters that are not UTF-8',
  ],
];
for (const [what, file, expected] of mistakes) {
  test(`${what} is named: "${expected}"`, async () => {
    const said = await problems(file);
    assert.ok(said.startsWith(expected), said);
  });
}

test('all bad fields of all lines are named at once, and no value of them', async () => {
  const said = await problems(
    `${HEAD}\nA,0,,HOST,7,x,"u u",${API_KEY}ö,\n${ADLER}\nB,1,,,,,,,wrong.json\n`,
  );
  assert.deepEqual(
    said.split('\n').map((line) =>
      line
        .split(': ')
        .slice(0, line.includes('wrong.json') ? 3 : 2)
        .join(': '),
    ),
    [
      '2 count: a whole number from 1 to 20000',
      '2 pms_host: not a host name in lower case',
      '2 pms_account_id: not a whole number',
      '2 pms_api_user: has characters that an API user cannot have',
      '2 pms_api_key: has characters that an API user cannot have',
      '4 services: wrong.json: services.Not A Name',
      '4 services: wrong.json: services.pbx.settings.line.port',
      '4 services: wrong.json: services.tv.interface',
    ],
  );
  assert.ok(!said.includes(API_KEY));
});

test('a column that nobody knows hides nothing of the lines below; a file without its first line shows no key', async () => {
  assert.match(
    await problems('Order,Colour,Pms Host,COUNT\nA,red,HOST,none'),
    /^1 Colour: no such column.*\n2 COUNT: a whole number.*\n2 Pms Host: not a host name/,
  );
  assert.match(
    await problems('order,colour\nA,red'),
    /^1 colour: .*\n1 count: this column is missing$/,
  );
  const said = await problems(ADLER);
  assert.match(said, /^1 -: names no column; there are: order, count/);
  assert.ok(!said.includes(API_KEY) && !said.includes('Adler'));
});

test('of a hundred bad lines each is named; of thousands it is said where the naming ends', async () => {
  const lines = (count: number): string =>
    `order,count\n${Array.from({ length: count }, (_, n) => `A-${n},none\n`).join('')}`;
  assert.equal((await problems(lines(100))).split('\n').length, 100);
  const many = (await problems(lines(5_000))).split('\n');
  assert.equal(many.length, 1_002);
  assert.match(many.at(-1)!, /^1002 -: below this line nothing was looked at/);
});

test('a first line of hundreds of thousands of columns is refused, not compared for hours', async () => {
  const text = `${'a,'.repeat(400_000)}${'order,'.repeat(400_000)}\nA-1,1`;
  const orders = await readOrders(Buffer.from(text), { known: new Set(), beside: () => undefined });
  assert.ok(!orders.ok);
  assert.match(orders.problems[0]!.problem, /^has 800001 columns/);
});

test('whatever is written comes back: cells with quotes, delimiters and line ends', () => {
  const random = randomFrom(testSeed());
  const letters = Array.from('ab",;\t \r\nöЖ');
  const cell = (): string =>
    `x${Array.from({ length: random() * 6 }, () => letters[Math.floor(random() * letters.length)]).join('')}x`;
  for (let turn = 0; turn < 2_000; turn += 1) {
    const rows = Array.from({ length: 3 }, () => [cell(), cell()]);
    const csv = readCsv(Buffer.from(['a,b', ...rows.map(csvLine)].join('\n')));
    assert.ok(csv.ok);
    assert.deepEqual(
      csv.rows.slice(1).map(({ cells }) => cells),
      rows,
    );
  }
  assert.equal(csvLine(['=1+1', 2]), `'=1+1,2`);
});

test('noise is read within bounds and never thrown at anybody', async () => {
  const random = randomFrom(testSeed());
  const letters = Array.from(`,;\t"'{}\r\n\0aA1é\u2028`);
  for (let turn = 0; turn < 3_000; turn += 1) {
    const noise = Array.from(
      { length: random() * 80 },
      () => letters[Math.floor(random() * letters.length)],
    ).join('');
    await read(random() < 0.5 ? noise : `order,count,name\n${noise}`);
  }
  const large = await read(Buffer.alloc(9 * 1024 * 1024, 'a'));
  assert.ok(!large.ok);
  const quotes = await read(`order,count\n${'"'.repeat(1_000_001)}`);
  assert.ok(!quotes.ok);
});
