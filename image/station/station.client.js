// Runs in the browser of a card station: fetches the page again and puts what changed in place (patch.client.js),
// presses buttons by their keys, and beeps when a card is over. The page works without it.
'use strict';

const BUSY_MS = 500;
const IDLE_MS = 1_000;
/** A good card, one that is not: told apart without looking. */
const TONES = { done: 880, bad: 220 };

let sound;
const beep = (tone) => {
  // Browsers let a page sound only after somebody has touched it.
  sound ??= new AudioContext();
  const [oscillator, gain] = [sound.createOscillator(), sound.createGain()];
  gain.gain.value = 0.1;
  oscillator.frequency.value = tone;
  oscillator.connect(gain).connect(sound.destination);
  oscillator.start();
  oscillator.stop(sound.currentTime + 0.25);
};

const over = (main) =>
  new Set([...main.querySelectorAll('.tile.done, .tile.bad, .tile.untouched')].map(({ id }) => id));

const show = (text) => {
  const next = new DOMParser().parseFromString(text, 'text/html');
  const main = document.querySelector('main');
  const before = over(main);
  const typed = document.querySelector('input[name=order]')?.value ?? '';
  patch(main, next.querySelector('main'));
  patch(document.querySelector('.spoken'), next.querySelector('.spoken'));
  const input = document.querySelector('input[name=order]');
  if (input !== null && document.activeElement === input) input.value = typed;
  document.body.dataset.busy = next.body.dataset.busy;
  delete document.body.dataset.lost;
  for (const id of over(main)) {
    if (!before.has(id))
      beep(document.getElementById(id).classList.contains('done') ? TONES.done : TONES.bad);
  }
};

const refresh = async () => {
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(5_000) });
    if (!answer.ok) throw new Error(answer.statusText);
    show(await answer.text());
  } catch {
    document.body.dataset.lost = 'true';
  }
  wait();
};

let timer;
const wait = () => {
  clearTimeout(timer);
  timer = setTimeout(refresh, document.body.dataset.busy === 'true' ? BUSY_MS : IDLE_MS);
};

const send = async (form, submitter) => {
  const body = new URLSearchParams(new FormData(form, submitter?.name ? submitter : undefined));
  const field = form.querySelector('input[name=order]');
  const typed = field?.value ?? '';
  // The next scan must not be written behind it.
  if (field !== null) field.value = '';
  await fetch(form.action, { method: 'POST', body, redirect: 'manual' }).catch(() => {});
  await refresh();
  if (field === null) return;
  // What the page put in its place, perhaps.
  const input = document.querySelector('input[name=order]');
  if (document.querySelector('[role=alert]') === null) return input.blur();
  // Whoever mistyped it types on: no letter of that is to press a button.
  if (input.value === '') input.value = typed;
  input.focus();
  input.select();
};

document.addEventListener('submit', (event) => {
  event.preventDefault();
  void send(event.target, event.submitter);
});

/** One key alone presses its button; a second one within this time makes an order's name of them, scanned or typed. */
const ALONE_MS = 300;
let keys = '';
let typing;

/** What was typed so becomes the order's name, wherever the focus was. */
const typeOrder = () => {
  const input = document.querySelector('input[name=order]');
  input.value = keys;
  keys = '';
  clearTimeout(typing);
  input.focus();
  return input;
};

const pressOrType = () => {
  if (keys.length > 1) return void typeOrder();
  const key = keys.toUpperCase();
  keys = '';
  const pressed = [...document.querySelectorAll('[data-key]')].find(
    ({ dataset }) => dataset.key === key,
  );
  if (pressed instanceof HTMLInputElement) pressed.focus();
  else pressed?.click();
};

document.addEventListener('keydown', (event) => {
  const { key, target, ctrlKey, altKey, metaKey } = event;
  if (key === 'Escape') return document.activeElement?.blur();
  if (target instanceof HTMLInputElement || ctrlKey || altKey || metaKey || event.repeat) return;
  if (key === 'Enter' && keys.length > 1) {
    event.preventDefault();
    typeOrder().form.requestSubmit();
    return;
  }
  // Blank and Enter press the button that has the focus.
  if (key.length > 1 || (key === ' ' && keys === '')) return;
  event.preventDefault();
  keys += key;
  clearTimeout(typing);
  typing = setTimeout(pressOrType, ALONE_MS);
});
wait();
