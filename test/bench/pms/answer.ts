// How an answer goes out, and every way in which it may not. What is sent was decided elsewhere.
import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FaultAt } from './faults.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export const json = (status: number, value: unknown): Answer => ({
  status,
  headers: { 'Content-Type': 'application/json; charset=utf-8' },
  body: value === undefined ? '' : JSON.stringify(value),
});
export const error = (status: number, text: string): Answer => json(status, { error: text });
export const html = (status: number, title: string): Answer => ({
  status,
  headers: { 'Content-Type': 'text/html' },
  body: `<html><head><title>${title}</title></head><body><h1>${title}</h1></body></html>\n`,
});
export const plain = (status: number, body: string, more: Answer['headers'] = {}): Answer => ({
  status,
  headers: { 'Content-Type': 'text/plain; charset=utf-8', ...more },
  body,
});

/** As every answer of Rails carries. */
export const session = (): Readonly<Record<string, string>> => ({
  'Set-Cookie': `_session_id=${randomUUID()}; path=/; secure; HttpOnly`,
  'X-Request-Id': randomUUID(),
  'X-Runtime': '0.012345',
});

const CHUNK = ' '.repeat(64 * 1024);

/** Returns the status that was sent, undefined where none was. */
export async function send(
  response: ServerResponse,
  answer: Answer,
  fault?: FaultAt<'answer'>,
): Promise<number | undefined> {
  const { status, headers, body } = answer;
  const begin = (bytes: number, as = status): void => {
    response.writeHead(as, { ...headers, 'Content-Length': bytes });
  };
  const whole = (text: string, as = status): number => {
    begin(Buffer.byteLength(text), as);
    response.end(text);
    return as;
  };
  switch (fault?.do) {
    case undefined:
      return whole(body);
    case 'drop':
      response.socket?.destroy();
      return undefined;
    case 'black-hole':
      return undefined;
    case 'delay':
      await sleep(fault.ms);
      return whole(body);
    case 'replace':
      return whole(fault.text, fault.status);
    case 'malformed':
      return whole(`{"id": ${body.slice(1)}`);
    case 'truncate':
      begin(Buffer.byteLength(body) + 2);
      response.write(body.slice(0, Math.ceil(body.length / 2)), () => response.socket?.destroy());
      return status;
    case 'huge': {
      begin(Math.max(fault.bytes, Buffer.byteLength(body)));
      response.write(body);
      for (let left = fault.bytes - Buffer.byteLength(body); left > 0; left -= CHUNK.length) {
        if (response.closed) return status;
        const isRoom = response.write(CHUNK.slice(0, left));
        if (!isRoom) await drained(response);
      }
      response.end();
      return status;
    }
    case 'slow':
      begin(Buffer.byteLength(body));
      for (const byte of Buffer.from(body)) {
        if (response.closed) return status;
        response.write(Buffer.of(byte));
        await sleep(fault.ms);
      }
      response.end();
      return status;
  }
}

async function drained(response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
