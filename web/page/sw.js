// Keeps the page's files, so that it works offline. build.js puts VERSION and FILES in front.
/* global VERSION, FILES */
addEventListener("install", (event) => event.waitUntil(caches.open(VERSION).then((cache) =>
  cache.addAll(FILES.map((file) => new Request(file, { cache: "reload" }))))));
addEventListener("activate", (event) => event.waitUntil(caches.keys().then((names) =>
  Promise.all(names.filter((name) => name !== VERSION).map((name) => caches.delete(name))))));
addEventListener("fetch", (event) => event.respondWith(
  caches.match(event.request, { ignoreSearch: true }).then((kept) => kept ?? fetch(event.request))));
