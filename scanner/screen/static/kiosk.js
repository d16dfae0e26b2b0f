// Puts each state into the page. The stream beats every second: silence means that the kiosk is gone.
const QUIET_MS = 4000;
const root = document.documentElement;
const part = (id) => document.getElementById(id);
const put = (id, text) => { const node = part(id); if (node.textContent !== text) node.textContent = text; };
let heard = Date.now();

const show = (view) => {
  if (root.dataset.signal !== view.signal) root.dataset.signal = view.signal;
  for (const id of ["word", "reason", "again"]) put(id, view[id]);
};

const stream = new EventSource(`/events?lang=${root.lang}`);
stream.onmessage = (event) => {
  heard = Date.now();
  const view = JSON.parse(event.data);
  show(view);
  for (const id of ["clock", "trust", "network", "queue"]) put(id, view[id]);
  for (const id of ["network", "queue"]) part(id).classList.toggle("alarm", view.alarm);
};

setInterval(() => {
  if (Date.now() - heard < QUIET_MS) return;
  const { noLinkWord: word, noLinkReason: reason } = document.body.dataset;
  show({ signal: "fault", word, reason, again: "" });
}, 1000);
