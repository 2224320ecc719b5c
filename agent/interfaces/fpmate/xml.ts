// Just enough XML for FPmate: elements with attributes out, a small tree in. Documents are flat and bounded, so forty
// lines do what a library would do with entities, DTDs and namespaces that must not be there. Pure.
import { XML_DEPTH_MAX, XML_ELEMENTS_MAX } from './limits.ts';

export interface Element {
  /** Without its prefix. */
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly Element[];
  /** Of this element alone, trimmed. */
  readonly text: string;
}

/** XML 1.0 has no place for control characters, whichever way they are written. */
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u001f\u007f\ufffe\uffff]|\p{Cs}/gu;
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Safe between quotes: no text can leave its attribute. */
const escaped = (text: string): string =>
  text.replaceAll(FORBIDDEN, ' ').replaceAll(/[&<>"']/g, (char) => ESCAPES[char]!);

/** `<name a="b" />`, or with children around. Names are ours. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  children: readonly string[] = [],
): string {
  const fields = Object.entries(attributes).map(
    ([key, value]) => ` ${key}="${escaped(String(value))}"`,
  );
  const open = `<${name}${fields.join('')}`;
  return children.length === 0 ? `${open} />` : `${open}>${children.join('')}</${name}>`;
}

const NAME = '[A-Za-z_][A-Za-z0-9_.-]*(?::[A-Za-z_][A-Za-z0-9_.-]*)?';
const TOKEN = new RegExp(
  [
    `<(?<open>${NAME})(?<fields>(?:\\s+${NAME}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*)\\s*(?<empty>/?)>`,
    `</(?<close>${NAME})\\s*>`,
    '(?<text>[^<]+)',
  ].join('|'),
  'y',
);
const FIELD = new RegExp(`(${NAME})\\s*=\\s*(?:"([^"<]*)"|'([^'<]*)')`, 'g');
const PROLOG = /^\ufeff?\s*(?:<\?xml\s[^?>]*\?>)?/;
const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

/** The five entities and characters by number; undefined: anything else, which needs a DTD. */
function decoded(text: string): string | undefined {
  let isWrong = false;
  const plain = text.replaceAll(
    /&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w{1,8}));|&/g,
    (_all, decimal, hex, name) => {
      if (typeof name === 'string' && Object.hasOwn(ENTITIES, name)) return ENTITIES[name]!;
      const code = decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal);
      if (code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff))
        return String.fromCodePoint(code);
      isWrong = true;
      return '';
    },
  );
  return isWrong ? undefined : plain;
}

const localOf = (name: string): string => name.slice(name.indexOf(':') + 1);

interface Open {
  readonly tag: string;
  readonly attributes: Record<string, string>;
  readonly children: Element[];
  text: string;
}

/**
 * One element with what is in it. Undefined: not well-formed, or with a comment, a DTD, a processing instruction,
 * CDATA, an unknown entity, or deeper or larger than any answer of a printer.
 */
export function parseXml(xml: string): Element | undefined {
  const stack: Open[] = [{ tag: '', attributes: {}, children: [], text: '' }];
  TOKEN.lastIndex = PROLOG.exec(xml)?.[0].length ?? 0;
  let elements = 0;
  while (TOKEN.lastIndex < xml.length) {
    const groups = TOKEN.exec(xml)?.groups;
    const top = stack.at(-1)!;
    if (groups === undefined) return undefined;
    if (groups['text'] !== undefined) {
      const text = decoded(groups['text']);
      // Outside of the document element there are blanks alone.
      if (text === undefined || (stack.length === 1 && text.trim() !== '')) return undefined;
      top.text += text;
    } else if (groups['close'] !== undefined) {
      if (stack.length < 2 || top.tag !== groups['close']) return undefined;
      stack.pop();
      stack.at(-1)!.children.push(closed(top));
    } else {
      elements += 1;
      const one = opened(groups['open']!, groups['fields'] ?? '');
      const isSecondRoot = stack.length === 1 && top.children.length > 0;
      if (one === undefined || isSecondRoot || elements > XML_ELEMENTS_MAX) return undefined;
      if (groups['empty'] === '/') top.children.push(closed(one));
      else stack.push(one);
      if (stack.length > XML_DEPTH_MAX) return undefined;
    }
  }
  return stack.length === 1 ? stack[0]!.children[0] : undefined;
}

function opened(tag: string, fields: string): Open | undefined {
  const attributes: Record<string, string> = {};
  for (const [, name, double, single] of fields.matchAll(FIELD)) {
    const value = decoded(double ?? single ?? '');
    if (value === undefined || Object.hasOwn(attributes, name!)) return undefined;
    attributes[name!] = value;
  }
  return { tag, attributes, children: [], text: '' };
}

const closed = ({ tag, attributes, children, text }: Open): Element => ({
  name: localOf(tag),
  attributes,
  children,
  text: text.trim(),
});

/** The first element of that name, at any depth. */
export function find(from: Element, name: string): Element | undefined {
  if (from.name === name) return from;
  for (const child of from.children) {
    const found = find(child, name);
    if (found !== undefined) return found;
  }
  return undefined;
}
