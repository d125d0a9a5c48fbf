// The live stream, while the page is visible: browsers allow six connections to a host, so a hidden page must not
// hold one. An event is only a signal; the page fetches what has changed separately.

const EVENTS = ["operation", "call", "change", "reset"];
const LONGEST_PAUSE = 15_000;
const PATIENCE = 6_000; // ms of reconnecting, after which the page shows that it is not connected

export class Stream {
  #source = null;
  #pause = 1_000;
  #timer = 0;
  #wanted = false;
  #lostSince = 0;

  /** Calls `onState` with "connecting", "live", "reconnecting", "lost" or "closed", and `onEvent` for each event. */
  constructor(address, onState, onEvent) {
    this.address = address;
    this.onState = onState;
    this.onEvent = onEvent;
  }

  open() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.onState("connecting");
    this.#connect();
  }

  close() {
    this.#wanted = false;
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
    this.onState("closed");
  }

  #connect() {
    const source = new EventSource(this.address);
    this.#source = source;
    source.onopen = () => {
      this.#pause = 1_000;
      this.#lostSince = 0;
      this.onState("live");
      this.onEvent(); // for events between two connections
    };
    source.onerror = () => this.#lose(source);
    for (const kind of EVENTS) source.addEventListener(kind, () => this.onEvent());
  }

  #lose(source) {
    if (source !== this.#source) return;
    this.#lostSince ||= Date.now();
    this.onState(Date.now() - this.#lostSince < PATIENCE ? "reconnecting" : "lost");
    this.onEvent();
    if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    source.close();
    this.#timer = setTimeout(() => this.#connect(), this.#pause);
    this.#pause = Math.min(LONGEST_PAUSE, this.#pause * 2);
  }
}
