// Runs in the browser: fetches the page again while checks run, and puts the new one in place.
'use strict';
const refresh = async () => {
  if (document.body.dataset.running !== 'true') return;
  try {
    const answer = await fetch(location.href);
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
    document.body.dataset.running = next.body.dataset.running;
    document.querySelector('main').replaceWith(next.querySelector('main'));
  } catch {
    // The unit restarts or the cable is out: try again.
  }
  setTimeout(refresh, 1000);
};
void refresh();
