// Runs in the browser: fetches the page again and puts what changed in place, so that the keyboard's
// place, a screen reader's and the scroll position stay (patch.client.js, served before it). The page is whole
// without it.
'use strict';

/** While checks run results come every moment; otherwise a look now and then. */
const RUNNING_MS = 1_000;
const IDLE_MS = 15_000;

const refresh = async () => {
  const { body } = document;
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(10_000) });
    if (!answer.ok) throw new Error(answer.statusText);
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
    document.title = next.title;
    patch(document.querySelector('main'), next.querySelector('main'));
    body.dataset.running = next.body.dataset.running;
    delete body.dataset.lost;
  } catch {
    // The unit restarts or the cable is out: what is shown is old, and looks it.
    body.dataset.lost = 'true';
  }
  wait();
};

let timer;
const wait = () => {
  clearTimeout(timer);
  const soon = document.body.dataset.running === 'true' || document.body.dataset.lost === 'true';
  if (!document.hidden) timer = setTimeout(refresh, soon ? RUNNING_MS : IDLE_MS);
};

/** Buttons answer without loading the page anew; without this script they do that. */
document.addEventListener('submit', (event) => {
  event.preventDefault();
  // The attribute: the property of a button without one is the page's own address.
  const { submitter, target: form } = event;
  const target = submitter?.getAttribute('formaction') ?? form.getAttribute('action');
  void fetch(target, { method: 'POST', redirect: 'manual' })
    .catch(() => {})
    .then(refresh);
});
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void refresh();
});
wait();
