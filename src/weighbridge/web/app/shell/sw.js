// Keeps every file of this version of the page, and serves them from there: the page works without a network.
const NAME = 'weighbridge-{{version}}';
const EARLIER = /^weighbridge-[0-9a-f]{12}$/; // files that readers dropped are kept beside
const FILES = {{files}};

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((n) => EARLIER.test(n) && n !== NAME).map((n) => caches.delete(n))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin || url.pathname.includes('/api/')) return;
  event.respondWith(answered(request));
});

// The page itself comes from the network where there is one, so that a new version is seen; its parts never change.
async function answered(request) {
  const cache = await caches.open(NAME);
  if (request.mode === 'navigate') {
    try {
      return await fetch(request);
    } catch {
      return (await cache.match('./')) ?? Response.error();
    }
  }
  return (await cache.match(request)) ?? fetch(request);
}
