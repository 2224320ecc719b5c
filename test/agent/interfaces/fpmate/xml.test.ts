// The small XML of FPmate: what it writes it reads, what it must not read it does not, and nothing makes it slow.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { element, find, parseXml } from '../../../../agent/interfaces/fpmate/xml.ts';
import { randomFrom, testSeed } from '../../random.ts';

test('no text leaves its attribute, and all of it comes back', () => {
  const texts = [
    'a"b',
    "a'b",
    '<x/>',
    '&amp;',
    'Caffè €',
    '" /><printZReport operator="1" />',
    ']]>',
    '🍕',
  ];
  for (const text of texts) {
    const tree = parseXml(element('a', { b: text }, [element('c', { d: text })]));
    assert.deepEqual(tree, {
      ...{ name: 'a', attributes: { b: text }, text: '' },
      children: [{ name: 'c', attributes: { d: text }, children: [], text: '' }],
    });
  }
  assert.equal(element('a', { b: 'x\u0000\u0008\ny\ud800z\uffff' }), '<a b="x   y z " />');
});

test('an answer is read whatever its prefixes, and with blanks around', () => {
  const xml = `\ufeff<?xml version="1.0" encoding="utf-8"?>\n <s:Envelope xmlns:s="x">
    <s:Body><response success='true'><addInfo><a>1 &lt; &#50;</a></addInfo></response ></s:Body>\n</s:Envelope>\n`;
  const tree = parseXml(xml)!;
  assert.equal(tree.name, 'Envelope');
  assert.equal(find(tree, 'a')?.text, '1 < 2');
  assert.equal(find(tree, 'b'), undefined);
});

test('entities, DTDs, comments, CDATA, instructions and broken documents are refused', () => {
  const bad = [
    '',
    'text',
    '<a>',
    '</a>',
    '<a></b>',
    '<a/><b/>',
    '<a/>text',
    '<a b="1" b="2"/>',
    '<a b=1/>',
    '<a b="<"/>',
    '<a>&x;</a>',
    '<a>&</a>',
    '<a>&#0;</a>',
    '<a>&#xd800;</a>',
    '<a>&#x110000;</a>',
    '<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
    '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
    '<a><!-- c --></a>',
    '<a><![CDATA[x]]></a>',
    '<a><?php ?></a>',
    '<a'.repeat(10),
    `${'<a>'.repeat(17)}${'</a>'.repeat(17)}`,
    `<a>${'<b/>'.repeat(600)}</a>`,
  ];
  for (const xml of bad) assert.equal(parseXml(xml), undefined, xml.slice(0, 60));
});

test('any text is read or refused, quickly', () => {
  const seed = testSeed();
  const random = randomFrom(seed);
  const parts = [
    '<',
    '>',
    '/',
    '<a>',
    '</a>',
    '<a ',
    'b="',
    '"',
    "'",
    '&',
    ';',
    '&lt;',
    '&#',
    'x',
    ' ',
    '=',
    ':',
    '?>',
    '<?xml ',
    '<!',
    '\n',
    '\u0000',
  ];
  const rounds = process.env['CLOCK_TEST_LONG'] === '1' ? 1_000_000 : 10_000;
  for (let round = 0; round < rounds; round += 1) {
    const count = Math.floor(random() * 40);
    const xml = Array.from(
      { length: count },
      () => parts[Math.floor(random() * parts.length)],
    ).join('');
    const tree = parseXml(xml);
    if (tree !== undefined) assert.match(xml, /^\s*(<\?xml[^?]*\?>)?\s*</, `seed ${seed}: ${xml}`);
  }
  // Would take for ever, if a pattern went back and forth.
  for (const part of ['<a ', 'b="" ', '&', ' ', '<a b="', 'a:']) {
    const since = process.cpuUsage().user;
    parseXml(`<a ${part.repeat(65_536 / part.length)}`);
    parseXml(part.repeat(65_536 / part.length));
    assert.ok(process.cpuUsage().user - since < 2_000_000, part);
  }
});
