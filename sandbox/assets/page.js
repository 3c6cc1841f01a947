// Three courtesies: times in the reader's own words, an inbox that shows new mail by itself, and a
// connection that is open when a link leads to it.
// Every page works without them.

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: "auto" });
const today = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

function tellTimes() {
  const now = Date.now();
  for (const element of document.querySelectorAll("time[datetime]")) {
    const then = new Date(element.dateTime);
    const seconds = Math.round((now - then) / 1000);
    element.title = exact.format(then);
    if (seconds < 60) element.textContent = relative.format(0, "second");
    else if (seconds < 3600) element.textContent = relative.format(-Math.floor(seconds / 60), "minute");
    else element.textContent = (seconds < 86400 ? today : day).format(then);
  }
}

async function watchInbox(shown) {
  for (;;) {
    await new Promise((resume) => setTimeout(resume, 1500));
    if (document.hidden) continue;
    try {
      const answer = await fetch("/api/revision");
      const { revision } = await answer.json();
      if (revision !== shown) return location.reload();
    } catch {
      // The sandbox was stopped; it may come back.
    }
  }
}

tellTimes();
setInterval(tellTimes, 20000);
const target = document.getElementById(location.hash.slice(1));
if (target instanceof HTMLDetailsElement) {
  target.open = true;
  target.scrollIntoView();
}
const shown = document.body.dataset.revision;
if (shown !== undefined) watchInbox(Number(shown));
