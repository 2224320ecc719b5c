// How the API says no: a status and `{"error": text}`, or a page of HTML.

export class Refusal extends Error {
  readonly status: number;
  readonly html: boolean;

  constructor(status: number, text: string, { html = false }: { readonly html?: boolean } = {}) {
    super(text);
    this.status = status;
    this.html = html;
  }
}

/** Clock's 404 may be a page for browsers. */
export const notFound = (): Refusal =>
  new Refusal(404, "The page you were looking for doesn't exist (404)", { html: true });
export const missing = (name: string): Refusal =>
  new Refusal(400, `param is missing or the value is empty: ${name}`);
/** A plain right, or the name of an endpoint's. */
export const lacks = (right: string): Refusal =>
  right.includes(':')
    ? new Refusal(403, `The User doesn't have the following right: '${right}'`)
    : new Refusal(403, `The User doesn't have ${right} right`);
