/* <swap-region src every>: ask for a part of the page every few seconds, swap it when it changed.
   Keeps open <details>, focus and scroll; rests while the page is hidden; says when the line is lost. */
class SwapRegion extends HTMLElement {
  connectedCallback() {
    this.every = 1000 * Number(this.getAttribute('every') || 5);
    this.fails = 0;
    this.note = document.querySelector('[data-live]');
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.ask(); });
    this.ask();
  }

  async ask() {
    clearTimeout(this.timer);
    if (document.hidden) return;
    try {
      const headers = this.tag ? { 'If-None-Match': this.tag } : {};
      const answer = await fetch(this.getAttribute('src'), { headers, cache: 'no-store', signal: AbortSignal.timeout(10000) });
      if (answer.status === 200) {
        this.swap(await answer.text());
        this.tag = answer.headers.get('ETag');
      } else if (answer.status !== 304) {
        throw new Error(String(answer.status));
      }
      this.fails = 0;
    } catch {
      this.fails += 1;
    }
    this.say(this.fails > 1);
    this.timer = setTimeout(() => this.ask(), Math.min(this.every * 2 ** Math.min(this.fails, 4), 60000));
  }

  swap(html) {
    const open = [...this.querySelectorAll('details')].map((part) => part.open);
    const scrolled = [...this.querySelectorAll('.scroll')].map((part) => part.scrollLeft);
    const held = this.contains(document.activeElement) ? [...this.querySelectorAll('a,button,summary,[tabindex]')].indexOf(document.activeElement) : -1;
    const next = new DOMParser().parseFromString(html, 'text/html').body;
    this.replaceChildren(...next.childNodes);
    this.querySelectorAll('details').forEach((part, n) => { part.open = Boolean(open[n]); });
    this.querySelectorAll('.scroll').forEach((part, n) => { part.scrollLeft = scrolled[n] || 0; });
    if (held >= 0) this.querySelectorAll('a,button,summary,[tabindex]')[held]?.focus({ preventScroll: true });
  }

  say(lost) {
    if (!this.note) return;
    const words = lost ? this.note.dataset.lost : this.note.dataset.ok;
    if (this.note.textContent !== words) this.note.textContent = words;
    this.note.parentElement.classList.toggle('lost', lost);
    this.note.parentElement.classList.toggle('on', !lost);
  }
}
customElements.define('swap-region', SwapRegion);
