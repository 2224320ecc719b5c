// The sign in the browser's tab: a clock face. A string, since it is one line.

export const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="14" ' +
  'fill="#0f6b5c"/><path d="M16 8v8l5 4" fill="none" stroke="#fff" stroke-width="3" ' +
  'stroke-linecap="round" stroke-linejoin="round"/></svg>\n';
