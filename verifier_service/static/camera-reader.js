/* The camera of this phone as a reader. Where the browser reads QR codes itself the picture never leaves the
   phone; elsewhere one frame is sent for reading, and nothing is kept. A page without this still works. */
const card = document.querySelector('[data-camera]');
const said = card?.querySelector('[data-said]');
const start = card?.querySelector('[data-start]');
const lens = card?.querySelector('.lens');
const video = card?.querySelector('video');
const EVERY_MS = 700;
const WIDEST = 1280;
let running = false;

document.querySelector('[data-focus]')?.focus({ preventScroll: false });
if (card && navigator.mediaDevices?.getUserMedia) {
  card.hidden = false;
  start.dataset.label = start.textContent;
  start.addEventListener('click', () => (running ? stop() : begin()));
  document.addEventListener('visibilitychange', () => { if (document.hidden) stop(); });
}

async function begin() {
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment', width: { ideal: WIDEST } } });
  } catch {
    said.textContent = said.dataset.denied;
    return;
  }
  running = true;
  lens.hidden = false;
  start.textContent = start.dataset.stop;
  said.textContent = said.dataset.looking;
  await video.play();
  look(await ownReader());
}

function stop() {
  running = false;
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  lens.hidden = true;
  start.textContent = start.dataset.label;
  said.textContent = '';
}

async function ownReader() {
  try {
    const kinds = await window.BarcodeDetector?.getSupportedFormats();
    return kinds?.includes('qr_code') ? new window.BarcodeDetector({ formats: ['qr_code'] }) : null;
  } catch {
    return null;
  }
}

async function look(reader) {
  if (!running) return;
  const found = await (reader ? readHere(reader) : readThere());
  if (!running || found) return;
  setTimeout(() => look(reader), reader ? EVERY_MS / 4 : EVERY_MS);
}

async function readHere(reader) {
  const [code] = await reader.detect(video).catch(() => []);
  if (!code) return false;
  const text = document.querySelector('#text');
  text.value = code.rawValue;
  stop();
  text.form.requestSubmit();
  return true;
}

async function readThere() {
  const frame = await still();
  if (!frame) return false;
  const answer = await fetch('/api/v1/verify', { method: 'POST', body: frame, headers: { 'Content-Type': frame.type } }).catch(() => null);
  if (!answer?.ok) return false;
  if ((await answer.json()).reasons.includes('picture.no_code')) return false;
  const picture = document.querySelector('#picture');
  const files = new DataTransfer();
  files.items.add(new File([frame], 'frame.jpg', { type: frame.type }));
  picture.files = files.files;
  stop();
  picture.form.requestSubmit();
  return true;
}

function still() {
  if (!video.videoWidth) return null;
  const canvas = document.createElement('canvas');
  const scale = Math.min(1, WIDEST / video.videoWidth);
  canvas.width = video.videoWidth * scale;
  canvas.height = video.videoHeight * scale;
  canvas.getContext('2d').drawImage(video, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, 'image/jpeg', 0.85));
}
