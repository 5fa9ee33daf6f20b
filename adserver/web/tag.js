// tag.js: fills the slots of a page, <ins class="masthead" data-slot="header">.
//
// Served to every reader of every page, so it stays below 2,000 bytes gzipped, and what is served is
// this source: scripts/strip-js takes out comments and blanks, nothing else happens to it. It writes
// no markup and no style attributes and evaluates nothing, so a page's CSP need only name our origin.
(() => {
  // Loaded twice is loaded once. (An element with id="masthead" is window.masthead too.)
  if (window.masthead?.refresh) return;

  const { src } = document.currentScript;

  // Every slot seen, with the answer it waits for, then the ad it shows; 0 once it was emptied. What an
  // older answer brings is dropped.
  const slots = new WeakMap();

  const all = () => document.querySelectorAll('ins.masthead[data-slot]');

  const tell = (el, name, detail) =>
    el.dispatchEvent(new CustomEvent('masthead:' + name, { bubbles: true, detail }));

  // Events are sent at once, and up to four times more where the server could not take them.
  const send = (url, delay = 1000) => {
    const again = () => delay < 1e5 && setTimeout(send, delay, url, delay * 4);
    fetch(url, { method: 'POST', keepalive: true }).then(reply => reply.status > 499 && again(), again);
  };

  // ---- Viewable: half of the pixels in view for one second on end, 30 % from 242,500 pixels on.
  //
  // The browser's own reports decide: while the creative is in view it is asked for fresh ones. The
  // second begins anew where the page was hidden.

  let turned = 0;
  addEventListener('visibilitychange', event => turned = event.timeStamp);

  const watch = (el, ad) => {
    let since, timer;
    const node = el.firstChild;
    const observer = new IntersectionObserver(entries => {
      const { time, intersectionRatio } = entries.pop();
      clearTimeout(timer);
      if (intersectionRatio < (ad.width * ad.height >= 242500 ? .3 : .5)) {
        since = 0;
      } else if (!document.hidden && time - Math.max(since ||= time, turned) >= 1000) {
        observer.disconnect();
        send(ad.viewable_url);
        tell(el, 'viewable', ad);
      } else {
        timer = setTimeout(start, 200);
      }
    }, { threshold: [.3, .5] });
    const start = () => {
      observer.disconnect();
      observer.observe(node);
    };
    start();
  };

  // ---- Showing an ad

  // Settles when the creative has begun to render, or can't. Room that the slot has reserved (more
  // than a line of it) is never exceeded.
  const render = (el, ad) => new Promise((onload, onerror) => {
    el.replaceChildren();
    const { width, height, click_url } = ad;
    const { clientHeight, dataset: { clickPrefix } } = el;
    const style = 'display:block;margin:auto;max-width:100%;max-height:' + (
      clientHeight > 40 ? clientHeight : 1e4) + 'px;';

    const add = (parent, name, props) => parent.appendChild(
      Object.assign(document.createElement(name), props));

    // Readers' comments may bring slots; they must not bring a javascript: address.
    const href = click_url && /^http/.test(clickPrefix) ?
      clickPrefix + encodeURIComponent(click_url) : click_url;
    const link = () => add(el, 'a', {
      style: style + 'width:fit-content;overflow:hidden',
      href,
      target: '_blank',
      rel: 'nofollow noopener sponsored',
    });

    if (ad.image) {
      add(link(), 'img', {
        style: style + 'height:auto;object-fit:contain;aspect-ratio:' + width / height,
        onload,
        onerror,
        width,
        height,
        alt: ad.alt,
        src: new URL(ad.image, src),
      });
    } else if (ad.title) {
      const parent = link();
      add(parent, 'b', { style, textContent: ad.title });
      add(parent, 'span', { style, textContent: ad.body });
      add(parent, 'u', { style, textContent: ad.cta });
      onload();
    } else {
      // An answer without an ad has no html either, and that throws.
      add(el, 'iframe', {
        style: style + 'border:0',
        onload,
        width,
        height,
        scrolling: 'no',
        title: 'Advertisement',
        sandbox: 'allow-scripts allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation',
        srcdoc: ad.html.replaceAll(click_url, () => href),
      });
    }
  });

  // ---- Asking

  const ask = (els, query) => {
    query = new URLSearchParams(query);
    query.append('url', location.href.split('#')[0].slice(0, 1500));
    query.append('ref', document.referrer.slice(0, 1500));
    // The viewer's id in the page's own storage; none where storage or the viewer says no.
    try {
      if (!navigator.globalPrivacyControl) {
        if (!/^[\w-]{8,64}$/.test(localStorage.masthead || '')) {
          localStorage.masthead = crypto.getRandomValues(new Uint32Array(5)).join('-');
        }
        query.append('uid', localStorage.masthead);
      }
    } catch {}
    for (const el of els) {
      query.append('slot', el.dataset.slot + ':' + (el.clientWidth || el.parentNode?.clientWidth || 0));
    }
    // What stays on the page (of 40 slots at most, so that the address does not grow without end) is kept
    // in mind when its new neighbours are chosen.
    for (const el of [...all()].slice(0, 40)) els.includes(el) || query.append('page', slots.get(el)?.page || '');
    const answer = fetch(new URL('/v1/ads?' + query, src)).then(reply => reply.json());
    els.forEach(async (el, i) => {
      const current = () => slots.get(el) == answer;
      slots.set(el, answer);
      let ad;
      try {
        ad = (await answer).ads[i];
        if (current()) await render(el, ad);
        if (current()) {
          slots.set(el, ad);
          send(ad.impression_url);
          watch(el, ad);
          tell(el, 'filled', ad);
        }
      } catch {
        if (current()) {
          destroy(el);
          tell(el, 'empty', ad);
        }
      }
    });
  };

  // Slots that say the same of themselves go into one request, 16 at most. It leaves with the first
  // frame that the browser draws: what was parsed until then is in it, the style sheets that tell the
  // widths are there, and a page that nobody looks at (in the background, or made ready in advance)
  // does not ask.
  const queue = new Set();
  const flush = () => {
    const groups = {};
    for (const el of queue) {
      const query = new URLSearchParams();
      for (const { name, value } of el.attributes) {
        if (/^data-k(w$|v-)/.test(name)) query.append(name.slice(5).replace('-', '.'), value);
      }
      (groups[query] ||= []).push(el);
    }
    queue.clear();
    for (const query in groups) while (groups[query][0]) ask(groups[query].splice(0, 16), query);
  };

  const refresh = el => {
    queue.add(el);
    requestAnimationFrame(flush);
  };
  const load = el => slots.get(el) || refresh(el);
  const destroy = el => {
    queue.delete(el);
    slots.set(el, 0);
    el.replaceChildren();
  };
  window.masthead = { load, refresh, destroy };

  // ---- Finding slots

  const wait = el => {
    slots.set(el);
    new IntersectionObserver((entries, observer) => {
      if (entries.pop().isIntersecting) {
        observer.disconnect();
        slots.get(el) === 0 || load(el);
      }
    }, { rootMargin: '300px' }).observe(el);
  };

  // A slot that is not shown waits until it is.
  const scan = () => {
    for (const el of all()) {
      slots.has(el) || ('lazy' in el.dataset || !el.getClientRects()[0] ? wait : load)(el);
    }
  };

  scan();
  new MutationObserver(scan).observe(document, { childList: true, subtree: true });
})();
