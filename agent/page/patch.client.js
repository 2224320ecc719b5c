// Runs in the browser: puts what changed of a page that was fetched again in place. Also for the card station.
'use strict';

/** Makes the element `old` like `fresh`, touching only what differs. */
const patch = (globalThis.patch = (old, fresh) => {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
    old.replaceWith(fresh.cloneNode(true));
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) old.setAttribute(name, value);
  const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
  for (const [i, child] of after.entries()) {
    if (before[i] === undefined) old.append(child.cloneNode(true));
    else patch(before[i], child);
  }
  for (const child of before.slice(after.length)) child.remove();
});
